"""Trains PGD training with three radii and two seeds: python examples/sweep_a_setting.py [FOLDER].

Started several times, on as many machines as share the folder, each run is trained once.
"""

import os
import sys
from dataclasses import replace

from tfrobust.experiments.recipe import DataSpec, ModelSpec, Recipe
from tfrobust.experiments.sweep import make_runs
from tfrobust.experiments.sweep_worker import Worker, counted, write_table
from tfrobust.objectives import make_objective
from tfrobust.training_spec import TrainingSpec


def main(folder: str = "example_runs", steps: int = 100) -> None:
    """Prints how many runs are done; sweep.md in FOLDER/sweep says which."""
    madry = make_objective("madry", eps=0.1, attack_steps=5, step_size=0.05)
    plan = TrainingSpec(steps=steps, batch_size=50, learning_rates=[1e-3])
    recipe = Recipe("madry", DataSpec("digits"), ModelSpec("digits_cnn"), madry, plan)
    recipes = [replace(recipe, name=f"eps={e}", objective=replace(madry, eps=e)) for e in (0.1, 0.2, 0.3)]
    output = os.path.join(folder, "sweep")
    os.makedirs(output, exist_ok=True)
    runs = make_runs(recipes, (0, 1), output)
    Worker(runs, output).work(runs)
    print(counted(write_table(runs, output)))


if __name__ == "__main__":
    main(*sys.argv[1:])

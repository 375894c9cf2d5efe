"""Trains IG-NORM on the digits that scikit-learn brings, from a Recipe: python examples/train_a_recipe.py [FOLDER].

If it is interrupted, the same command resumes it.
"""

import sys

from tfrobust.experiments.recipe import DataSpec, ModelSpec, Recipe
from tfrobust.experiments.training_run import train
from tfrobust.objectives import make_objective
from tfrobust.training_spec import TrainingSpec

IG_NORM = make_objective(
    "ig_norm",
    eps=0.3,
    attack_steps=5,
    step_size=0.1,
    attribution_weight=0.3,
    ig_steps=6,
    ig_steps_attack=4,
)


def main(folder: str = "example_runs", steps: int = 200) -> None:
    """Leaves the network, its settings and its curves in FOLDER/ig_norm."""
    plan = TrainingSpec(steps=steps, batch_size=50, learning_rates=[1e-3], eps_ramp_steps=steps // 2)
    recipe = Recipe("ig_norm", DataSpec("digits"), ModelSpec("digits_cnn"), IG_NORM, plan)
    trained = train(recipe, recipe.data.read(), f"{folder}/ig_norm")
    print(f"{recipe.name}: {steps} steps in {trained.seconds:.0f} s: {folder}/ig_norm/network.keras")


if __name__ == "__main__":
    main(*sys.argv[1:])

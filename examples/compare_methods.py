"""Compares TRADES with PGD training at equal steps and at equal time: python examples/compare_methods.py [FOLDER]."""

import sys

from tfrobust.attacks import Ifia, Pgd, TopK
from tfrobust.attributions import make_map
from tfrobust.evaluation import MapTask, Suite
from tfrobust.experiments.comparison import compare
from tfrobust.experiments.recipe import DataSpec, ModelSpec, Recipe
from tfrobust.objectives import make_objective
from tfrobust.similarity import Comparison
from tfrobust.training_spec import TrainingSpec

ATTACK = {"eps": 0.3, "attack_steps": 5, "step_size": 0.1}
METHODS = {
    "natural": make_objective("natural"),
    "madry": make_objective("madry", **ATTACK),
    "trades": make_objective("trades", kl_weight=6.0, **ATTACK),
}


def main(folder: str = "example_runs", steps: int = 200, examples: int = 100, attack_steps: int = 20) -> None:
    """Prints accuracy under attack and the likeness of maps for each network."""
    data, plan = DataSpec("digits"), TrainingSpec(steps=steps, batch_size=50, learning_rates=[1e-3])
    recipes = [Recipe(name, data, ModelSpec("digits_cnn"), method, plan) for name, method in METHODS.items()]
    pgd = Pgd(eps=0.3, steps=attack_steps, step_size=0.05, random_start=True)
    ifia = Ifia(eps=0.3, steps=attack_steps, step_size=0.05, goal=TopK(16))
    task = MapTask(make_map("integrated_gradients", steps=10), ifia, Comparison(k=16))
    suite = Suite.of_one(pgd, task, examples=examples, attribution_examples=examples // 4)
    found = compare(recipes, data, suite, f"{folder}/comparison")
    for line in found.lines:
        scores = f"{line['adversarial_accuracy']:.1%} under PGD, Kendall {line.get('kendall', float('nan')):.3f}"
        print(f"{line['network']:24} {line['natural_accuracy']:.1%}, {scores}")


if __name__ == "__main__":
    main(*sys.argv[1:])

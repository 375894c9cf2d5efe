"""Evaluates a network by the suite of a paper: python examples/evaluate_by_suite.py [NETWORK.keras]."""

import dataclasses
import sys

import keras

from tfrobust.data import load, to_unit
from tfrobust.evaluation import evaluate
from tfrobust.models import make_model
from tfrobust.networks import load_network
from tfrobust.papers.suites import make_suite


def main(path: str | None = None, name: str = "rar", examples: int = 50) -> None:
    """Prints what each task of the suite found on digits; an untrained network stands in where none is given."""
    data = load("digits")
    keras.utils.set_random_seed(0)
    network = load_network(path) if path else make_model("digits_cnn", data.shape, data.classes)
    suite = make_suite(name, "digits", data.shape)
    suite = dataclasses.replace(suite, examples=examples, attribution_examples=max(1, examples // 10), faithful=False)
    result = evaluate(network, to_unit(data.x_test), data.y_test, suite)
    for task, summary in result.summary.items():
        means = {key: value["mean"] for key, value in summary.items() if isinstance(value, dict)}
        print(f"{task}: " + ", ".join(f"{key} {mean:.3f}" for key, mean in means.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])

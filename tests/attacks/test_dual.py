"""The dual attack: its limit, and that what it weighs stays."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests, shallow_network
from tfrobust.attacks import Dual, Pgd
from tfrobust.evaluation import Suite, evaluate
from tfrobust.evaluation.dual import dual_scores
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

ATTACK = Dual(0.3, 8, 0.05, map_weight=20.0)


@functools.cache
def given():
    """(network, images, labels): it is right about all but two of them."""
    network, x = shallow_network(), images(40)[0].numpy()
    y = np.argmax(network(x), axis=1).astype(np.int32)
    y[:2] = (y[:2] + 1) % 10
    return network, x, y


def test_without_weight_it_is_pgd(eagerly):
    network, x, y = given()
    batch = tf.constant(x), tf.constant(y), tf.range(len(x))
    own = dataclasses.replace(ATTACK, map_weight=0.0).on_predictions(network)(*batch)
    np.testing.assert_allclose(own, Pgd(0.3, 8, 0.05).on_predictions(network)(*batch), atol=1e-6)


def test_with_weight_the_maps_of_flipped_images_stay(eagerly):
    network, x, y = given()
    free, held = (
        dual_scores(network, x, y, dataclasses.replace(ATTACK, map_weight=weight), Comparison(k=8))
        for weight in (0.0, 20.0)
    )
    flipped = np.isfinite(free["map_cosine"]) & np.isfinite(held["map_cosine"])
    assert np.array_equal(np.isfinite(held["map_cosine"]), held["prediction"] != y) and flipped.mean() > 0.5
    assert held["map_cosine"][flipped].mean() > free["map_cosine"][flipped].mean() + 0.02


def test_a_suite_has_its_accuracy_and_the_maps_of_what_flipped():
    network, x, y = given()
    result = evaluate(network, x, y, Suite("mine", {"dual": ATTACK}, faithful=False, aligned=False))
    own = result.summary["dual"]
    records = result.records_of("dual")
    flipped = [record for record in records if record["flipped"]]
    assert own["accuracy"]["mean"] == sum(record["prediction"] == record["label"] for record in records) / len(x)
    np.testing.assert_allclose(own["map_cosine"]["mean"], np.mean([record["map_cosine"] for record in flipped]))
    assert all(record["map_kendall"] is None for record in records if record["prediction"] == record["label"])


@pytest.mark.parametrize("wrong", [{"map_weight": -1.0}, {"softplus_beta": 0.0}, {"map_weight": float("nan")}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        Dual(0.3, 2, 0.1, **wrong)


if __name__ == "__main__":
    run_tests(__file__)

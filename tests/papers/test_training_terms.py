"""The terms at the end of training are those of the objective, without their weight, on training images."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers import run_tests, shallow_network
from tfrobust.data import load
from tfrobust.experiments.recipe import DataSpec, ModelSpec, Recipe
from tfrobust.losses import cross_entropy
from tfrobust.objectives import make_objective
from tfrobust.papers.training_terms import measured
from tfrobust.training_spec import TrainingSpec

PLAN = TrainingSpec(steps=2, batch_size=4, learning_rates=(1e-3,))


def recipe(**options):
    given = {"eps": 0.1, "attack_steps": 2, "step_size": 0.05, "ig_steps": 3, "ig_steps_attack": 2, **options}
    objective = make_objective("ig_norm", **{"attribution_weight": 1.0, **given})
    return Recipe("ig_norm", DataSpec("digits"), ModelSpec("digits_cnn"), objective, PLAN)


def test_terms_are_means_over_the_drawn_training_images_without_their_weight(eagerly):
    network, images = shallow_network(), load("digits")
    found = measured(network, recipe(), images, examples=7, seed=3, batch=4)
    rows = np.sort(np.random.RandomState(3).permutation(len(images.x_train))[:7])
    want = cross_entropy(images.y_train[rows], network(images.x_train[rows])).numpy()
    assert found["cross_entropy"]["mean"] == pytest.approx(want.mean(), rel=1e-4)
    assert found["cross_entropy"]["std"] == pytest.approx(want.std(ddof=1), rel=1e-3)
    assert found["ig_norm"]["mean"] > 0.01 and found["ig_norm"]["low"] < found["ig_norm"]["mean"]
    twice = measured(network, recipe(attribution_weight=2.0), images, examples=7, seed=3, batch=4)
    assert twice["ig_norm"]["mean"] == pytest.approx(found["ig_norm"]["mean"], rel=1e-4)


def test_without_a_ball_nothing_is_attributed(eagerly):
    none = measured(shallow_network(), recipe(eps=0.0), load("digits"), examples=4, seed=0, batch=4)
    assert none["ig_norm"]["mean"] == pytest.approx(0.0, abs=1e-6)


def test_no_number_of_images_is_a_thousand(eagerly, monkeypatch):
    monkeypatch.setattr("tfrobust.papers.training_terms.EXAMPLES", 3)
    natural = replace(recipe(), objective=make_objective("natural"))
    network, images = shallow_network(), load("digits")
    rows = np.sort(np.random.RandomState(0).permutation(len(images.x_train))[:3])
    want = cross_entropy(images.y_train[rows], network(images.x_train[rows])).numpy().mean()
    found = measured(network, natural, images, examples=0, seed=0, batch=4)
    assert found["cross_entropy"]["mean"] == pytest.approx(want, rel=1e-4)


if __name__ == "__main__":
    run_tests(__file__)

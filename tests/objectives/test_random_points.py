"""Path points of the inner attack that are drawn anew in each iteration."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests, shallow_network, the_step, without_graphs
from tfrobust.distribution import Place, at_place, make_strategy
from tfrobust.objectives import make_objective
from tfrobust.training import TrainingSpec, train
from tfrobust.types import Batch

HYPER = {"eps": 0.2, "attack_steps": 2, "step_size": 0.05, "ig_steps": 2, "ig_steps_attack": 3}
METHODS = {
    "ig_norm": {"attribution_weight": 0.5},
    "ig_sum_norm": {"attribution_weight": 2.0},
    "ig_wasserstein": {"attribution_weight": 0.5, "gamma": 0.1},
    "cacr_wacr": {"attribution_weight": 0.5},
}
network = functools.cache(shallow_network)


def objective(name, **options):
    return make_objective(name, **{**HYPER, **METHODS[name], "random_points": True, **options})


def found(method, step=None):
    """x' of 8 images, [8,H,W,C]."""
    return method.inner(network(), Batch(*images(8)), step or the_step()).numpy()


# ig_sum_norm has the points of ig_norm, and the test below.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.exhaustive] * (name == "ig_sum_norm")) for name in METHODS]
)
def test_a_step_repeats_its_points_and_another_step_has_others(name):
    other = the_step()._replace(batch_seed=tf.constant([7, 8]))  # The random start is that of `seed`.
    drawn, fixed = objective(name), objective(name, random_points=False)
    one, without = found(drawn), found(fixed)
    assert np.array_equal(found(drawn), one) and np.array_equal(found(fixed, other), without)
    assert not np.array_equal(found(drawn, other), one) and not np.array_equal(one, without)


@pytest.mark.parametrize("options", [{"chunk": 2}, {"layer": "the input"}])
def test_neither_chunks_nor_the_input_as_layer_change_the_points(options):
    if "layer" in options:
        options = {"layer": network().layers[0].name}
    plain = objective("ig_norm", norm="l2", eps=2.0, step_size=1.0)  # Steps along the gradient, not along its sign.
    np.testing.assert_allclose(found(dataclasses.replace(plain, **options)), found(plain), atol=1e-5)
    assert np.abs(found(dataclasses.replace(plain, random_points=False)) - found(plain)).max() > 1e-3


@pytest.mark.parametrize("name", ["ig_sum_norm", "cacr_wacr"])
def test_a_part_of_a_batch_has_the_points_of_the_whole(name):
    """As a replica, which has the seed of the batch, too."""
    with at_place(Place(*map(tf.constant, (5, 3, 8)))):
        part = objective(name).inner(network(), Batch(*(v[5:] for v in images(8))), the_step())
    np.testing.assert_allclose(part, found(objective(name))[5:], atol=1e-5)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["ig_sum_norm", "cacr_wacr"])
def test_two_replicas_have_the_points_of_one_device(name):
    def trained(strategy):
        def batches(start, part=0, parts=1):
            return tf.data.Dataset.from_tensors(tuple(tf.split(v, parts)[part] for v in images(8))).repeat()

        with without_graphs(), strategy.scope():
            made = shallow_network()
            train(made, objective(name), batches, 8, TrainingSpec(1, 8, [0.02], optimizer="sgd", momentum=0.0))
        return made.get_weights()

    for a, b in zip(trained(tf.distribute.get_strategy()), trained(make_strategy("mirrored", 2))):
        np.testing.assert_allclose(a, b, atol=1e-5)


if __name__ == "__main__":
    run_tests(__file__)

"""Integrated Gradients of the units of a layer."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import assert_close, images, run_tests, small_network, the_step
from tfrobust.attributions import make_score
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.layer_attributions import layer_integrated_gradients
from tfrobust.objectives import make_objective
from tfrobust.types import Batch, InputError


@functools.cache
def network_of_all():
    """Every test leaves its weights as they are."""
    return small_network()


@pytest.mark.parametrize("layer", ["relu1", pytest.param("relu2", marks=pytest.mark.exhaustive), "relu3"])
def test_completeness_at_every_layer(layer):
    network = network_of_all()
    x, y = images()
    x0 = tf.random.stateless_uniform(x.shape, [1, 2])
    ig = layer_integrated_gradients(network, layer, "logit", x, y, baseline=x0, steps=200, rule="gauss_legendre")
    logit = make_score(network, "logit")
    change = logit(x, y) - logit(x0, y)
    assert ig.shape[1:] == network.get_layer(layer).output.shape[1:]
    total = tf.reduce_sum(tf.reshape(ig, [6, -1]), axis=1)
    np.testing.assert_allclose(total, change, atol=0.02 * np.abs(change).max())


def test_at_the_input_it_is_integrated_gradients():
    network = network_of_all()
    x, y = images()
    name = network.layers[0].name
    got = layer_integrated_gradients(network, name, "loss", x, y, baseline=None, steps=7)
    assert_close(got, integrated_gradients(make_score(network, "loss"), x, y, None, 7), 1e-5)


def test_ig_norm_of_a_layer_reaches_every_weight_and_bounds_the_change_of_the_loss():
    network = network_of_all()
    x, y = images()
    hyper = {"eps": 0.2, "attack_steps": 2, "step_size": 0.1, "attribution_weight": 1.0, "ig_steps": 30}
    objective = make_objective("ig_norm", layer="relu2", ig_steps_attack=2, **hyper)
    batch = Batch(x, y)
    x_adv = objective.inner(network, batch, the_step())
    with tf.GradientTape() as tape:
        terms = objective.outer(network, batch, x_adv, the_step())
        loss = tf.add_n([tf.reduce_mean(t) for t in terms.values()])
    assert all(g is not None and np.any(g) for g in tape.gradient(loss, network.trainable_variables))
    score = make_score(network, "loss")
    assert (terms["ig_norm"] >= np.abs(score(x_adv, y) - score(x, y)) - 1e-2).numpy().all()


def test_an_unknown_layer_is_refused_with_the_known_ones():
    x, y = images()
    with pytest.raises(InputError, match="relu1"):
        layer_integrated_gradients(network_of_all(), "relu9", "logit", x, y)


if __name__ == "__main__":
    run_tests(__file__)

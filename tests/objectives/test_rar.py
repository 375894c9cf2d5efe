"""IG-NORM and IG-SUM-NORM against the released code, and RAR's theory where it has closed forms."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import (
    WEIGHTS,
    assert_close,
    images,
    linear_network,
    reference,
    reference_batch,
    reference_network,
    run_tests,
    small_network,
    the_step,
)
from tfrobust.losses import cross_entropy
from tfrobust.objectives.rar import IgNorm, IgSumNorm
from tfrobust.types import Batch

HYPER = {"eps": 0.3, "attack_steps": 10, "step_size": 0.01, "ig_steps": 50, "ig_steps_attack": 10}


RELEASED = {IgNorm: "ig_norm_loss_lambda0.1", IgSumNorm: "ig_sum_norm_loss_beta0.1"}


@pytest.mark.parametrize(
    "method, name, chunk",
    [
        *((method, name, None) for method, name in RELEASED.items()),
        pytest.param(IgNorm, RELEASED[IgNorm], 10, marks=pytest.mark.exhaustive),  # Whose term is that of the other.
        (IgSumNorm, RELEASED[IgSumNorm], 10),
    ],
)
def test_loss_and_gradients_agree_with_the_released_code(method, name, chunk):
    x, y, x_adv = reference_batch()
    network, r = reference_network(), reference()
    objective = method(attribution_weight=0.1, chunk=chunk, **HYPER)
    with tf.GradientTape() as tape:
        terms = objective.outer(network, Batch(x, y), x_adv, the_step())
        loss = tf.add_n([tf.reduce_sum(t) for t in terms.values()])  # The released code sums over the batch.
    assert_close(loss, r[name], 1e-5)
    first = "xent_sum" if method is IgNorm else "adv_xent_sum"
    assert_close(tf.reduce_sum(next(iter(terms.values()))), r[first], 1e-5)
    for weight, g in zip(WEIGHTS, tape.gradient(loss, network.trainable_variables)):
        assert_close(g, r[f"grad_{name.split('_loss')[0]}_{weight}"], 1e-4)


def one_layer():
    """A logistic regression as a network of two logits: l(x, y) = log(1 + exp(-m)), m linear in x."""
    w = np.zeros((4, 4, 1, 2), np.float32)
    w[..., 1] = np.random.RandomState(0).randn(4, 4, 1)
    x = tf.constant(0.3 + 0.4 * np.random.RandomState(1).rand(5, 4, 4, 1), tf.float32)
    return linear_network(w), w[..., 1], Batch(x, tf.constant([0, 1, 1, 0, 1]))


def test_theorem_3_ig_norm_of_a_one_layer_network_is_adversarial_training():
    network, w, batch = one_layer()
    objective = IgNorm(
        attribution_weight=1.0,
        eps=0.05,
        attack_steps=10,
        step_size=0.02,
        ig_steps=20,
        ig_steps_attack=20,
        rule="gauss_legendre",
    )
    sign = 2.0 * tf.cast(batch.y, tf.float32) - 1
    margin = sign * tf.reduce_sum(batch.x * w, axis=[1, 2, 3])
    want = tf.nn.softplus(-margin + 0.05 * np.abs(w).sum()).numpy()

    def total(x_adv):
        return sum(objective.outer(network, batch, x_adv, the_step()).values())

    worst = batch.x - tf.reshape(sign, [-1, 1, 1, 1]) * 0.05 * np.sign(w)
    np.testing.assert_allclose(total(worst), want, rtol=1e-4)
    # Lowering the loss changes attributions as well, so the ascent may end in that, lower, corner; never above.
    found = total(objective.inner(network, batch, the_step())).numpy()
    assert (found <= want * (1 + 1e-4)).all() and np.isclose(found, want, rtol=1e-3).any()


def test_the_l1_norm_is_at_least_the_change_of_the_loss():
    # Completeness: the sum of IG is the change, and the l1 norm is never below the sum (RAR Prop. 1 and 3).
    network = small_network()
    x, y = images()
    x_adv = tf.clip_by_value(x + 0.2, 0.0, 1.0)
    objective = IgNorm(attribution_weight=1.0, **{**HYPER, "ig_steps": 200})
    l1 = objective.ig_norm(network, Batch(x, y), x_adv, 200)
    change = cross_entropy(y, network(x_adv)) - cross_entropy(y, network(x))
    assert (l1.numpy() >= np.abs(change) - 1e-2).all()


def test_proposition_2_the_first_left_point_is_the_input_gradient():
    network = small_network()
    x, y = images()
    x_adv = tf.clip_by_value(x + 0.1, 0.0, 1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = cross_entropy(y, network(x))
    want = tf.reduce_sum(tf.abs(tape.gradient(loss, x) * (x_adv - x)), axis=[1, 2, 3])
    objective = IgNorm(attribution_weight=1.0, rule="left", **{**HYPER, "ig_steps": 1})
    np.testing.assert_allclose(objective.ig_norm(network, Batch(x, y), x_adv, 1), want, rtol=1e-5)


if __name__ == "__main__":
    run_tests(__file__)

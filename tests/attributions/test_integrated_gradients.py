"""The axioms, the golden numbers, and that chunks change nothing, in first and second order."""

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
)
from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.quadrature import RULES

CHUNKS = [None, 1, 3, 50]


@pytest.mark.parametrize("chunk", [None, 7])
@pytest.mark.parametrize("m", [50, 10])
def test_agrees_with_the_released_code(m, chunk):
    x, y, x_adv = reference_batch()
    ig = integrated_gradients(make_score(reference_network(), "loss"), x_adv, y, x, m, chunk=chunk)
    assert_close(ig, reference()[f"ig_loss_m{m}"], 1e-5)


@pytest.mark.parametrize(
    "rule, tolerance", [("right", 0.05), ("left", 0.05), ("trapezoid", 5e-3), ("gauss_legendre", 5e-3)]
)
def test_completeness(rule, tolerance):
    network = small_network()
    x, y = images()
    x0 = tf.random.stateless_uniform(x.shape, [1, 2])
    score = make_score(network, "logit")
    ig = integrated_gradients(score, x, y, x0, 200, rule)
    change = score(x, y) - score(x0, y)
    np.testing.assert_allclose(tf.reduce_sum(ig, axis=[1, 2, 3]), change, atol=tolerance * np.abs(change).max())


@pytest.mark.parametrize("rule", RULES)
def test_of_a_linear_score_it_is_exact_with_one_step(rule):
    w = np.random.RandomState(0).randn(8, 8, 1, 10)
    x, y = images()
    ig = integrated_gradients(make_score(linear_network(w, 3.0), "logit"), x, y, 0.25, 1, rule)
    np.testing.assert_allclose(ig, (x - 0.25) * np.moveaxis(w, -1, 0)[y.numpy()], rtol=1e-5, atol=1e-6)


def test_of_a_square_the_end_points_show():
    # score = sum x^2 from black: IG is x^2 (1 + 1/m) with right end points, (1 - 1/m) with left, x^2 else.
    x, _ = images()

    def ig(rule):
        return integrated_gradients(lambda x, y: tf.reduce_sum(x**2, axis=[1, 2, 3]), x, tf.zeros(6), None, 4, rule)

    for rule, factor in (("right", 1.25), ("left", 0.75), ("trapezoid", 1.0), ("gauss_legendre", 1.0)):
        np.testing.assert_allclose(ig(rule), factor * x**2, rtol=1e-4)


def test_sensitivity_and_symmetry():
    def score(x, y):  # Symmetric in pixels (0, 0) and (1, 1), blind to all others.
        return tf.nn.softplus(3 * x[:, 0, 0, 0] * x[:, 1, 1, 0])

    x, y = images()
    x = tf.tensor_scatter_nd_update(x, [[0, 1, 1, 0]], [x[0, 0, 0, 0]])
    ig = integrated_gradients(score, x, y, steps=20).numpy()
    np.testing.assert_allclose(ig[0, 0, 0], ig[0, 1, 1], rtol=1e-5)
    ig[:, 0, 0] = ig[:, 1, 1] = 0
    assert not ig.any()


def test_baseline_at_the_image_gives_zero():
    x, y = images()
    assert not np.any(integrated_gradients(make_score(small_network(), "logit"), x, y, x, 5))


@pytest.mark.parametrize("chunk", CHUNKS)
def test_weight_gradients_agree_with_the_released_code(chunk):
    r, network = reference(), reference_network()
    x, y, x_adv = reference_batch()
    loss = make_score(network, "loss")

    @tf.function
    def regularized():
        with tf.GradientTape() as tape:
            l1 = tf.reduce_sum(tf.abs(integrated_gradients(loss, x_adv, y, x, 50, chunk=chunk)))
            value = tf.reduce_sum(loss(x, y)) + 0.1 * l1
        return l1, value, tape.gradient(value, network.trainable_variables)

    l1, value, grads = regularized()
    assert_close(l1, r["l1_m50"], 1e-5)
    assert_close(value, r["ig_norm_loss_lambda0.1"], 1e-5)
    for name, g in zip(WEIGHTS, grads):
        assert_close(g, r["grad_ig_norm_" + name], 1e-4)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_gradients_by_image_and_baseline_do_not_depend_on_chunk(chunk):
    network = small_network()
    x, y = images()
    x0 = tf.random.stateless_uniform(x.shape, [1, 2])
    cotangent = tf.random.stateless_normal(x.shape, [3, 4])

    def by(chunk):
        with tf.GradientTape() as tape:
            tape.watch([x, x0])
            ig = integrated_gradients(make_score(network, "loss"), x, y, x0, 7, chunk=chunk)
        return [ig, *tape.gradient(ig, [x, x0], output_gradients=cotangent)]

    for got, want in zip(by(chunk), by(None)):
        assert_close(got, want, 1e-5)


def test_a_chunked_score_without_weights_has_gradients_too():
    x, y = images()

    def total(chunk):
        with tf.GradientTape() as tape:
            tape.watch(x)
            ig = integrated_gradients(lambda x, y: tf.reduce_sum(x**3, axis=[1, 2, 3]), x, y, None, 5, chunk=chunk)
        return tape.gradient(ig, x)

    assert_close(total(2), total(None), 1e-5)


def test_per_image_standardization_turns_it_into_image_times_gradient():
    # Where the score is invariant to positive scale, IG from black with right end points is H_m x grad(x).
    def score(x, y):  # Times 100, because the op has a floor on the deviation that must not act.
        return tf.reduce_max(tf.image.per_image_standardization(100 * x), axis=[1, 2, 3])

    x, y = images()
    want = sum(1 / k for k in range(1, 51)) * x * gradient(score, x, y)
    assert_close(integrated_gradients(score, x, y, steps=50), want, 1e-3)


if __name__ == "__main__":
    run_tests(__file__)

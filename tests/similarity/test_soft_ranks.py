"""Softened rank correlations: their limits, what they are for equal and turned maps, drawn pixels, gradients."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.helpers import run_tests
from tfrobust.similarity.soft_ranks import soft_kendall, soft_spearman

SEED = tf.constant([1, 2])
R = np.random.RandomState(0)
A, B = (tf.constant(R.randn(4, 5, 5, 2), tf.float32) for _ in range(2))
SOFT = {soft_kendall: stats.kendalltau, soft_spearman: stats.spearmanr}


@pytest.mark.parametrize("soft, exact", SOFT.items())
def test_as_the_scale_grows_they_tend_to_the_coefficients_of_scipy_ties_included(soft, exact):
    for a, b in ((A, 0.5 * A + B), (tf.round(A), tf.round(A + B))):
        want = [exact(p.ravel(), q.ravel())[0] for p, q in zip(a.numpy(), b.numpy())]
        np.testing.assert_allclose(soft(a, b, SEED, scale=1e5), want, atol=2e-3)


@pytest.mark.parametrize("soft", SOFT)
def test_equal_maps_have_1_turned_ones_minus_1_and_a_scale_or_a_shift_does_not_matter(soft):
    np.testing.assert_allclose(soft(A, A, SEED), np.ones(4), rtol=1e-5)
    np.testing.assert_allclose(soft(A, -A, SEED), -np.ones(4), rtol=1e-5)
    np.testing.assert_allclose(soft(7 * A + 2, B, SEED), soft(A, B, SEED), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("soft", SOFT)
def test_over_drawn_pixels_they_are_near_those_over_all(soft):
    whole = soft(A, A + B, SEED)
    drawn = np.array([soft(A, A + B, tf.constant([3, i]), others=20) for i in range(30)])
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-4
    assert np.abs(drawn.mean(axis=0) - whole).max() < 0.03
    shapes = [tf.TensorSpec([None, None, None, 2])]
    unknown = tf.function(lambda a: soft(a, A + B, SEED), input_signature=shapes, autograph=False)
    np.testing.assert_allclose(unknown(A), whole, rtol=1e-4)


@pytest.mark.parametrize("soft", SOFT)
def test_maps_of_zeros_and_equal_maps_have_finite_values_and_gradients(soft):
    for a, b in ((tf.zeros_like(A), B), (A, A), (tf.zeros_like(A), tf.zeros_like(A))):
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            value = soft(a, b, SEED)
        assert np.isfinite(value).all() and all(np.isfinite(g).all() for g in tape.gradient(value, [a, b]))


@pytest.mark.parametrize("soft", SOFT)
def test_a_step_along_the_gradient_raises_them(soft):
    with tf.GradientTape() as tape:
        tape.watch(A)
        value = soft(A, B, SEED)
    g = tape.gradient(value, A)
    assert (soft(A + 0.5 * g / tf.reduce_max(tf.abs(g)), B, SEED) > value).numpy().all()


if __name__ == "__main__":
    run_tests(__file__)

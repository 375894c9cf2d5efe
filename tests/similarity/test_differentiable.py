"""Differentiable distances of maps against their closed forms."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.helpers import run_tests
from tfrobust.names import DISSIMILARITIES
from tfrobust.similarity import differentiable as d

R = np.random.RandomState(0)
A, B = (tf.constant(R.randn(4, 5, 5, 2), tf.float32) for _ in range(2))


def test_against_scipy():
    for a, b, cosine, pearson in zip(A.numpy(), B.numpy(), d.cosine(A, B), d.pearson(A, B)):
        a, b = a.ravel(), b.ravel()
        np.testing.assert_allclose(cosine, a @ b / np.linalg.norm(a) / np.linalg.norm(b), rtol=1e-5)
        np.testing.assert_allclose(pearson, stats.pearsonr(a, b)[0], rtol=1e-4, atol=1e-6)


def test_limits():
    np.testing.assert_allclose(d.pearson_loss(A, 3 * A + 1), np.zeros(4), atol=1e-6)
    np.testing.assert_allclose(d.pearson_loss(A, -A), np.ones(4), atol=1e-6)
    np.testing.assert_allclose(d.cosine_distance(A, 2 * A), np.zeros(4), atol=1e-6)
    np.testing.assert_allclose(d.cosine_distance(A, -A), 2 * np.ones(4), atol=1e-6)
    np.testing.assert_allclose(d.l1(A, B), np.abs(A - B).sum(axis=(1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(d.l2(A, B) ** 2, ((A - B).numpy() ** 2).sum(axis=(1, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize("name", DISSIMILARITIES)
def test_maps_of_zeros_and_equal_maps_have_finite_values_and_gradients(name):
    for a, b in ((tf.zeros_like(A), B), (A, A), (tf.zeros_like(A), tf.zeros_like(A))):
        with tf.GradientTape() as tape:
            tape.watch(a)
            value = DISSIMILARITIES[name](a, b)
        assert np.isfinite(value).all() and np.isfinite(tape.gradient(value, a)).all()


if __name__ == "__main__":
    run_tests(__file__)

"""Gradients of scores by the image."""

import numpy as np
import tensorflow as tf

from tests.helpers import images, linear_network, run_tests
from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient


def test_gradient_of_a_linear_logit_is_its_weights():
    w = np.random.RandomState(0).randn(8, 8, 1, 10)
    x, y = images()
    want = np.moveaxis(w, -1, 0)[y.numpy()]
    np.testing.assert_allclose(gradient(make_score(linear_network(w), "logit"), x, y), want, rtol=1e-6)


def test_gradient_is_differentiable_again():
    x = tf.constant([[[[0.5]]]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        g = gradient(lambda x, y: tf.reduce_sum(x**3, axis=[1, 2, 3]), x, None)
    np.testing.assert_allclose(tape.gradient(g, x), 6 * x, rtol=1e-6)


if __name__ == "__main__":
    run_tests(__file__)

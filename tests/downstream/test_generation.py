"""Seeds have the moments of their class; what is made from them stays in its ball and is more of its class."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import linear_network, run_tests, small_network
from tfrobust.downstream.generation import class_seeds, generate
from tfrobust.types import InputError

R = np.random.RandomState(0)


def test_seeds_have_the_mean_and_covariance_of_the_images():
    x = np.clip(0.5 + 0.1 * R.randn(30, 2, 2, 1), 0, 1).astype(np.float32)
    x[:, 1] = x[:, 0]  # Rows alike: so must the draws' be.
    drawn = class_seeds(x, 3, 4000, seed=1)
    flat, own = drawn.reshape(4000, -1), x.reshape(30, -1)
    np.testing.assert_allclose(flat.mean(0), own.mean(0), atol=0.01)
    np.testing.assert_allclose(np.cov(flat.T), np.cov(own.T), atol=0.002)
    np.testing.assert_allclose(drawn[:, 1], drawn[:, 0], atol=1e-6)
    assert drawn.dtype == np.float32 and drawn.min() >= 0 and drawn.max() <= 1


def test_a_class_draws_by_its_seed_and_its_label():
    x = R.uniform(0, 1, (5, 4, 4, 1)).astype(np.float32)
    assert np.array_equal(class_seeds(x, 1, 3), class_seeds(x, 1, 3))
    assert not np.array_equal(class_seeds(x, 1, 3), class_seeds(x, 2, 3))
    with pytest.raises(InputError, match="class 7 has 1 images"):
        class_seeds(x[:1], 7, 3)


def test_on_a_linear_network_an_image_goes_along_the_difference_of_the_weights():
    w = np.zeros((8, 8, 1, 2), np.float32)
    w[0, 0, 0, 1] = w[0, 1, 0, 0] = 1.0
    seeds = np.full((1, 8, 8, 1), 0.5, np.float32)
    made = generate(linear_network(w), seeds, np.array([1]), eps=0.2, steps=20, step_size=0.05)
    want = seeds.copy().reshape(-1)
    want[:2] += np.array([1.0, -1.0]) * 0.2 / np.sqrt(2)
    np.testing.assert_allclose(made.reshape(-1), want, atol=1e-3)


def test_what_is_made_is_more_of_its_class_and_near_its_seed():
    network, seeds, y = small_network(), R.uniform(0, 1, (6, 8, 8, 1)).astype(np.float32), np.arange(6)
    made = generate(network, seeds, y, eps=1.0, steps=20, step_size=0.1)
    before, after = (tf.nn.log_softmax(network(x)).numpy()[np.arange(6), y] for x in (seeds, made))
    assert (after > before).all() and made.min() >= 0 and made.max() <= 1
    assert np.linalg.norm((made - seeds).reshape(6, -1), axis=1).max() <= 1.0 + 1e-4
    np.testing.assert_allclose(generate(network, seeds, y, eps=0.0, steps=5, step_size=0.1), seeds, atol=1e-6)


if __name__ == "__main__":
    run_tests(__file__)

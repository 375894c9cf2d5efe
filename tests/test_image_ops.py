"""Projective transformations of images, by tensorflow-addons and without."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests
from tfrobust import image_ops
from tfrobust.image_ops import projective_transform, raw_projective_transform, rotate_and_shift


def moved(x, degrees=0.0, down=0.0, right=0.0):
    n = len(x)
    return rotate_and_shift(x, tf.fill([n], degrees), tf.fill([n], down), tf.fill([n], right)).numpy()


def test_nothing_changes_by_nothing():
    x, _ = images(3, shape=(7, 9, 2))
    np.testing.assert_allclose(moved(x), x, atol=1e-6)


def test_a_shift_is_a_shift_and_leaves_black():
    x = images(3, shape=(7, 9, 2))[0].numpy()
    got = moved(x, down=2.0, right=-1.0)
    np.testing.assert_allclose(got[:, 2:, :-1], x[:, :-2, 1:], atol=1e-5)
    assert not got[:, :2].any() and not got[:, :, -1:].any()
    half = moved(x, right=0.5)
    np.testing.assert_allclose(half[:, :, 1:], (x[:, :, 1:] + x[:, :, :-1]) / 2, atol=1e-5)


@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_right_angles_turn_counter_clockwise(turns):
    x = images(2, shape=(6, 6, 1))[0].numpy()
    np.testing.assert_allclose(moved(x, degrees=90.0 * turns), np.rot90(x, turns, axes=(1, 2)), atol=1e-4)


def test_a_turn_comes_before_the_shift():
    x = np.zeros((1, 7, 7, 1), np.float32)
    x[0, 3, 5] = 1  # Right of the center; turned by 90 degrees it is above, then one down.
    assert np.argmax(moved(x, degrees=90.0, down=1.0)) == 2 * 7 + 3


def test_addons_and_the_raw_operation_agree():
    if image_ops.addons() is None:
        pytest.skip("tensorflow-addons is not on this stack")
    x, _ = images(4, shape=(9, 8, 3))
    t = tf.constant(np.random.RandomState(0).randn(4, 8) * 0.02 + [1, 0, 0, 0, 1, 0, 0, 0], tf.float32)
    np.testing.assert_allclose(projective_transform(x, t), raw_projective_transform(x, t), atol=1e-6)


if __name__ == "__main__":
    run_tests(__file__)

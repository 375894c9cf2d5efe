"""What corruptions are made of: kernels, streaks, zooms, clouds, and constants from size to size."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.corruptions.helpers import smooth
from tests.helpers import run_tests
from tfrobust.corruptions import blur
from tfrobust.corruptions.draws import Draws
from tfrobust.corruptions.filters import disk_kernel, gaussian_kernel, plasma, streak, zoom
from tfrobust.corruptions.scale import SIDES, amount, length


def test_kernels():
    for kernel in (gaussian_kernel(1.3, 100), gaussian_kernel(5.0, 3), disk_kernel(0.4), disk_kernel(2.7)):
        assert kernel.sum() == pytest.approx(1) and (kernel == kernel[::-1]).all()
    assert disk_kernel(0.4).shape == (1, 1) and disk_kernel(1.6).shape == (5, 5)
    assert gaussian_kernel(4.0, 30) @ np.arange(-16, 17) ** 2 == pytest.approx(4.0**2, rel=0.02)
    assert disk_kernel(29.5).sum(axis=0) @ np.arange(-29, 30) ** 2 == pytest.approx(29.5**2 / 4, rel=0.01)


def test_a_streak_goes_its_way():
    x = np.zeros((2, 9, 9, 1), np.float32)
    x[:, 4, 4] = 1
    right, down = streak(tf.constant(x), tf.constant([0.0, 90.0]), 1.0).numpy()[..., 0]
    weights = np.exp(-0.5 * np.arange(4) ** 2)
    np.testing.assert_allclose(right[4, 4:8], weights / weights.sum(), atol=1e-5)
    np.testing.assert_allclose(down, right.T, atol=1e-5)


def test_zoom_keeps_the_center():
    x = smooth(1, (9, 13, 3))
    np.testing.assert_allclose(zoom(x, 1.0), x, atol=1e-6)
    np.testing.assert_allclose(zoom(x, 2.0)[:, 4, 6], x[:, 4, 6], atol=1e-5)
    np.testing.assert_allclose(zoom(x, 2.0)[:, 4, 8], x[:, 4, 7], atol=1e-5)


def test_plasma_fills_the_range():
    clouds = plasma(Draws.of("fog", 0, [0, 1]), 0, (20, 33), 2.0).numpy()
    assert clouds.shape == (2, 20, 33, 1)
    np.testing.assert_allclose(clouds.min(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(clouds.max(axis=(1, 2, 3)), 1, atol=1e-6)


def test_constants_go_from_size_to_size():
    table = blur.GAUSSIAN_SIGMA
    for row, side in zip(table, SIDES):
        for severity in range(1, 6):
            assert amount(table, severity, (side, side + 9)) == pytest.approx(row[severity - 1])
            assert length(table, severity, (side + 9, side)) == pytest.approx(row[severity - 1])
    assert length(table, 1, (8, 8)) == pytest.approx(0.4)
    assert length(table, 5, (448, 500)) == pytest.approx(12)
    assert 1.0 < length(table, 5, (45, 45)) < 1.5
    assert amount(((1,) * 5, (2,) * 5, (9,) * 5), 2, (45, 60)) == pytest.approx(math.log2(45 / 16), rel=0.01)


if __name__ == "__main__":
    run_tests(__file__)

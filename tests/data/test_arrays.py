"""Data sets from arrays: what is checked and what is refused."""

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.data import FACTS, make_image_data, pixel_statistics, to_unit
from tfrobust.types import InputError

X, Y = np.arange(40 * 64).reshape(40, 8, 8) % 256, np.arange(40) % 10


def make(x_train=X, y_train=Y, x_test=X[:10], y_test=Y[:10], facts=None):
    return make_image_data("made", x_train, y_train, x_test, y_test, facts=facts)


def test_grey_images_get_their_channel_and_bytes_stay_bytes():
    data = make()
    assert data.x_train.shape == (40, 8, 8, 1) and data.x_train.dtype == np.uint8 and data.classes == 10
    assert data.y_train.dtype == np.int32 and data.shape == (8, 8, 1)
    assert make(y_train=Y[:, None]).y_train.shape == (40,)


def test_to_unit():
    np.testing.assert_array_equal(to_unit(np.array([0, 51, 255], np.uint8)), np.float32([0, 0.2, 1]))
    np.testing.assert_array_equal(to_unit(np.float32([0, 0.5])), np.float32([0, 0.5]))


def test_holding_out():
    data = make().holding_out(10)
    assert len(data.x_train) == 30 and np.array_equal(data.x_train[:, :, :, 0], X[10:])
    assert np.array_equal(data.x_test, make().x_test)
    held = make(x_test=X[20:30], y_test=Y[20:30]).holding_out(10, evaluate_on="held_out")
    assert len(held.x_train) == 30 and np.array_equal(held.x_test[..., 0], X[:10])
    for wrong in ({"n": 40}, {"n": -1}, {"n": 0, "evaluate_on": "held_out"}, {"n": 1, "evaluate_on": "train"}):
        with pytest.raises(InputError):
            make().holding_out(**wrong)


NAN = X / 255
NAN = np.where(np.arange(40)[:, None, None] == 7, np.nan, NAN)


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"x_train": NAN}, "x_train holds NaN.*image 7"),
        ({"x_train": X / 100.0}, "must lie in \\[0, 1\\]"),
        ({"x_train": X + 1000}, "\\[0, 255\\]"),
        ({"x_train": X.reshape(40, 64)}, "must be images"),
        ({"x_train": X.astype(str)}, "of numbers"),
        ({"x_train": np.zeros((40, 3, 32, 32), np.uint8)}, "x_train of shape .* channels first.*transpose"),
        ({"x_test": np.zeros((10, 1, 28, 28), np.float32)}, "x_test of shape .* channels first"),
        ({"x_test": X[:10, :4]}, "differ in image shape"),
        ({"y_train": Y[:5]}, "y_train must be .* one per image"),
        ({"y_train": Y + 0.5}, "whole numbers"),
        ({"y_test": Y[:10] + 10}, "y_test must lie in 0..9, .*found 10 \\(image 0\\)"),
        ({"y_test": Y[:10] - 1}, "y_test must lie in 0..9, .*found -1"),
        ({"facts": FACTS["mnist"]}, "should be \\(28, 28, 1\\)"),
        ({"facts": FACTS["digits"]}, "should be 1400 and 397"),
    ],
)
def test_what_is_wrong_is_refused_by_name(wrong, words):
    with pytest.raises(InputError, match=words):
        make(**wrong)


def test_pixel_statistics_are_those_of_all_pixels_of_a_channel():
    x = np.random.RandomState(0).randint(0, 256, (2500, 3, 2, 3)).astype(np.uint8)
    mean, deviation = pixel_statistics(x)
    np.testing.assert_allclose(mean, (x / 255).mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(deviation, (x / 255).std(axis=(0, 1, 2)), rtol=1e-6)


if __name__ == "__main__":
    run_tests(__file__)

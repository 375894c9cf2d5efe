"""The range of pixels is guessed by what a network predicts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import run_tests
from tfrobust.networks import PIXELS, guess_pixels
from tfrobust.networks.pixels import in_range
from tfrobust.types import InputError


def brightness_network(pixels: str, end=None) -> keras.Model:
    """Class 1 for images brighter than the middle grey of its range."""
    middle = float(tf.reduce_mean(in_range(pixels, tf.fill([1, 4, 4, 3], 0.5))))
    width = float(tf.reduce_mean(in_range(pixels, tf.fill([1, 4, 4, 3], 0.6)))) - middle
    inputs = keras.Input((4, 4, 3))
    y = keras.layers.Dense(1 if end == "sigmoid" else 2, activation=end)(keras.layers.Flatten()(inputs))
    network = keras.Model(inputs, y)
    w = np.full((48, 1), 1 / 48 / width)
    w = w if end == "sigmoid" else np.concatenate([-w, w], axis=1)
    network.set_weights([w, middle * 48 * -w[0]])
    return network


@pytest.mark.parametrize("end", [None, "softmax", "sigmoid"])
@pytest.mark.parametrize("pixels", PIXELS)
def test_the_range_of_a_network_is_found(pixels, end):
    r = np.random.RandomState(0)
    y = r.randint(0, 2, 60)
    x = (0.485 + 0.03 * y)[:, None, None, None] + r.uniform(-0.02, 0.02, (60, 4, 4, 3))
    shares = guess_pixels(brightness_network(pixels, end), x.astype(np.float32), y)
    assert next(iter(shares)) == pixels and shares[pixels] == 1.0
    assert list(shares.values()) == sorted(shares.values(), reverse=True) and set(shares) == set(PIXELS)


def test_grey_images_have_no_range_of_imagenet():
    inputs = keras.Input((4, 4, 1))
    network = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    x, y = np.zeros((2, 4, 4, 1), np.float32), np.zeros(2, int)
    assert set(guess_pixels(network, x, y)) == {"0..1", "0..255", "-1..1"}
    network.set_weights([np.full((16, 3), np.nan), np.zeros(3)])
    with pytest.raises(InputError, match="finite"):
        guess_pixels(network, x, y)


if __name__ == "__main__":
    run_tests(__file__)

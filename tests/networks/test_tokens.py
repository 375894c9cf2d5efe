"""Tokens are told apart by what they do: patches, tokens of the class wherever they stand, tokens that are read."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.helpers import run_tests, small_transformer
from tfrobust.models import make_model
from tfrobust.models.normalization import PerImageStandardization
from tfrobust.models.vit import LearnedPositions
from tfrobust.networks.tokens import tokens_of
from tfrobust.types import InputError

SHAPE = (8, 12, 3)


def network_of(*blocks, before=(0, 0), read=None):
    """24 patches with other tokens `before` and after them, attention, and what is cropped of them to be `read`."""
    image = keras.Input(SHAPE)
    h = layers.Conv2D(6, 2, strides=2)(image)
    h = LearnedPositions()(layers.ZeroPadding1D(before)(layers.Reshape((-1, 6))(h)))
    h = layers.Add()([h, layers.MultiHeadAttention(2, 3)(h, h)])
    for block in blocks:
        h = block(h)
    h = layers.Cropping1D(read)(h) if read else h
    return keras.Model(image, layers.Dense(4)(layers.Flatten()(layers.GlobalAveragePooling1D()(h))))


def zero_head(network):
    network.layers[-1].set_weights([0 * w for w in network.layers[-1].get_weights()])
    return network


CASES = {  # name: (network, index of the first patch, tokens that are read)
    "class token": (lambda: network_of(before=(1, 0), read=(0, 24)), 1, [0]),
    "class token at the end": (lambda: network_of(before=(0, 1), read=(24, 0)), 0, [24]),
    "class token and two registers": (lambda: network_of(before=(3, 0), read=(0, 26)), 3, [0]),
    "class and distillation token": (lambda: network_of(before=(2, 0), read=(0, 24)), 2, [0, 1]),
    "average": (lambda: network_of(), 0, list(range(24))),
    "average of the patches beside a class token": (
        lambda: network_of(before=(1, 0), read=(1, 0)),
        1,
        list(range(1, 25)),
    ),
    "a head that begins at zero": (lambda: zero_head(network_of(before=(1, 0), read=(0, 24))), 1, [0]),
    "a ReLU behind": (lambda: network_of(layers.Dense(6, activation="relu")), 0, list(range(24))),
}


# There are two tokens of classes, and a network of this library with one; the patches before a ReLU are averaged, too.
ALIKE = ("class token and two registers", "class token", "average")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in ALIKE)) for n in CASES])
def test_patches_and_what_is_read_are_found(name):
    make, first, read = CASES[name]
    tokens = tokens_of(make(), SHAPE)
    assert tokens.grid == (4, 6)
    assert tokens.patches.tolist() == list(range(first, first + 24))
    assert np.flatnonzero(tokens.read).tolist() == read
    np.testing.assert_allclose(tokens.read[read], 1 / len(read), rtol=1e-6)


def test_tokens_of_rows_and_columns_have_their_grid():
    image = keras.Input((8, 8, 3))
    h = layers.Conv2D(6, (4, 2), strides=(4, 2))(image)
    h = layers.Add()([h, layers.MultiHeadAttention(2, 3)(h, h)])
    network = keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(h)))
    assert tokens_of(network, (8, 8, 3)).grid == (2, 4)


GRIDS = {  # name: (what makes patches, grid)
    "square": ([layers.Conv2D(6, 4, strides=4)], (2, 3)),
    "as high as the image": ([layers.Conv2D(6, (8, 1), strides=(8, 1))], (1, 12)),
    "of halves of rows": ([layers.Conv2D(6, (1, 6), strides=(1, 6))], (8, 2)),
    "padded": ([layers.Conv2D(6, 3, strides=3, padding="same")], (3, 4)),
    "overlapping": ([layers.Conv2D(6, 3, padding="same"), layers.AveragePooling2D(3, 2, "same")], (4, 6)),
    "of a standardised image": ([PerImageStandardization(), layers.Conv2D(6, 2, strides=2)], (4, 6)),
}


# There is one of halves of columns and of rows, and squares beside a class token above.
ALIKE_GRIDS = ("square", "of halves of rows")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in ALIKE_GRIDS)) for n in GRIDS])
def test_rows_and_columns_of_patches_are_found(name):
    stem, grid = GRIDS[name]
    h = image = keras.Input(SHAPE)
    for layer in stem:
        h = type(layer).from_config(layer.get_config())(h)
    h = layers.Reshape((-1, 6))(h)
    h = layers.Add()([h, layers.MultiHeadAttention(2, 3)(h, h)])
    network = keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling1D()(h)))
    assert tokens_of(network, SHAPE).grid == grid


# An average of patches is looked at above.
AVERAGE = pytest.param("vit_tiny_gap", list(range(49)), marks=pytest.mark.exhaustive)


@pytest.mark.parametrize("name, read", [("vit_tiny", [0]), AVERAGE])
def test_the_models_of_this_library_have_their_tokens(name, read):
    """Patches of 4 x 4 pixels of 28 x 28."""
    tokens = tokens_of(small_transformer(name=name, shape=(28, 28, 1)), (28, 28, 1))
    assert tokens.grid == (7, 7) and np.flatnonzero(tokens.read).tolist() == read


def merged(h):
    h = layers.AveragePooling1D(2)(h)
    return layers.Add()([h, layers.MultiHeadAttention(2, 3)(h, h)])


def channels():
    """Each token is a filter, with the numbers that it gives at all places."""
    image = keras.Input(SHAPE)
    h = layers.Permute((2, 1))(layers.Reshape((24, 6))(layers.Conv2D(6, 2, strides=2)(image)))
    return keras.Model(image, layers.Dense(4)(layers.Flatten()(layers.MultiHeadAttention(2, 3)(h, h))))


REFUSED = {
    "patches that are merged": (lambda: network_of(merged), SHAPE, "numbers: 12, 24"),
    "channels as tokens": (channels, SHAPE, "6 tokens .* no rows and columns of patches of its 8 x 12 pixels"),
    "no attention": (lambda: make_model("digits_cnn", (8, 8, 1), 10), (8, 8, 1), r"no keras\.layers\.MultiHead"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tokens_that_make_no_map_are_refused(name):
    make, shape, says = REFUSED[name]
    with pytest.raises(InputError, match=says) as refusal:
        tokens_of(make(), shape)
    assert "\n" not in str(refusal.value)


if __name__ == "__main__":
    run_tests(__file__)

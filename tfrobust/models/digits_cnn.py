"""A small network of our own for the embedded 8x8 digits: seconds to train, deep enough to be fragile."""

from collections.abc import Sequence

import keras
from keras import layers


def digits_cnn(shape: Sequence[int] = (8, 8, 1), classes: int = 10, width: float = 1.0) -> keras.Model:
    """A network from images [B,H,W,C] to logits [B,K].

    3x3 convolutions of 16 and 32 filters (the second of stride 2), dense 64.
    Its activations are called relu1, relu2, relu3, for attributions of a layer.

    Args:
        shape: (H, W, C) of the images.
        classes: K.
        width: factor for the 16, 32 and 64 units.
    """

    def units(n):
        return max(1, round(n * width))

    x = inputs = keras.Input(shape)
    for i, (filters, strides) in enumerate(((16, 1), (32, 2)), 1):
        x = layers.Conv2D(units(filters), 3, strides=strides, padding="same")(x)
        x = layers.Activation("relu", name=f"relu{i}")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(units(64))(x)
    x = layers.Activation("relu", name="relu3")(x)
    return keras.Model(inputs, layers.Dense(classes)(x), name="digits_cnn")

"""A small network of our own for the embedded 8x8 digits: seconds to train, deep enough to be fragile."""

from collections.abc import Sequence

import keras
from keras import layers

from tfrobust.models.smoothing import smoothed


def digits_cnn(
    shape: Sequence[int] = (8, 8, 1),
    classes: int = 10,
    width: float = 1.0,
    *,
    bias: bool = True,
    smoothing: float | None = None,
) -> keras.Model:
    """A network from images [B,H,W,C] to logits [B,K].

    3x3 convolutions of 16 and 32 filters (the second of stride 2), dense 64.
    Its activations are called relu1, relu2, relu3, for attributions of a layer.

    Args:
        shape: (H, W, C) of the images.
        classes: K.
        width: factor for the 16, 32 and 64 units.
        bias: whether its layers have biases; without any it is nonnegatively homogeneous (see `networks.homogeneity`).
        smoothing: deviation of a Gaussian filter behind relu1, in pixels (see `models.smoothing`); None: no filter.
    """

    def units(n):
        return max(1, round(n * width))

    x = inputs = keras.Input(shape)
    for i, (filters, strides) in enumerate(((16, 1), (32, 2)), 1):
        x = layers.Conv2D(units(filters), 3, strides=strides, padding="same", use_bias=bias)(x)
        x = layers.Activation("relu", name=f"relu{i}")(x)
        x = smoothed(x, smoothing) if i == 1 else x
    x = layers.Flatten()(x)
    x = layers.Dense(units(64), use_bias=bias)(x)
    x = layers.Activation("relu", name="relu3")(x)
    return keras.Model(inputs, layers.Dense(classes, use_bias=bias)(x), name="digits_cnn")

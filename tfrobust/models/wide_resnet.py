"""Wide residual networks (Zagoruyko & Komodakis, 2016): WRN-28-10 and WRN-40-2, ART's networks for colour images.

A 3x3 stem of 16 filters, three stages of (depth - 4) / 6 pre-activation units with 16, 32, 64 times the width, dropout
0.1 between a unit's convolutions (ART's released code), batch normalisation, global average pooling.  Pixels are
standardised inside.
"""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfrobust.models.normalization import standardized

DROPOUT = 0.1


def _conv(x, filters, size=3, strides=1):
    return layers.Conv2D(filters, size, strides, padding="same", use_bias=False, kernel_initializer="he_normal")(x)


def _active(x, names):
    return layers.Activation("relu", name=next(names))(layers.BatchNormalization(epsilon=1e-5)(x))


def _unit(x, filters, strides, names):
    active = _active(x, names)
    same = x.shape[-1] == filters and strides == 1
    shortcut = x if same else _conv(active, filters, 1, strides)
    x = _conv(active, filters, strides=strides)
    x = _conv(layers.Dropout(DROPOUT)(_active(x, names)), filters)
    return layers.Add()([x, shortcut])


def wide_resnet(depth: int, factor: int) -> Callable[..., keras.Model]:
    """The maker (shape, classes, width) -> network of WRN-`depth`-`factor`."""
    units = (depth - 4) // 6

    def make(shape: Sequence[int], classes: int, width: float = 1.0) -> keras.Model:
        """A network from images [B,H,W,C] to logits [B,K]; `width` is a factor for the filters of its stages.

        Its activations are called relu1, relu2, ...
        """
        names = (f"relu{i}" for i in range(1, 1000))
        inputs = keras.Input(shape)
        x = _conv(standardized(inputs), 16)
        for stage, base in enumerate((16, 32, 64)):
            for unit in range(units):
                x = _unit(x, max(1, round(base * factor * width)), 2 if stage and not unit else 1, names)
        x = layers.GlobalAveragePooling2D()(_active(x, names))
        return keras.Model(inputs, layers.Dense(classes)(x), name=f"wrn_{depth}_{factor}")

    return make


wrn_28_10, wrn_40_2 = wide_resnet(28, 10), wide_resnet(40, 2)

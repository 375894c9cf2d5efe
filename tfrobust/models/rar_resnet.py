"""The ResNet of RAR and ER for GTSRB and Flower-17 (RAR, C.1.3 and C.1.4), adapted from Madry et al.'s for CIFAR-10.

The papers print 5 residual units with (16, 16, 32, 64) filters.  The released code has 2 units per stage on GTSRB and
1 on Flower-17, which is what the names here say (6 and 3 units); its ancestor has 5 per stage (15).  Details are the
code's: standardisation of each image inside, a 3x3 stem, pre-activation units of two 3x3 convolutions, leaky ReLU of
slope 0.1, no batch normalisation, strides 1, 2, 2, shortcuts by average pooling and channels of zeros, kernels normal
with variance 2 / (9 x output channels).
"""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfrobust.models.normalization import PerImageStandardization

SLOPE = 0.1


def _conv(x, filters, strides=1):
    initial = keras.initializers.RandomNormal(stddev=(2 / (9 * filters)) ** 0.5)
    return layers.Conv2D(filters, 3, strides, padding="same", kernel_initializer=initial, use_bias=False)(x)


def _unit(x, filters, strides, names):
    shortcut = x
    if strides > 1:
        shortcut = layers.AveragePooling2D(strides, padding="same")(shortcut)
    missing = filters - x.shape[-1]
    if missing:  # Channels of zeros on both sides; Keras pads no last axis, so it is moved first.
        shortcut = layers.Permute((1, 3, 2))(shortcut)
        shortcut = layers.ZeroPadding2D(((0, 0), (missing // 2, missing - missing // 2)))(shortcut)
        shortcut = layers.Permute((1, 3, 2))(shortcut)
    x = _conv(_leaky(x, names), filters, strides)
    x = _conv(_leaky(x, names), filters)
    return layers.Add()([x, shortcut])


def _leaky(x, names):
    return layers.LeakyReLU(SLOPE, name=next(names))(x)


def rar_resnet(units: int) -> Callable[..., keras.Model]:
    """The maker (shape, classes, width) -> network of the ResNet with `units` residual units per stage."""

    def make(shape: Sequence[int], classes: int, width: float = 1.0) -> keras.Model:
        """A network from images [B,H,W,C] to logits [B,K]; `width` is a factor for its 16, 16, 32, 64 filters.

        Its activations are called relu1, relu2, ...
        """
        stem, *stages = (max(1, round(n * width)) for n in (16, 16, 32, 64))
        names = (f"relu{i}" for i in range(1, 100))
        inputs = keras.Input(shape)
        x = _conv(PerImageStandardization()(inputs), stem)
        for stage, filters in enumerate(stages):
            for unit in range(units):
                x = _unit(x, filters, 2 if stage and not unit else 1, names)
        x = layers.GlobalAveragePooling2D()(_leaky(x, names))
        return keras.Model(inputs, layers.Dense(classes)(x), name=f"rar_resnet{3 * units}")

    return make


rar_resnet3, rar_resnet6, rar_resnet15 = rar_resnet(1), rar_resnet(2), rar_resnet(5)

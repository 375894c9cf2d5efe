"""Residual networks (He et al., 2016), for small images and for those of ImageNet.

ResNet-10, -18, -34 have SAT's stem for 32x32 images (3x3, stride 1, no pooling), and ResNet-18, -34, -50 the ImageNet
stem (7x7, stride 2, max-pooling).  Pixels are standardised inside.  With `adl`, attention-based dropout follows the
last two stages (Choe & Shim, 2019).
"""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfrobust.models.adl import AttentionDropout
from tfrobust.models.normalization import standardized
from tfrobust.models.smoothing import smoothed

BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


def _conv(x, filters, size, strides=1):
    """A convolution padded alike on both sides, as published (Keras' own padding is lopsided at stride 2)."""
    if size > 1:
        x = layers.ZeroPadding2D(size // 2)(x)
    x = layers.Conv2D(filters, size, strides, use_bias=False, kernel_initializer="he_normal")(x)
    return layers.BatchNormalization(epsilon=1e-5)(x)


def _relu(x, names):
    return layers.Activation("relu", name=next(names))(x)


def _basic(x, filters, strides, names):
    shortcut = x if strides == 1 and x.shape[-1] == filters else _conv(x, filters, 1, strides)
    x = _relu(_conv(x, filters, 3, strides), names)
    return _relu(layers.Add()([_conv(x, filters, 3), shortcut]), names)


def _bottleneck(x, filters, strides, names):
    wide = 4 * filters
    shortcut = x if strides == 1 and x.shape[-1] == wide else _conv(x, wide, 1, strides)
    x = _relu(_conv(x, filters, 1), names)
    x = _relu(_conv(x, filters, 3, strides), names)
    return _relu(layers.Add()([_conv(x, wide, 1), shortcut]), names)


def resnet(depth: int, large: bool = False, adl: bool = False) -> Callable[..., keras.Model]:
    """Returns a function that makes ResNets of one kind: (shape, classes, width) -> network.

    Args:
        depth: number of layers with weights: 10, 18, 34 or 50.
        large: with the ImageNet stem.
        adl: with attention-based dropout.
    """
    block = _bottleneck if depth == 50 else _basic

    def make(shape: Sequence[int], classes: int, width: float = 1.0, *, smoothing: float | None = None) -> keras.Model:
        """A network from images [B,H,W,C] to logits [B,K]; `width` is a factor for its filters.

        With `smoothing`, a Gaussian filter of that deviation follows relu1 (see `models.smoothing`).

        Its activations are called relu1, relu2, ...
        """
        stem, *stages = (max(1, round(n * width)) for n in (64, 64, 128, 256, 512))
        names = (f"relu{i}" for i in range(1, 1000))
        inputs = keras.Input(shape)
        x = standardized(inputs)
        x = smoothed(_relu(_conv(x, stem, 7, 2) if large else _conv(x, stem, 3), names), smoothing)
        if large:
            x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
        for stage, (filters, blocks) in enumerate(zip(stages, BLOCKS[depth])):
            for i in range(blocks):
                x = block(x, filters, 2 if stage and not i else 1, names)
            if adl and stage >= len(stages) - 2:
                x = AttentionDropout()(x)
        x = layers.GlobalAveragePooling2D()(x)
        return keras.Model(inputs, layers.Dense(classes)(x), name=f"resnet{depth}{'_imagenet' * large}{'_adl' * adl}")

    return make


resnet10, resnet18, resnet34 = resnet(10), resnet(18), resnet(34)
resnet18_imagenet, resnet34_imagenet = resnet(18, large=True), resnet(34, large=True)
resnet50_imagenet = resnet(50, large=True)
resnet10_adl, resnet50_imagenet_adl = resnet(10, adl=True), resnet(50, large=True, adl=True)

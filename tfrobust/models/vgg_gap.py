"""VGG-GAP (Zhou et al., 2016), ART's second network for localization on CUB-200-2011.

It has the 13 convolutions of VGG-16 without the last pooling, one of 1,024 filters, and global average pooling.  Pixels
are standardised inside.  With `adl`, attention-based dropout follows the third and fourth pooling and the last
convolution of VGG (Choe & Shim, 2019).
"""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfrobust.models.adl import AttentionDropout
from tfrobust.models.normalization import standardized
from tfrobust.models.smoothing import smoothed

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def vgg_gap(adl: bool = False) -> Callable[..., keras.Model]:
    """The maker (shape, classes, width) -> network of VGG-GAP; `adl`: with attention-based dropout."""

    def make(shape: Sequence[int], classes: int, width: float = 1.0, *, smoothing: float | None = None) -> keras.Model:
        """A network from images [B,H,W,C] to logits [B,K]; `width` is a factor for its filters.

        With `smoothing`, a Gaussian filter of that deviation follows relu1 (see `models.smoothing`).

        Its activations are called relu1, relu2, ...
        """
        names = (f"relu{i}" for i in range(1, 100))

        def conv(x, filters):
            x = layers.Conv2D(max(1, round(filters * width)), 3, padding="same", kernel_initializer="he_normal")(x)
            return layers.Activation("relu", name=next(names))(x)

        def dropped(x):
            return AttentionDropout()(x) if adl else x

        inputs = keras.Input(shape)
        x = standardized(inputs)
        for i, (filters, convolutions) in enumerate(STAGES):
            if i:
                x = layers.MaxPooling2D(2)(x)
            if i in (3, 4):
                x = dropped(x)
            for j in range(convolutions):
                x = conv(x, filters)
                x = smoothed(x, smoothing) if i == j == 0 else x
        x = layers.GlobalAveragePooling2D()(conv(dropped(x), 1024))
        return keras.Model(inputs, layers.Dense(classes)(x), name=f"vgg_gap{'_adl' * adl}")

    return make


vgg_gap_plain, vgg_gap_adl = vgg_gap(), vgg_gap(adl=True)

"""VGG-GAP (Zhou et al., 2016): the 13 convolutions of VGG-16 without the last pooling, one of 1,024 filters, global
average pooling: ART's second network for localization on CUB-200-2011.  Pixels are standardised inside.
"""

import keras
from keras import layers

from tfrobust.models.normalization import standardized

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def vgg_gap(shape, classes: int, width: float = 1.0) -> keras.Model:
    """[B,H,W,C] -> logits [B,K]; width scales the filters.  Its activations are called relu1, relu2, ..."""
    names = (f"relu{i}" for i in range(1, 100))

    def conv(x, filters):
        x = layers.Conv2D(max(1, round(filters * width)), 3, padding="same", kernel_initializer="he_normal")(x)
        return layers.Activation("relu", name=next(names))(x)

    inputs = keras.Input(shape)
    x = standardized(inputs)
    for i, (filters, convolutions) in enumerate(STAGES):
        if i:
            x = layers.MaxPooling2D(2)(x)
        for _ in range(convolutions):
            x = conv(x, filters)
    x = layers.GlobalAveragePooling2D()(conv(x, 1024))
    return keras.Model(inputs, layers.Dense(classes)(x), name="vgg_gap")

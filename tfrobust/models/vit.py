"""Small vision transformers (Dosovitskiy et al., 2021), for maps of attention: 10^5 to 10^6 weights, minutes to train.

    z_0 = [class; patches E] + P          patches of p x p pixels, p an eighth of the side rounded up, each C numbers
    z'  = z + MHA(LN(z))                  four blocks, three heads
    z   = z' + W_2 gelu(W_1 LN(z'))       W_1 twice as wide as z
    f   = W LN(z)_class + b               or, without a class token, the mean over the tokens

Differs from the paper: sizes are those above; the class token and its position are one vector, as only their sum
counts.  Pixels are standardised inside.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfrobust.models.normalization import standardized

GRID, BLOCKS, HEADS, KEY_SIZE = 8, 4, 3, 32


@keras.saving.register_keras_serializable(package="tfrobust")
class LearnedPositions(layers.Layer):
    """Adds a vector that is learned to each token: z + P."""

    def build(self, shape: Any) -> None:
        """Makes P [T,C] for tokens of the `shape` (B, T, C)."""
        self.positions = self.add_weight(
            name="positions", shape=tuple(shape[1:]), initializer=keras.initializers.TruncatedNormal(stddev=0.02)
        )
        super().build(shape)

    def call(self, z: tf.Tensor) -> tf.Tensor:
        """The tokens `z` [B,T,C], each with the vector of its place added."""
        return z + tf.cast(self.positions, z.dtype)

    def compute_output_shape(self, shape: Any) -> Any:
        """The shape itself: nothing is added or cut off."""
        return shape


def vit(class_token: bool) -> Callable[..., keras.Model]:
    """Returns a function that makes vision transformers of one kind: (shape, classes, width) -> network.

    Args:
        class_token: read the class from a token of its own; otherwise from the mean over all tokens.
    """

    def make(shape: Sequence[int], classes: int, width: float = 1.0) -> keras.Model:
        """A network from images [B,H,W,C] to logits [B,K]; `width` is a factor for the size of keys and tokens."""
        key = max(1, round(KEY_SIZE * width))
        size, patch = HEADS * key, [-(-side // GRID) for side in shape[:2]]
        inputs = keras.Input(shape)
        z = layers.Conv2D(size, patch, strides=patch, padding="same", name="patches")(standardized(inputs))
        z = layers.Reshape((z.shape[1] * z.shape[2], size), name="tokens")(z)
        if class_token:
            z = layers.ZeroPadding1D((1, 0), name="class_token")(z)  # Its vector is that of its place.
        z = LearnedPositions(name="positions")(z)
        for i in range(1, BLOCKS + 1):
            h = _normalized(z)
            z = layers.Add()([z, layers.MultiHeadAttention(HEADS, key, name=f"attention{i}")(h, h)])
            h = layers.Dense(2 * size, activation="gelu")(_normalized(z))
            z = layers.Add()([z, layers.Dense(size)(h)])
        z = _normalized(z)
        if class_token:
            z = layers.Flatten()(layers.Cropping1D((0, z.shape[1] - 1))(z))
        else:
            z = layers.GlobalAveragePooling1D()(z)
        return keras.Model(inputs, layers.Dense(classes)(z), name="vit_tiny" + "_gap" * (not class_token))

    return make


def _normalized(z):
    return layers.LayerNormalization(epsilon=1e-6)(z)


vit_tiny, vit_tiny_gap = vit(class_token=True), vit(class_token=False)

"""Max pooling whose second derivatives are computed by masks.

Of windows that do not overlap, let M be the mask of the largest entry of each.  Then the derivative of max pooling is
dy -> M up(dy), that of this v -> sum over each window of M v, and so on in turns, as M does not change with small
changes of the image.  TensorFlow finds the largest entries anew in each of these derivatives, without oneDNN's kernels
from the second one on.  The results are the same but for rounding: bit for bit where second derivatives were compared.
"""

from typing import Any

import keras
import tensorflow as tf

WINDOW = [1, 2, 2, 1]  # A sum over it is 4 times the mean, which is exact.


class MaskedMaxPool(keras.layers.Layer):
    """Max pooling of windows of 2 x 2 pixels that do not overlap; what does not fill a window is left out."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """The largest entries [B,H/2,W/2,C] of `x` [B,H,W,C]."""
        return masked_max_pool(x)


def masked_max_pool(x: tf.Tensor) -> tf.Tensor:
    """The largest entries [B,H/2,W/2,C] of `x` [B,H,W,C] in windows of 2 x 2 pixels."""

    @tf.custom_gradient
    def pooled(x):
        y = tf.nn.max_pool2d(x, 2, 2, "VALID")

        @tf.custom_gradient
        def spread(dy):
            return _masked(x, y, dy), gathered

        @tf.custom_gradient
        def gathered(v):
            return 4.0 * tf.nn.avg_pool2d(v * _masked(x, y, tf.ones_like(y)), 2, 2, "VALID"), spread

        return y, spread

    return pooled(x)


def _masked(x, y, dy):
    """dy, spread over the windows of x, where x is y."""
    given = {"ksize": WINDOW, "strides": WINDOW, "padding": "VALID"}
    return tf.raw_ops.MaxPoolGrad(orig_input=x, orig_output=y, grad=dy, **given)


def can_be_masked(layer: Any) -> bool:
    """Whether MaskedMaxPool can stand for a layer."""
    if type(layer) is not keras.layers.MaxPooling2D:
        return False
    given = layer.get_config()
    whole = given["padding"] == "valid" or all(side and side % 2 == 0 for side in layer.input.shape[1:3])
    windows = tuple(given["pool_size"]) == tuple(given["strides"]) == (2, 2)
    return windows and whole and given["data_format"] == "channels_last" and layer.compute_dtype == "float32"

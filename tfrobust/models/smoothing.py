"""Feature-map smoothing (Bhusal et al., 2026, arXiv 2603.07302): a fixed Gaussian filter behind a feature map.

    z[b,i,j,c] = sum over (k, l) of A_ik B_jl h[b,k,l,c],   A_ik = exp(-(i - k)^2 / 2 sigma^2) / (its sum over k)

B is A for the columns.  The paper puts the filter into a network that is then trained adversarially (method madry): the
gradient by the image is smoothed along with the feature map.

Differs from the paper: the filtered map takes the place of the map, where the released code adds a learned 1x1
convolution of it to the map; so the filter is all that is new, and sigma, in pixels of the feature map, its only
setting.  The filter is not cut off, and at a border the weights of the pixels that are there sum to 1.  The place is
the first activation, where the released network for CIFAR-10 has it behind its first stage.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfrobust.checks import check_positive


@keras.saving.register_keras_serializable(package="tfrobust")
class GaussianSmoothing(layers.Layer):
    """The filter of the module, without weights: linear, the same for every channel, and constant maps stay.

    Args:
        sigma: deviation of the Gaussian, in pixels of the feature map, above 0.
    """

    def __init__(self, sigma: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        check_positive("the deviation of feature-map smoothing", sigma)
        self.sigma = sigma

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """The feature maps `x` [B,h,w,C], smoothed."""
        known = zip(x.shape, tf.unstack(tf.shape(x)))
        _, height, width, channels = (side if side is not None else found for side, found in known)
        rows = tf.reshape(x, [-1, height, width * channels])
        rows = tf.matmul(averages(height, self.sigma, x.dtype), rows)
        return tf.matmul(averages(width, self.sigma, x.dtype), tf.reshape(rows, [-1, height, width, channels]))

    def compute_output_shape(self, shape: Any) -> Any:
        """The shape itself: nothing is added or cut off."""
        return shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        return {**super().get_config(), "sigma": self.sigma}


def averages(length: int | tf.Tensor, sigma: float, dtype: Any = tf.float32) -> tf.Tensor:
    """The matrix A of the module for a side of `length` pixels, [length, length]; each of its rows sums to 1."""
    places = tf.range(tf.cast(length, tf.float32))
    return tf.cast(tf.nn.softmax(-(((places[:, None] - places) / sigma) ** 2) / 2), dtype)


def smoothed(x: Any, sigma: float | None) -> Any:
    """The feature maps `x`, a symbolic tensor [B,h,w,C], behind a smoothing layer; themselves where sigma is None."""
    return x if sigma is None else GaussianSmoothing(sigma, name="smoothing")(x)

"""Batch normalization in inference mode as what it is there: an affine map of each channel.

    y = x scale + shift,    scale = gamma / sqrt(variance + epsilon),    shift = beta - mean scale

TensorFlow's fused kernel has a derivative of the derivative that is made of dozens of operations on whole feature maps;
that of this map is a product.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf


class AffineBatchNorm(keras.layers.Layer):
    """A BatchNormalization with the same weights, written as above in inference mode; in training mode that layer.

    Args:
        layer: it normalises the last axis.
    """

    def __init__(self, layer: keras.layers.BatchNormalization, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, x: tf.Tensor, training: Any = None, mask: Any = None) -> tf.Tensor:
        """What the layer gives for `x`."""
        if training is None or tf.is_tensor(training) or training:
            return self.layer(x, training=training)
        layer = self.layer
        scale = tf.math.rsqrt(layer.moving_variance + layer.epsilon)
        if layer.gamma is not None:
            scale *= layer.gamma
        shift = -layer.moving_mean * scale
        if layer.beta is not None:
            shift += layer.beta
        return x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype)


def can_be_affine(layer: Any) -> bool:
    """Whether AffineBatchNorm can stand for a layer: a plain BatchNormalization of the last axis, in float32."""
    if type(layer) is not keras.layers.BatchNormalization or layer.compute_dtype != "float32":
        return False
    axes = np.ravel(layer.get_config()["axis"]).tolist()  # Keras 2 saves a list.
    return axes in ([-1], [len(layer.input.shape) - 1])

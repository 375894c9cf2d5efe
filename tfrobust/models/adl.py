"""Attention-based dropout (ADL, Choe & Shim, 2019): the baseline of ART's localization table.

In training the feature maps F [B,h,w,C] are multiplied, for the whole mini-batch by one draw, with one of two maps made
of their mean over the channels M [B,h,w,1]:

    drop map          0 where M > gamma max M, else 1, with probability `drop_rate`: the network must look elsewhere
    importance map    sigmoid(M), otherwise

Not in training F passes as it is.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable(package="tfrobust")
class AttentionDropout(layers.Layer):
    """The layer that drops, or weights, the places of the feature maps to which attention goes; see the module.

    Args:
        drop_rate: chance of the drop map (the paper: 0.75).
        gamma: part of the maximum above which is dropped (0.8).
    """

    def __init__(self, drop_rate: float = 0.75, gamma: float = 0.8, **kwargs):
        super().__init__(**kwargs)
        self.drop_rate, self.gamma = drop_rate, gamma

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The feature maps `x` [B,h,w,C], in `training` multiplied by the map that one draw for all of them chooses."""
        if not training:
            return x
        return self.dropped(x, tf.random.uniform([]))

    def dropped(self, x: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
        """The feature maps `x` [B,h,w,C], multiplied with the map that a `draw` [] in [0, 1) chooses."""
        attention = tf.reduce_mean(x, axis=-1, keepdims=True)
        highest = tf.reduce_max(attention, axis=[1, 2, 3], keepdims=True)
        dropped = tf.cast(attention <= self.gamma * highest, x.dtype)
        # No gradient goes through the maps: the loss must not move the feature maps in order to change them.
        return x * tf.stop_gradient(tf.where(draw < self.drop_rate, dropped, tf.sigmoid(attention)))

    def compute_output_shape(self, shape: Any) -> Any:
        """The shape itself: nothing is added or cut off."""
        return shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        return {**super().get_config(), "drop_rate": self.drop_rate, "gamma": self.gamma}

"""Attention-based dropout (ADL, Choe & Shim, 2019): the baseline of ART's localization table.

In training the feature maps F [B,h,w,C] are multiplied, for the whole mini-batch by one draw, with one of two maps made
of their mean over the channels M [B,h,w,1]:

    drop map          0 where M > gamma max M, else 1, with probability `drop_rate`: the network must look elsewhere
    importance map    sigmoid(M), otherwise

Not in training F passes as it is.
"""

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable(package="tfrobust")
class AttentionDropout(layers.Layer):
    """drop_rate: chance of the drop map (the paper: 0.75).  gamma: part of the maximum above which is dropped (0.8)."""

    def __init__(self, drop_rate: float = 0.75, gamma: float = 0.8, **kwargs):
        super().__init__(**kwargs)
        self.drop_rate, self.gamma = drop_rate, gamma

    def call(self, x, training=None):
        if not training:
            return x
        return self.dropped(x, tf.random.uniform([]))

    def dropped(self, x, draw):
        """What a draw [] in [0, 1) makes of the feature maps."""
        attention = tf.reduce_mean(x, axis=-1, keepdims=True)
        highest = tf.reduce_max(attention, axis=[1, 2, 3], keepdims=True)
        dropped = tf.cast(attention <= self.gamma * highest, x.dtype)
        # The maps are constants: what they are made of is not pushed about by the loss.
        return x * tf.stop_gradient(tf.where(draw < self.drop_rate, dropped, tf.sigmoid(attention)))

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "drop_rate": self.drop_rate, "gamma": self.gamma}

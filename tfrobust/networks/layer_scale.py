"""LayerScale (Touvron et al., 2021, https://arxiv.org/abs/2103.17239), a layer of ConvNeXt that Keras 2 cannot load."""

from typing import Any

import keras
import tensorflow as tf


class LayerScale(keras.layers.Layer):
    """gamma * x, with a learned factor gamma [C] for each channel of x [..., C].

    Args:
        init_values: what every gamma starts with.
        projection_dim: C, the number of channels.
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs):
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, input_shape: Any) -> None:
        """Creates the weight gamma [C]."""
        start = keras.initializers.Constant(self.init_values)
        self.gamma = self.add_weight(name="gamma", shape=(self.projection_dim,), initializer=start)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """gamma * x, for `x` [..., C]."""
        return x * self.gamma

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        own = {"init_values": self.init_values, "projection_dim": self.projection_dim}
        return {**super().get_config(), **own}

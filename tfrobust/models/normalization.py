"""Normalization as the first layer of a network, so that images stay in [0, 1] outside of it."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfrobust.types import InputError

# Mean and standard deviation of CIFAR-10's training pixels, as in ART's released code; grey images get the middle.
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)


@keras.saving.register_keras_serializable(package="tfrobust")
class PerImageStandardization(layers.Layer):
    """(x - mean) / max(std, 1 / sqrt(n)) over the n values of each image, as RAR and ER have it inside their ResNets.

    It takes every positive factor out of an image, so Integrated Gradients from black becomes the image times its
    gradient, up to a factor.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """The images `x` [B,H,W,C], each with mean 0 and deviation 1 (smaller where it has hardly any contrast)."""
        return tf.image.per_image_standardization(x)

    def compute_output_shape(self, shape: Any) -> Any:
        """The shape itself: nothing is added or cut off."""
        return shape


def standardized(x: Any) -> Any:
    """Images with the mean and deviation of CIFAR-10's pixels taken out, per channel.

    Args:
        x: [B,H,W,C] in [0, 1], a symbolic tensor; images that are not RGB get the mean 0.5 and the deviation 0.25.
    """
    channels = x.shape[-1]
    mean, std = (MEAN, STD) if channels == 3 else ((0.5,) * channels, (0.25,) * channels)
    return layers.Normalization(axis=-1, mean=mean, variance=[s * s for s in std])(x)


def standardized_by(network: keras.Model, mean: Sequence[float], deviation: Sequence[float]) -> keras.Model:
    """A copy of a network that takes another mean and deviation out of the pixels; all else stays as it is.

    Args:
        network: Sequential or functional, made with `standardized`.
        mean: of the pixels, per channel, in units of [0, 1].
        deviation: standard deviation of the pixels, per channel, in units of [0, 1].

    Raises:
        InputError: where it does not take out a mean and a deviation.
    """
    if not any(isinstance(layer, layers.Normalization) for layer in network.layers):
        raise InputError(f"network {network.name!r} takes no mean and deviation out of pixels: leave out normalization")

    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, layers.Normalization):
            config = {**config, "mean": list(mean), "variance": [s * s for s in deviation]}
        return type(layer).from_config(config)

    copy = keras.models.clone_model(network, clone_function=clone)
    copy.set_weights(network.get_weights())
    return copy

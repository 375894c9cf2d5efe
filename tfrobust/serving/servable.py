"""A network with its predictions and its map as functions of plain TensorFlow: what a SavedModel of it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions import MapSpec, saliency_map
from tfrobust.networks import TOLERANCE, check_network, input_shape
from tfrobust.types import InputError

if TYPE_CHECKING:
    import keras


PREDICT, ATTRIBUTE = "serving_default", "attribute"


class Servable(tf.Module):
    """Functions of plain TensorFlow: the predictions of a network, and its map.

    Any number of images B; images in [0, 1], labels in [0, K) or tf.errors.InvalidArgumentError, on loading too.

    Args:
        network: logits out.
        spec: of the map.
        size: (H, W) of the images of a network that takes any; None: the network's own.
        chunk: path points or samples held at once (see `attributions`); None: all.

    Attributes:
        predict: images [B,H,W,C] -> logits, probabilities [B,K], label [B].
        attribute: images, labels [B] -> map [B,H,W].

    Raises:
        InputError: where the network breaks the contract or has no such map.
    """

    def __init__(
        self, network: keras.Model, spec: MapSpec, size: tuple[int, int] | None = None, chunk: int | None = None
    ):
        super().__init__(name="servable")
        self.shape = _image_shape(network, size)
        check_network(network, _noise(self.shape))
        spec.check_network(network)
        self.spec, self.chunk, self.classes = spec, chunk, int(network.output_shape[-1])
        # Weights alone are tracked: a SavedModel with Keras' objects would need Keras, and this one, to load.
        self.weights = [_variable(weight) for weight in network.variables]
        images = tf.TensorSpec([None, *self.shape], tf.float32, "images")
        labels = tf.TensorSpec([None], tf.int64, "labels")
        self.predict = tf.function(self._predictor(network), input_signature=[images], autograph=False)
        self.attribute = tf.function(self._attributor(network), input_signature=[images, labels], autograph=False)

    def _predictor(self, network):
        def predict(images):
            logits = network(_checked(images), training=False)
            label = tf.argmax(logits, axis=1)
            return {"logits": logits, "probabilities": tf.nn.softmax(logits), "label": label}

        return predict

    def _attributor(self, network):
        spec, chunk, classes = self.spec, self.chunk, self.classes

        def attribute(images, labels):
            tf.debugging.assert_equal(tf.shape(images)[0], tf.shape(labels)[0], "one label for each image is needed")
            x, y = _checked(images), tf.cast(_checked_labels(labels, classes), tf.int32)
            return {"map": saliency_map(network, spec, x, y, chunk)}

        return attribute

    @property
    def signatures(self) -> dict[str, Callable]:
        """The functions by the names of their signatures, as `tf.saved_model.save` takes them."""
        return {PREDICT: self.predict, ATTRIBUTE: self.attribute}


def _image_shape(network, size) -> tuple:
    height, width, channels = input_shape(network)
    if size is None and None in (height, width):
        raise InputError(f"network {network.name!r} takes images of any size: say which with --image_size")
    wanted = tuple(size) if size is not None else (height, width)
    if any(free is not None and free != n for free, n in zip((height, width), wanted)):
        raise InputError(f"network {network.name!r} takes images of {height} x {width}, not {wanted[0]} x {wanted[1]}")
    return (*wanted, channels)


def _noise(shape):
    return tf.random.stateless_uniform([2, *shape], [0, 0]).numpy()


def _variable(weight) -> tf.Variable:
    """A weight as TensorFlow's variable, which Keras 3 wraps in one of its own."""
    return weight if isinstance(weight, tf.Variable) else weight.value


def _checked(images):
    """The images; an error, not a wrong answer, where a pixel is NaN or far from [0, 1]."""
    inside = tf.reduce_all((images >= -TOLERANCE) & (images <= 1 + TOLERANCE))
    asserted = tf.debugging.Assert(inside, ["images must lie in [0, 1] (divide by 255), without NaN"])
    with tf.control_dependencies([asserted]):
        return tf.identity(images)


def _checked_labels(labels, classes: int):
    inside = tf.reduce_all((labels >= 0) & (labels < classes))
    asserted = tf.debugging.Assert(inside, [f"labels must lie in 0..{classes - 1}"])
    with tf.control_dependencies([asserted]):
        return tf.identity(labels)

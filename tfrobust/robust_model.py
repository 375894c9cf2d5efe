"""`RobustModel`: a training method as a Keras model that is compiled, fitted, evaluated and saved like any other."""

import os
import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.data import to_unit
from tfrobust.labels import check_labels, not_one_each, not_whole, outside
from tfrobust.networks import TOLERANCE, check_images, unfolded
from tfrobust.training import Trainer
from tfrobust.types import Batch, InputError, Objective

# Finds the message of an assertion in a graph, or of an InputError raised while a graph is traced (Keras 2 raises
# another exception then).  The number that was found follows: in a graph as "] [10]", outside of one on the next line.
_SAYS = re.compile(r"tfrobust says: ([^\]\n']*)(?:(?:\] \[|'\n)(-?[\d.]+))?|InputError: ([^\n]*)")
_RANGE = "images must lie in 0..1: divide by 255, such as data.map(lambda x, y: (x / 255, y))"
_FINITE = "images hold NaN or infinite pixels"


class RobustModel(Trainer):
    """Trains a network by a training method; images are float in [0, 1] or uint8, labels whole numbers.

    fit logs the mean loss of the epoch, and of its last step each term and the norm of the gradient.  evaluate and
    validation give the plain cross-entropy (`loss`) and the accuracy on the images as they are.  predict gives logits.
    save, export, save_weights and load_weights concern the plain network, which is also there as `model.network`.

    Args:
        network: images in [0, 1] in, logits out.
        objective: the training method.
        seed: random seed of every draw.
        **plan: further arguments of `Trainer`, such as weight_decay.
    """

    def __init__(self, network: keras.Model, objective: Objective, seed: int = 0, **plan: Any):
        super().__init__(network, objective, seed=seed, **plan)
        self.mean_loss = keras.metrics.Mean(name="loss")
        self.accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Loss and accuracy, which Keras resets before each pass over the data."""
        return [self.mean_loss, self.accuracy]

    @property
    def uses_saliency(self) -> bool:
        """Whether the method trains on saliency maps beside the images."""
        return getattr(self.objective, "uses_saliency", False)

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        loss: None = None,
        metrics: Sequence[str] | str | None = None,
        jit_compile: bool = False,
        **options: Any,
    ) -> None:
        """Prepares the model for fit, as in Keras; the training method is the loss.

        Args:
            optimizer: as in Keras.
            jit_compile: as in Keras.
            **options: as in Keras.
            loss: must be None.
            metrics: None or accuracy: loss and accuracy are measured.

        Raises:
            InputError: for a loss, and for other metrics.
        """
        if loss is not None:
            raise InputError("the training method is the loss: leave loss out of compile")
        if metrics not in (None, [], ["accuracy"], "accuracy"):
            raise InputError("loss and accuracy are measured: leave metrics out of compile")
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **options)

    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, *args: Any, **options: Any
    ) -> keras.callbacks.History:
        """Trains the network, as in Keras.  Every batch is checked before it changes a weight.

        Args:
            x: images [N,H,W,C], or a data set or generator of batches (x, y) or (x, y, weight); for the methods that
              train on saliency maps, of (x, y, s) or (x, y, s, weight).
            y: labels [N] of images that are given as an array.
            batch_size: images in a batch, of an array; None: 32.
            *args: as in Keras.
            **options: as in Keras.  sample_weight and class_weight weigh every term of the method.

        Raises:
            InputError: for pixels out of range or NaN, labels that are none of the network's classes, and batches of
              another form.
        """
        if self.uses_saliency and options.get("class_weight") is not None:
            raise InputError(
                "this method's batches hold saliency maps: put the weights into them, as (x, y, s, weight)"
            )
        if _is_array(x):
            if self.uses_saliency:
                raise InputError("this method needs a map beside each image: give a tf.data.Dataset of (x, y, s)")
            x, y = _arrays(self.network, x, y)
            self.images, self.batch_size = len(x), batch_size or 32
        validation = options.get("validation_data")
        if isinstance(validation, (tuple, list)) and _is_array(validation[0]):
            options["validation_data"] = (*_arrays(self.network, *validation[:2]), *validation[2:])
        _saying(self._look_at, x, self.uses_saliency)
        _saying(self._look_at, options.get("validation_data"), False)
        return _saying(super().fit, x, y, batch_size, *args, **options)

    def _look_at(self, batches, saliency: bool) -> None:
        """Checks the first batch of a data set, before Keras spends an epoch on its way to it."""
        if isinstance(batches, tf.data.Dataset):
            for data in batches.take(1):
                self._unpacked(data if saliency else _without_maps(data), saliency)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **options: Any) -> list[float] | dict[str, float]:
        """Measures cross-entropy and accuracy on the images as they are, as in Keras.

        Args:
            x: images, or batches, as for `fit`.
            y: labels [N], as for `fit`.
            *args: as in Keras.
            **options: as in Keras.

        Returns:
            [loss, accuracy], or both by name with return_dict=True.

        Raises:
            InputError: as `fit` does.
        """
        if _is_array(x):
            x, y = _arrays(self.network, x, y)
        return _saying(super().evaluate, x, y, *args, **options)

    def predict(self, x: Any, *args: Any, **options: Any) -> np.ndarray:
        """The logits [N,K] of images x, an array [N,H,W,C] or a data set; further arguments as in Keras."""
        return _saying(super().predict, _images(self.network, x) if _is_array(x) else x, *args, **options)

    def save(self, path: str | os.PathLike, *args: Any, **options: Any) -> None:
        """Saves the plain network, without the training method, to a file; further arguments as in Keras."""
        self.network.save(path, *args, **options)

    def export(self, path: str | os.PathLike, *args: Any, **options: Any) -> None:
        """Exports the plain network to a folder, as Keras does; further arguments as in Keras."""
        self.network.export(path, *args, **options)

    def save_weights(self, path: str | os.PathLike, *args: Any, **options: Any) -> None:
        """Saves the weights of the plain network to a file; further arguments as in Keras."""
        self.network.save_weights(os.fspath(path), *args, **options)

    def load_weights(self, path: str | os.PathLike, *args: Any, **options: Any) -> Any:
        """Loads the weights of the plain network from a file; further arguments and result as in Keras."""
        return self.network.load_weights(os.fspath(path), *args, **options)

    def get_config(self) -> dict[str, Any]:
        """Raises InputError: the training method cannot be saved with the network."""
        raise InputError("a robust model is made by tfrobust.robustify: clone or save its plain network, model.network")

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The network's logits [B,K] for images x [B,H,W,C], uint8 or in [0, 1]."""
        return self.network(_unit(unfolded(x, self.network.input_shape[1:])), training=training)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One step of training, as the Trainer's; `loss` in its logs is the mean over the steps of the epoch so far."""
        batch, weight = self._unpacked(data, self.uses_saliency)
        logs = self.descend(batch, weight)
        self.mean_loss.update_state(logs["loss"])
        return {**logs, "loss": self.mean_loss.result()}

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Cross-entropy and accuracy on the images as they are; no attack is made.  Weights apply to the former."""
        batch, weight = self._unpacked(_without_maps(data), False)
        f = self.network(batch.x, training=False)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(batch.y, f)
        self.mean_loss.update_state(loss if weight is None else weight * loss)
        self.accuracy.update_state(batch.y, f)
        return {"loss": self.mean_loss.result(), "accuracy": self.accuracy.result()}

    def _unpacked(self, data, saliency: bool):
        """(batch, weight [B] or None) of the data that Keras hands to a step, which are checked here."""
        parts = 3 if saliency else 2
        if not isinstance(data, (tuple, list)) or not parts <= len(data) <= parts + 1:
            raise InputError("a batch must be (x, y), or (x, y, s) for a method that trains on saliency maps")
        x, y = data[:2]
        x = unfolded(x, self.network.input_shape[1:])
        y = tf.squeeze(y, 1) if y.shape.rank == 2 and y.shape[1] == 1 else y
        if y.shape.rank is None:
            y = _one_each(y)
        elif y.shape.rank != 1:
            raise InputError(not_one_each(y.shape))
        with tf.control_dependencies(_assertions(x, y, self.network.output_shape[-1])):
            x, y = _unit(x), tf.cast(y, tf.int32)
        weight = data[parts] if len(data) > parts else None
        return Batch(x, y, *data[2:parts]), None if weight is None else tf.cast(weight, tf.float32)


def _without_maps(data):
    """(x, y) or (x, y, weight) of a batch that may hold saliency maps, which have more than one axis."""
    if not isinstance(data, (tuple, list)):
        return data
    return [part for i, part in enumerate(data) if i < 2 or part is None or len(part.shape) == 1]


def _one_each(y):
    """Labels [N] of [N] or [N,1], in a graph that Keras traced for labels of any shape, after those of two."""
    text = "tfrobust says: labels must be whole numbers, one per image: take y.argmax(axis=1)"
    with tf.control_dependencies([tf.debugging.Assert(tf.equal(tf.size(y), tf.shape(y)[0]), [text])]):
        return tf.reshape(y, [-1])


def _assertions(x, y, classes: int) -> list:
    """Operations that fail where pixels of x are out of range or NaN, or labels y are none of the classes."""
    low, high = (0, 255) if x.dtype.is_integer else (-TOLERANCE, 1 + TOLERANCE)
    pixels = tf.cast(x, tf.float32)
    y = tf.cast(y, tf.int64) if y.dtype.is_integer else y
    within, known = (pixels >= low) & (pixels <= high), (y >= 0) & (y < classes)
    whole = tf.ones_like(known) if y.dtype.is_integer else tf.equal(y, tf.round(y))

    def that(condition, text, *found):
        return tf.debugging.Assert(tf.reduce_all(condition), [f"tfrobust says: {text}", *found])

    def each(condition, text):
        """Asserts it for every label; the message ends with the largest label for which it does not hold."""
        return that(condition, text, tf.reduce_max(tf.where(condition, tf.constant(y.dtype.min, y.dtype), y)))

    def refuse():
        finite = tf.math.is_finite(pixels)
        # The message names one fault, whichever comes first.
        said = [that(finite, _FINITE), that(within | ~finite, _RANGE)]
        said += [each(whole, not_whole()), each(known | ~whole, outside(classes))]
        with tf.control_dependencies([each for each in said if each is not None]):
            return tf.constant(False)

    # While all is well the numbers are read once: NaN is within no bounds.
    fine = tf.reduce_all(within) & tf.reduce_all(known & whole)
    return [tf.cond(fine, lambda: tf.constant(True), refuse)]


def _saying(method, *args, **options):
    """The method's result; a failed assertion, or an InputError within a graph, is raised as an InputError again."""
    try:
        return method(*args, **options)
    except InputError:
        raise
    except Exception as e:
        found = _SAYS.search(str(e))
        if not found:
            raise
        text, number, raised = found.groups()
        raise InputError(raised.strip() if raised else f"{text} {number}" if number else text) from None


def _is_array(x) -> bool:
    return isinstance(x, (np.ndarray, list)) or tf.is_tensor(x)


def _unit(x):
    return tf.cast(x, tf.float32) / 255 if x.dtype.is_integer else tf.cast(x, tf.float32)


def _images(network, x) -> np.ndarray:
    x = to_unit(unfolded(np.asarray(x), network.input_shape[1:]))
    check_images(x)
    return x


def _arrays(network, x, y):
    """(images, labels int32); raises InputError where they do not fit the network."""
    x = _images(network, x)
    return x, check_labels(y, len(x), network.output_shape[-1])

"""A training method as a Keras model like any other: compile, fit on arrays or data sets, evaluate, predict, save."""

import keras
import numpy as np
import tensorflow as tf

from tfrobust.data import to_unit
from tfrobust.networks import check_images
from tfrobust.training import Trainer
from tfrobust.types import Batch, InputError


class RobustModel(Trainer):
    """Trains `network` for its objective (see Trainer); images are float in [0, 1] or uint8, labels whole numbers.

    fit logs the mean loss of the epoch, and of its last step each term and the norm of the gradient.  evaluate and
    validation give the plain cross-entropy (`loss`) and the accuracy on the images as they are.  predict gives logits.
    save saves the plain network, which is also there as `model.network`.
    """

    def __init__(self, network, objective, seed: int = 0, **plan):
        super().__init__(network, objective, seed, **plan)
        self.mean_loss = keras.metrics.Mean(name="loss")
        self.accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    @property
    def metrics(self):
        """Loss and accuracy, which Keras resets before each pass."""
        return [self.mean_loss, self.accuracy]

    def compile(self, optimizer="adam", loss=None, metrics=None, jit_compile=False, **options):
        """optimizer and further options as in Keras; the objective is the loss, loss and accuracy are what is
        measured."""
        if loss is not None:
            raise InputError("the training method is the loss: leave loss out of compile")
        if metrics not in (None, [], ["accuracy"], "accuracy"):
            raise InputError("loss and accuracy are measured: leave metrics out of compile")
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **options)

    def fit(self, x=None, y=None, batch_size=None, *args, **options):
        """As in Keras.  x: images [N,H,W,C] with labels y [N], or a data set of batches (x, y), or (x, y, s) with
        saliency maps for the methods that train on them."""
        for name in ("sample_weight", "class_weight"):
            if options.get(name) is not None:
                raise InputError(f"{name} is not used by the training methods: leave it out")
        if isinstance(x, np.ndarray):
            if getattr(self.objective, "uses_saliency", False):
                raise InputError("this method needs a map beside each image: give a tf.data.Dataset of (x, y, s)")
            x, y = _arrays(self.network, x, y)
            self.images, self.batch_size = len(x), batch_size or 32
        validation = options.get("validation_data")
        if isinstance(validation, (tuple, list)) and len(validation) == 2:
            options["validation_data"] = _arrays(self.network, *validation)
        return super().fit(x, y, batch_size, *args, **options)

    def evaluate(self, x=None, y=None, *args, **options):
        """As in Keras: [loss, accuracy], or both by name with return_dict=True."""
        if isinstance(x, np.ndarray):
            x, y = _arrays(self.network, x, y)
        return super().evaluate(x, y, *args, **options)

    def predict(self, x, *args, **options):
        """Logits [N,K]."""
        if isinstance(x, np.ndarray):
            x = _images(x)
        return super().predict(x, *args, **options)

    def save(self, path, *args, **options):
        """Saves the plain network, without what trained it."""
        self.network.save(path, *args, **options)

    def call(self, x, training=False):
        """The network's logits [B,K] for images x [B,H,W,C], uint8 or in [0, 1]."""
        return self.network(_unit(x), training=training)

    def train_step(self, data):
        """As the Trainer's, its loss as a mean over the steps of the pass."""
        logs = super().train_step(_batch(data, getattr(self.objective, "uses_saliency", False)))
        self.mean_loss.update_state(logs["loss"])
        return {**logs, "loss": self.mean_loss.result()}

    def test_step(self, data):
        """Cross-entropy and accuracy on the images as they are; no attack is made."""
        batch = _batch(data[:2], False)
        f = self.network(batch.x, training=False)
        self.mean_loss.update_state(tf.nn.sparse_softmax_cross_entropy_with_logits(batch.y, f))
        self.accuracy.update_state(batch.y, f)
        return {"loss": self.mean_loss.result(), "accuracy": self.accuracy.result()}


def _unit(x):
    return tf.cast(x, tf.float32) / 255 if x.dtype.is_integer else tf.cast(x, tf.float32)


def _batch(data, saliency: bool) -> Batch:
    """What Keras hands to a step, as the objectives take it."""
    if not isinstance(data, (tuple, list)) or len(data) != (3 if saliency else 2):
        raise InputError("a batch must be (x, y), or (x, y, s) for a method that trains on saliency maps")
    y = data[1]
    y = tf.cast(tf.squeeze(y, 1) if y.shape.rank == 2 and y.shape[1] == 1 else y, tf.int32)
    return Batch(_unit(data[0]), y, *data[2:])


def _images(x) -> np.ndarray:
    x = to_unit(x[..., np.newaxis] if x.ndim == 3 else x)
    check_images(x)
    return x


def _arrays(network, x, y):
    """(images, labels int32); InputError where they are not those of the network."""
    x, y = _images(np.asarray(x)), np.asarray(y)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.shape != (len(x),) or y.dtype.kind not in "ui":
        raise InputError(
            f"labels must be {len(x)} whole numbers, one per image; got {y.dtype} {list(y.shape)}"
            + (": take y.argmax(axis=1)" if y.ndim == 2 else "")
        )
    classes = network.output_shape[-1]
    if y.min() < 0 or y.max() >= classes:
        raise InputError(f"labels must lie in 0..{classes - 1}; they span {y.min()}..{y.max()}")
    return x, y.astype(np.int32)

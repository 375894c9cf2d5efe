"""Types that the parts of the library hand to each other: a batch, the state of a training step, a training method.

Axes: B images of a batch, H rows, W columns, C channels, K classes.  Images are float32 in [0, 1], labels are
integers in [0, K), every per-example quantity is [B].
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

import tensorflow as tf

from tfrobust.errors import InputError as InputError

if TYPE_CHECKING:
    import keras


class Batch(NamedTuple):
    """A batch of labelled images.

    Attributes:
        x: images [B,H,W,C] in [0, 1].
        y: labels [B].
        s: saliency maps [B,M,H,W,C] in [-1, 1] from M sources, for the methods that train on them; else None.
    """

    x: tf.Tensor
    y: tf.Tensor
    s: tf.Tensor | None = None


class Step(NamedTuple):
    """State of a training step that an objective may depend on.

    Attributes:
        seed: [2] int32, stateless, made of (run seed, iteration): every random draw of a step folds a number of its own
          into it, so that a run that was killed and resumed draws the same as a run that was not.  What is drawn for
          each image is drawn by its place in the global batch (see `distribution.draw_for_replica`).
        batch_seed: [2] int32, a second seed, for what is drawn once for the whole mini-batch.
        iteration: [] int64, steps done before this one.
        epoch: [] int64, whole passes over the training images done before this step.
        eps_scale: [] float32 in [0, 1], by which eps and the attack's step size are multiplied while they are ramped
          up.
    """

    seed: tf.Tensor
    batch_seed: tf.Tensor
    iteration: tf.Tensor
    epoch: tf.Tensor
    eps_scale: tf.Tensor

    def draw(self, tag: int) -> tf.Tensor:
        """A seed [2] for what is drawn for each image; `tag` sets the draws of an objective apart from each other."""
        return tf.random.experimental.stateless_fold_in(self.seed, tag)

    def draw_for_batch(self, tag: int) -> tf.Tensor:
        """A seed [2] for what is drawn once for all images of the step; `tag` as for `draw`."""
        return tf.random.experimental.stateless_fold_in(self.batch_seed, tag)

    def draw_for_epoch(self, tag: int) -> tf.Tensor:
        """A seed [2] for what is drawn once for all steps of an epoch; `tag` as for `draw`."""
        seed = tf.stack([self.batch_seed[0], tf.cast(self.epoch, tf.int32)])
        return tf.random.experimental.stateless_fold_in(seed, tag)


# What is attributed: (images [B,H,W,C], classes [B]) -> one number per image, [B], each of its own image alone.
Score = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
# The terms of a loss by name, each [B].
Terms = dict[str, tf.Tensor]


class Objective(Protocol):
    """A training method: how it perturbs images, and the loss terms that it then minimises over the weights."""

    def inner(self, network: "keras.Model", batch: Batch, step: Step) -> tf.Tensor:
        """The perturbed images x' on which the weights are trained; runs outside the tape over weights.

        Args:
            network: the network that is trained; logits out.
            batch: images and labels.
            step: state of training.

        Returns:
            Images [B,H,W,C] in [0, 1].
        """

    def outer(self, network: "keras.Model", batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        """The terms of the loss, whose sum is the paper's objective.

        Args:
            network: the network that is trained; logits out.
            batch: images and labels.
            x_adv: what `inner` gave, [B,H,W,C].
            step: state of training.

        Returns:
            Terms by name, each [B] and already weighted.
        """

"""What flows between the rooms.

Axes: B images of a batch, H rows, W columns, C channels, K classes.  Images are float32 in [0, 1], labels are
integers in [0, K), every per-example quantity is [B].
"""

from typing import NamedTuple, Protocol

import tensorflow as tf

from tfrobust.errors import InputError as InputError


class Batch(NamedTuple):
    """Images x [B,H,W,C] in [0, 1], labels y [B], and, where a method asks for them, saliency maps s [B,M,H,W,C] in
    [-1, 1] from M sources."""

    x: tf.Tensor
    y: tf.Tensor
    s: tf.Tensor | None = None


class Step(NamedTuple):
    """Where training stands.

    seed: [2] int32, stateless, made of (run seed, iteration): every random draw of a step folds a number of its own
      into it, so that a run which was killed and resumed draws what the run that was not draws.  What is drawn for each
      image is drawn by its place in the global batch (see `replicas.draw_for_replica`).
    batch_seed: [2] int32, another: for what is drawn once for the whole mini-batch.
    iteration: [] int64, steps done before this one.
    epoch: [] int64, whole passes over the training images done before this step.
    eps_scale: [] float32 in [0, 1], the part of the budget in use while eps is ramped up.
    """

    seed: tf.Tensor
    batch_seed: tf.Tensor
    iteration: tf.Tensor
    epoch: tf.Tensor
    eps_scale: tf.Tensor

    def draw(self, tag: int) -> tf.Tensor:
        """A seed [2] of its own for the draw that the objective calls `tag`."""
        return tf.random.experimental.stateless_fold_in(self.seed, tag)

    def draw_for_batch(self, tag: int) -> tf.Tensor:
        """A seed [2] for a draw of one thing for all images."""
        return tf.random.experimental.stateless_fold_in(self.batch_seed, tag)

    def draw_for_epoch(self, tag: int) -> tf.Tensor:
        """The same, of one thing for all steps of an epoch."""
        seed = tf.stack([self.batch_seed[0], tf.cast(self.epoch, tf.int32)])
        return tf.random.experimental.stateless_fold_in(seed, tag)


Terms = dict[str, tf.Tensor]


class Objective(Protocol):
    """A training method: its inner maximum, and the terms that the weights descend on."""

    def inner(self, network, batch: Batch, step: Step) -> tf.Tensor:
        """The perturbed images x' [B,H,W,C]; runs outside the tape over weights."""

    def outer(self, network, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        """Named terms, each [B] and already weighted; their sum is the paper's objective."""

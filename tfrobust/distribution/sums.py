"""Cross-replica reductions used inside a training step.

Replicas may have parts of a batch that differ in size, and may have none of it: what is summed over them is weighed by
images, so that the step is that of one device on the whole batch.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

if TYPE_CHECKING:
    import keras


def replicas() -> int:
    """How many replicas take the step that this is called in."""
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1


def sum_over_replicas(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """The sum of each tensor over the replicas, known to all of them; the tensors themselves where there is one.

    To be called by every replica of a step.
    """
    if replicas() == 1 or not tensors:
        return tensors
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def never_empty(part: tf.Tensor) -> tf.Tensor:
    """The rows `part` [B,...] of this replica, or one row of zeros where it has none: some kernels take no empty batch.

    What comes of that row counts nowhere, as `GlobalBatch` was made of the part as it is.
    """
    if replicas() == 1 or part.shape[0]:
        return part
    missing = tf.maximum(1 - tf.shape(part)[0], 0)
    rows = tf.concat([part, tf.zeros(tf.concat([[missing], tf.shape(part)[1:]], axis=0), part.dtype)], axis=0)
    return tf.ensure_shape(rows, [None, *part.shape[1:]])


class Place(NamedTuple):
    """Where the images of a replica stand in the global batch.

    Attributes:
        first: [] int32, the number of the first of them.
        own: [] int32, how many they are, 1 or more.
        total: [] int32, how many the global batch has.
    """

    first: tf.Tensor
    own: tf.Tensor
    total: tf.Tensor


def place_of(images: tf.Tensor) -> Place:
    """Where the images of this replica stand, which all replicas tell each other; `images`: [] int, how many it has."""
    context = tf.distribute.get_replica_context()
    own = images * tf.one_hot(context.replica_id_in_sync_group, replicas(), dtype=images.dtype)
    (each,) = sum_over_replicas([own])
    total = tf.maximum(tf.reduce_sum(each), 1)
    before = tf.reduce_sum(each[: context.replica_id_in_sync_group])
    return Place(tf.minimum(before, total - 1), tf.maximum(images, 1), total)


class GlobalBatch:
    """The batch of a step, of which this replica has a part.

    Args:
        x: the rows of this replica, [B,...], B 0 or more.

    Attributes:
        share: [], the part of all images that this replica has; None with one replica.
        place: of its images in the global batch; None with one replica.  Where it has none (see never_empty), that of
          another image.
    """

    def __init__(self, x: tf.Tensor):
        own = tf.shape(x)[0]
        self.share: tf.Tensor | None = None
        self.place: Place | None = None
        if replicas() > 1:
            self.place = place_of(own)
            self._has_images, self._images = own > 0, tf.cast(self.place.total, tf.float32)
            self.share = tf.cast(own, tf.float32) / self._images

    def part_of_mean(self, values: tf.Tensor) -> tf.Tensor:
        """What the `values` [B] of this replica's images add to the mean over all images, []."""
        if self.share is None:
            return tf.reduce_mean(values)
        return tf.reduce_sum(values) / tf.cast(self._images, values.dtype)

    def part_of_constant(self, value: tf.Tensor) -> tf.Tensor:
        """This replica's part of a `value` [] that all replicas have and that counts once, such as a regularizer."""
        return value if self.share is None else tf.cast(self.share, value.dtype) * value

    def sum(self, parts: list[tf.Tensor]) -> list[tf.Tensor]:
        """The sums of the `parts` of all replicas; what one without images gives (NaN, perhaps) counts as 0."""
        if self.share is None:
            return parts
        return sum_over_replicas([tf.where(self._has_images, part, tf.zeros_like(part)) for part in parts])

    def average_in_place(self, variables: Sequence[tf.Variable]) -> None:
        """Averages over all images the `variables` of which every replica has its own, such as moving statistics."""
        variables = [v for v in variables if tf.as_dtype(v.dtype).is_floating]
        if self.share is None:
            return
        parts = [tf.cast(self.share, v.dtype) * tf.convert_to_tensor(v) for v in variables]
        for variable, mean in zip(variables, self.sum(parts)):
            variable.assign(mean)


def apply_summed_gradients(
    optimizer: "keras.optimizers.Optimizer", grads_and_vars: Sequence[tuple[tf.Tensor, tf.Variable]]
) -> None:
    """Lets the optimizer take gradients that are summed over the replicas already.

    Keras' optimizers sum them once more: Keras 2's can be told not to, Keras 3's are given the sum by the first replica
    and zeros by the others.  So what an optimizer clips is the sum, as on one device, and not a part of it.  With one
    replica, too, Keras 2's is told not to: TensorFlow would hold the graph of that sum to the end of the process.

    Args:
        optimizer: of Keras.
        grads_and_vars: (gradient, variable) of each variable.
    """
    if hasattr(optimizer, "aggregate_gradients"):
        optimizer.apply_gradients(grads_and_vars, skip_gradients_aggregation=True)
    elif replicas() == 1:
        optimizer.apply_gradients(grads_and_vars)
    else:
        first = tf.equal(tf.distribute.get_replica_context().replica_id_in_sync_group, 0)
        optimizer.apply_gradients([(tf.where(first, g, tf.zeros_like(g)), v) for g, v in grads_and_vars])

"""Cross-replica reductions used inside a training step."""

from typing import List

import tensorflow as tf


def _replicas() -> int:
    return tf.distribute.get_replica_context().num_replicas_in_sync


def mean_over_replicas(tensors: List[tf.Tensor]) -> List[tf.Tensor]:
    """The mean of each tensor over the replicas, known to all of them; the tensors themselves where there is one.

    To be called by every replica of a step.
    """
    if _replicas() == 1 or not tensors:
        return tensors
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, tensors)


def average_in_place(variables) -> None:
    """Makes variables of which every replica has its own, such as moving statistics, their mean over the replicas."""
    variables = [v for v in variables if tf.as_dtype(v.dtype).is_floating]
    if _replicas() > 1:
        for variable, mean in zip(variables, mean_over_replicas([tf.convert_to_tensor(v) for v in variables])):
            variable.assign(mean)


def divide_by_replicas(value: tf.Tensor) -> tf.Tensor:
    """Divides `value` by the number of replicas, because Keras optimizers sum gradients over replicas.

    Keras 3's cannot be told that gradients are summed already.
    """
    return value if _replicas() == 1 else value / _replicas()

"""Random numbers by the place of an image in the global batch, so that the number of replicas changes none of them."""

from typing import Callable

import tensorflow as tf


def draw_for_replica(draw: Callable[[tf.Tensor], tf.Tensor], shape: tf.Tensor) -> tf.Tensor:
    """What draw(shape) is for the images of this replica, [B,...]: its rows of one draw for the global batch.

    draw: shape -> random numbers of that shape, the same ones for the same shape (stateless).  shape: [B, ...] of this
    replica; every replica has as many rows.  Each draws the whole batch and keeps its part: random numbers cost little
    beside a pass through a network.
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync if context else 1
    if replicas == 1:
        return draw(shape)
    rows, rest = shape[:1], shape[1:]
    whole = draw(tf.concat([rows * replicas, rest], axis=0))
    first = tf.cast(context.replica_id_in_sync_group, rows.dtype) * rows[0]
    return whole[first : first + rows[0]]

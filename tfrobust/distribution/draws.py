"""Random numbers by the place of an image in the global batch, so that the number of replicas changes none of them."""

from collections.abc import Callable

import tensorflow as tf

from tfrobust.distribution.sums import Place, images_of_each


def draw_for_replica(draw: Callable[[tf.Tensor], tf.Tensor], shape: tf.Tensor) -> tf.Tensor:
    """Random numbers for the images of this replica: its rows of one draw for the global batch.

    Each replica draws the whole batch and keeps its part: random numbers cost little beside a pass through a network.

    Args:
        draw: shape -> random numbers of that shape, the same ones for the same shape (stateless).
        shape: [B, ...] of this replica, whose rows stand behind those of the replicas before it.

    Returns:
        [B, ...].
    """
    context = tf.distribute.get_replica_context()
    if not context or context.num_replicas_in_sync == 1:
        return draw(shape)
    images = images_of_each(shape[0])
    whole = draw(tf.concat([[tf.reduce_sum(images)], shape[1:]], axis=0))
    first = tf.reduce_sum(images[: context.replica_id_in_sync_group])
    return whole[first : first + shape[0]]


def draw_for_each(draw: Callable[[tf.Tensor], tf.Tensor], seeds: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Random numbers of each image by a seed of its own, so that they do not depend on which images share a batch.

    Args:
        draw: seed [2] -> random numbers for one image, of the same shape for every seed.
        seeds: [B,2].
        dtype: of the numbers.

    Returns:
        [B, ...].
    """
    if tf.executing_eagerly() and len(seeds):  # Operation by operation, the loop of map_fn takes longer than the draws.
        return tf.stack([draw(seed) for seed in seeds])
    return tf.map_fn(draw, seeds, fn_output_signature=dtype)


def draw_at(place: Place | None, draw: Callable[[tf.Tensor], tf.Tensor], shape: tf.Tensor) -> tf.Tensor:
    """As draw_for_replica where the place is known already, so that replicas need not wait for each other.

    Args:
        place: of this replica's images in the global batch; None on one replica.
        draw: shape -> random numbers of that shape, the same ones for the same shape (stateless).
        shape: [n B, ...], for n batches one behind another as tf.concat makes of them; the draw is that of one device,
          which has n global batches.

    Returns:
        [n B, ...].
    """
    if place is None:
        return draw(shape)
    batches = -(-shape[0] // place.own)
    whole = draw(tf.concat([[batches, place.total], shape[1:]], axis=0))
    own = whole[:, place.first : place.first + place.own]
    return tf.reshape(own, tf.concat([[batches * place.own], shape[1:]], axis=0))[: shape[0]]

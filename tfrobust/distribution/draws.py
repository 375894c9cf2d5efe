"""Random numbers by the place of an image in the global batch, so that the number of replicas changes none of them."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from tfrobust.distribution.sums import Place, place_of, replicas

_here = threading.local()  # Each replica has a thread of its own.


@contextlib.contextmanager
def at_place(place: Place | None) -> Iterator[None]:
    """Within the block, draws of this replica know where its images stand in the global batch.

    They would ask the other replicas, which cannot be done in a branch of tf.cond, and takes its time for every draw.

    Args:
        place: of this replica's images; None where they are the whole batch.
    """
    before, _here.place = getattr(_here, "place", None), place
    try:
        yield
    finally:
        _here.place = before


def draw_for_replica(draw: Callable[[tf.Tensor], tf.Tensor], shape: tf.Tensor) -> tf.Tensor:
    """Random numbers for the images of this replica: its rows of one draw for the global batch.

    Each replica draws the whole batch and keeps its part: random numbers cost little beside a pass through a network.

    Args:
        draw: shape -> random numbers of that shape, the same ones for the same shape (stateless).
        shape: [B, ...] of this replica, whose rows stand behind those of the replicas before it; within `at_place`
          also [n B, ...], for n batches one behind another as tf.concat makes of them: the draw is that of one device,
          which has n global batches.

    Returns:
        Numbers of that shape.
    """
    place = getattr(_here, "place", None)
    if place is None and replicas() > 1:
        place = place_of(shape[0])
    if place is None:
        return draw(shape)
    batches = -(-shape[0] // place.own)
    whole = draw(tf.concat([[batches, place.total], shape[1:]], axis=0))
    own = whole[:, place.first : place.first + place.own]
    return tf.reshape(own, tf.concat([[batches * place.own], shape[1:]], axis=0))[: shape[0]]


def draw_by_image(draw: Callable[..., Any], *rows: tf.Tensor, dtype: Any) -> Any:
    """Random numbers for a batch, drawn for each image by itself, so that they do not depend on the batch it is in.

    Args:
        draw: one row of each of `rows` -> the random numbers of that image, a tensor or a list of tensors.
        rows: [B,...], such as the seeds [B,2] of the images.
        dtype: of the numbers; a list of them where draw gives a list.

    Returns:
        What draw gives, as [B,...].
    """
    if tf.executing_eagerly() and len(rows[0]):  # A tf.map_fn that is not traced takes ten times as long.
        drawn = [draw(*of_one) for of_one in zip(*map(tf.unstack, rows), strict=True)]
        return tf.nest.map_structure(lambda *of_each: tf.stack(of_each), *drawn)
    # AutoGraph would convert the function at each call.
    as_it_is = tf.autograph.experimental.do_not_convert(lambda of_one: draw(*of_one))
    return tf.map_fn(as_it_is, rows, fn_output_signature=dtype)

"""Sums over copies of an image of which a part is covered: what the maps without gradients have in common.

With masks m_s in [0, 1] of what is kept of an image x, a reference b that shows where it is covered, and weights w_s:

    a(x)_p = sum_s w_s(p) v_s(x),    v_s = score(x_s)   or its drop,   score(x) - score(x_s),
    x_s = m_s x + (1 - m_s) b

Such a map is made of scores alone, and is as smooth a function of x as the score is.  A copy that equals the image has
a drop of exactly 0, whatever rounding makes of two batches of different sizes: pixels that nothing changes are tied.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfrobust.attributions.chunked_sum import chunked_sum
from tfrobust.checks import check_whole
from tfrobust.types import Score


def sum_over_copies(
    score: Score,
    x: tf.Tensor,
    y: tf.Tensor,
    *,
    copies: int,
    masks: Callable[[tf.Tensor], tf.Tensor],
    weights: Callable[[tf.Tensor], tf.Tensor],
    reference: tf.Tensor | float = 0.0,
    drop: bool = False,
    chunk: int | None = None,
) -> tf.Tensor:
    """The weighted sum of the scores of covered copies, or of their drops.

    Args:
        score: (images, classes) -> [B].
        x: images [B,H,W,C].
        y: classes [B].
        copies: number S of copies of each image.
        masks: numbers [s] in 0..S-1 -> what these copies keep, [s,H,W] in [0, 1].
        weights: such masks [s,H,W] -> their weights [s,H,W].
        reference: what a covered pixel shows, anything that broadcasts to x.
        drop: sum the drops instead of the scores.
        chunk: copies of each image that are held at once; None: all.  Values do not depend on it.

    Returns:
        [B,H,W], in units of the score; differentiable, in the memory of one chunk.

    Raises:
        InputError: for a chunk below 1.
    """
    if chunk is not None:
        check_whole("chunk, the masked copies held at once,", chunk, 1)
    size = min(chunk or copies, copies)
    x0 = tf.zeros_like(x) + reference
    uncovered = score(x, y) if drop else tf.zeros_like(x[:, 0, 0, 0])

    def part(i, x, x0, uncovered):
        numbers = i * size + tf.range(size)
        kept = masks(tf.minimum(numbers, copies - 1))
        counted = tf.cast(numbers < copies, x.dtype)[:, tf.newaxis, tf.newaxis]  # The last chunk is filled up.
        values = _values(score, x, x0, y, kept)
        if drop:
            values = _exact_where_equal(uncovered - values, x, x0, kept)
        return tf.einsum("shw,sb->bhw", counted * weights(kept), values)

    parts = -(-copies // size)
    if parts == 1:
        return part(0, x, x0, uncovered)
    return chunked_sum(part, (x, x0, uncovered), parts, like=x[..., 0], differentiates=False)


def _views(x, x0, kept):
    """The copies [s,B,H,W,C] of which the masks keep `kept` [s,H,W]."""
    kept = kept[:, tf.newaxis, :, :, tf.newaxis]
    return kept * x + (1 - kept) * x0


def _values(score, x, x0, y, kept):
    """The scores [s,B] of the copies, as one batch of s * B images."""
    flat = tf.reshape(_views(x, x0, kept), [-1, *x.shape[1:]])
    flat = tf.ensure_shape(flat, [None, *x.shape[1:]])
    return tf.reshape(score(flat, tf.tile(y, [tf.shape(kept)[0]])), [tf.shape(kept)[0], -1])


def _exact_where_equal(drops, x, x0, kept):
    """The drops [s,B], 0 where a copy equals its image; their derivative stays."""
    same = tf.reduce_all(tf.equal(_views(x, x0, kept), x), axis=[2, 3, 4])
    return drops - tf.stop_gradient(tf.where(same, drops, tf.zeros_like(drops)))


def shared_by_channels(a: tf.Tensor, channels: int) -> tf.Tensor:
    """Maps [B,H,W] as [B,H,W,C]: each channel of a pixel gets the same part of it."""
    return tf.repeat(a[..., tf.newaxis], channels, axis=-1) / channels

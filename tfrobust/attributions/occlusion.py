"""Occlusion (Zeiler & Fergus, 2014, Section 4.2): how far the score falls where a square of the image is covered.

    a(x)_p = mean over the squares s that cover the pixel p of  score(x) - score(x with s covered)

Squares begin at every `stride`-th row and column.  The last ones are cut off at the edge, so that every pixel is
covered by one at least; pixels near the edge are covered by fewer than others, and theirs is the mean over these.

Differs from the paper: there the map has one entry for each place of a grey square, which is the score that is left
instead of what it falls by; here squares are black unless a baseline is given, as for Integrated Gradients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.masked_copies import shared_by_channels, sum_over_copies
from tfrobust.attributions.scores import make_score
from tfrobust.checks import check_number, check_whole
from tfrobust.errors import InputError
from tfrobust.types import Score

if TYPE_CHECKING:
    import keras


def occlusion(
    score: Score,
    x: tf.Tensor,
    y: tf.Tensor,
    *,
    patch: int = 4,
    stride: int = 2,
    baseline: tf.Tensor | float = 0.0,
    chunk: int | None = None,
) -> tf.Tensor:
    """The mean drop of a score over the squares that cover a pixel.

    Args:
        score: (images, classes) -> [B].
        x: images [B,H,W,C].
        y: classes [B].
        patch: side of the squares in pixels; a square as large as the image covers all of it.
        stride: rows and columns from one square to the next, at most `patch`.
        baseline: what a covered pixel shows, anything that broadcasts to x.
        chunk: covered copies of each image that are held at once; None: all.

    Returns:
        [B,H,W,C], in units of the score, the same part for every channel of a pixel; differentiable.

    Raises:
        InputError: for squares that cover nothing, or leave pixels out.
    """
    _check(patch, stride)
    height, width, channels = x.shape[1:]
    down, across = (_places(side, patch, stride) for side in (height, width))

    def masks(numbers):
        rows = _covered(numbers // across, height, patch, stride)
        columns = _covered(numbers % across, width, patch, stride)
        return 1 - rows[:, :, tf.newaxis] * columns[:, tf.newaxis, :]

    times = [
        tf.reduce_sum(_covered(tf.range(n), side, patch, stride), axis=0)
        for n, side in ((down, height), (across, width))
    ]
    drops = sum_over_copies(
        score,
        x,
        y,
        copies=down * across,
        masks=masks,
        weights=lambda kept: 1 - kept,
        reference=baseline,
        drop=True,
        chunk=chunk,
    )
    return shared_by_channels(drops / (times[0][:, tf.newaxis] * times[1]), channels)


def _check(patch, stride):
    check_whole("patch of Occlusion, the side of its squares,", patch, 1)
    check_whole("stride of Occlusion", stride, 1)
    if stride > patch:
        raise InputError(
            f"stride {stride} of Occlusion exceeds its patch {patch}: pixels between squares have no value"
        )


def _places(side: int, patch: int, stride: int) -> int:
    """How many squares there are along a side of the image, the last of which reaches its end."""
    return -(-max(side - patch, 0) // stride) + 1


def _covered(numbers, side: int, patch: int, stride: int):
    """Of each square along a side, whether it covers the pixels there, [s,side] of 0 and 1."""
    start = numbers[:, tf.newaxis] * stride
    place = tf.range(side)
    return tf.cast((place >= start) & (place < start + patch), tf.float32)


@dataclass(frozen=True)
class Occlusion(Attribution):
    """Occlusion as a method.  An image of H x W pixels has about H W / stride^2 covered copies.

    Attributes:
        patch: side of the squares, in pixels.
        stride: rows and columns from one square to the next, at most `patch`.
        baseline: what a covered pixel shows, one grey level of the pixel range [0, 1]; 0 is black.
    """

    patch: int = 4
    stride: int = 2
    baseline: float = 0.0

    needs_curvature: ClassVar[bool] = False

    def __post_init__(self):
        _check(self.patch, self.stride)
        check_number("baseline of Occlusion, a grey level,", self.baseline, 0, 1)

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return self.from_reference(network, score, x, y, self.baseline, chunk=chunk)

    def from_reference(
        self,
        network: keras.Model,
        score: str,
        x: tf.Tensor,
        y: tf.Tensor,
        reference: tf.Tensor | float,
        *,
        chunk: int | None = None,
    ) -> tf.Tensor:
        score_of = make_score(network, score)
        return occlusion(score_of, x, y, patch=self.patch, stride=self.stride, baseline=reference, chunk=chunk)

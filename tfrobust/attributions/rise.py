"""RISE (Petsiuk, Das & Saenko, 2018): the score of randomly masked images, given to the pixels that a mask keeps.

    a(x)_p = 1 / (N q) sum_n score(m_n x) m_n(p),    q the mean of a mask

A mask m_n is a grid of g x g cells, each 1 with probability q and 0 otherwise, resized bilinearly to (g + 1) cells a
side, of which a piece of the size of the image is cut out at a random place within one cell.

The expectation for a linear score <w, x> + c, with K_pj the mean product of the bilinear weights of the pixels p and j
over places, summed over cells:  q <w, x> + c + (1 - q) sum_j K_pj w_j x_j.  Its first two terms are the same for every
pixel.

Differs from the paper: the masks are the same for all images and all calls (they come from a seed), so that a map does
not depend on what else is in the batch; and any score can be taken.  The paper takes the probability; a logit may be
negative, which absolute values then hide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.masked_copies import shared_by_channels, sum_over_copies
from tfrobust.attributions.scores import make_score
from tfrobust.checks import check_number, check_positive, check_seed, check_whole
from tfrobust.types import Score

if TYPE_CHECKING:
    import keras


def rise(
    score: Score,
    x: tf.Tensor,
    y: tf.Tensor,
    grids: tf.Tensor,
    shifts: tf.Tensor,
    *,
    probability: float,
    chunk: int | None = None,
) -> tf.Tensor:
    """The mean of a score times the mask under which it was made, divided by the mean of the masks.

    Args:
        score: (images, classes) -> [B].
        x: images [B,H,W,C].
        y: classes [B].
        grids: the cells of the masks, [N,g,g]; see `random_masks`.
        shifts: where the masks are cut out, [N,2] whole numbers.
        probability: q, the mean of the cells.
        chunk: masked copies of each image that are held at once; None: all.

    Returns:
        [B,H,W,C], in units of the score, the same part for every channel of a pixel; differentiable.
    """
    n, (height, width, channels) = int(grids.shape[0]), x.shape[1:]
    masks = lambda numbers: resized(tf.gather(grids, numbers), tf.gather(shifts, numbers), height, width)  # noqa: E731
    total = sum_over_copies(score, x, y, copies=n, masks=masks, weights=lambda kept: kept, chunk=chunk)
    return shared_by_channels(total / (n * probability), channels)


def random_masks(
    masks: int, cells: int, probability: float, *, height: int, width: int, seed: int = 0
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws the masks of RISE.

    Args:
        masks: their number N.
        cells: g, cells of a grid along a side.
        probability: q, of a cell to be kept.
        height: of the images, in pixels.
        width: of the images, in pixels.
        seed: of the draws.

    Returns:
        (grids [N,g,g] of 0 and 1, shifts [N,2]), as `rise` and `resized` take them.
    """
    grids = tf.cast(tf.random.stateless_uniform([masks, cells, cells], [seed, 0]) < probability, tf.float32)
    sizes = [_cell(side, cells) for side in (height, width)]
    shifts = [tf.random.stateless_uniform([masks], [seed, 1 + i], 0, size, tf.int32) for i, size in enumerate(sizes)]
    return grids, tf.stack(shifts, axis=1)


def resized(grids: tf.Tensor, shifts: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Grids as masks [N,H,W]: resized bilinearly, and cut out at some distance from the corner.

    Args:
        grids: [N,g,g].
        shifts: that distance, [N,2] rows and columns, each less than a cell.
        height: of the masks, in pixels.
        width: of the masks, in pixels.
    """
    cells = int(grids.shape[1])
    rows, columns = (
        tf.gather(tf.constant(_bilinear(side, cells)), shifts[:, i : i + 1] + tf.range(side))
        for i, side in enumerate((height, width))
    )
    return tf.einsum("nhs,nst,nwt->nhw", rows, grids, columns)


def _cell(side: int, cells: int) -> int:
    """The side of a cell in pixels, so that `cells` of them are no shorter than the image."""
    return -(-side // cells)


def _bilinear(side: int, cells: int) -> np.ndarray:
    """The weights [(cells + 1) * cell, cells] by which cells become pixels; each row sums to 1."""
    pixels = (cells + 1) * _cell(side, cells)
    at = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
    return np.maximum(0, 1 - np.abs(at[:, np.newaxis] - np.arange(cells))).astype(np.float32)


@dataclass(frozen=True)
class Rise(Attribution):
    """RISE as a method.

    Attributes:
        masks: number N of masked copies of an image (the paper: 4,000 to 8,000).
        cells: g, cells of a mask along a side.
        probability: q, of a cell to be kept, in (0, 1].
        seed: of the masks.
    """

    masks: int = 1000
    cells: int = 7
    probability: float = 0.5
    seed: int = 0

    needs_curvature: ClassVar[bool] = False

    def __post_init__(self):
        check_whole("masks of RISE", self.masks, 1)
        check_whole("cells of RISE", self.cells, 1)
        check_number("probability of RISE", self.probability, 0, 1)
        check_positive("probability of RISE", self.probability)
        check_seed("seed of RISE", self.seed)

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        size = {"height": x.shape[1], "width": x.shape[2], "seed": self.seed}
        grids, shifts = random_masks(self.masks, self.cells, self.probability, **size)
        return rise(make_score(network, score), x, y, grids, shifts, probability=self.probability, chunk=chunk)

"""Blurs.  Lengths are in pixels at 32, 64 and 224 pixels a side (scale.py); kernels sum to 1.

Published are the constants of motion, zoom and Gaussian blur (motion: of 32 pixels, whose severities 3 and 4 are alike,
4 is a little more).  Defocus: the published kernel is a disk of whole pixels, at 32 often a single one, and blurred;
ours is a disk of any radius, and the radii spread about as far.  Glass: the published swaps of neighbours, one after
the other, are one random move of all pixels at once, as far as the swaps carry; the published reach and blur of 32
pixels do not grow at each severity, ours do.
"""

import numpy as np
import tensorflow as tf

from tfrobust.corruptions.draws import Draws
from tfrobust.corruptions.filters import convolve, disk_kernel, gaussian, grid, read_at, streak, zoom
from tfrobust.corruptions.scale import amount, length

DEFOCUS_RADIUS = ((0.6, 0.8, 1.0, 1.3, 1.6), (1.0, 1.3, 1.6, 2.5, 3.0), (3, 4, 6, 8, 10))
GLASS_SIGMA = ((0.30, 0.32, 0.34, 0.36, 0.38), (0.45, 0.50, 0.60, 0.70, 0.90), (0.7, 0.9, 1.0, 1.1, 1.5))
GLASS_REACH = ((0.80, 0.95, 1.15, 1.45, 1.80), (0.9, 1.1, 1.5, 2.0, 2.8), (1.4, 2.0, 3.5, 4.2, 5.7))
MOTION_SIGMA = ((1.0, 1.5, 2.0, 2.25, 2.5), (1.0, 1.5, 2.0, 2.5, 3.0), (3, 5, 8, 12, 15))
ZOOM = ((0.05, 0.10, 0.15, 0.20, 0.25), (0.05, 0.10, 0.15, 0.20, 0.25), (0.10, 0.15, 0.20, 0.25, 0.30))
ZOOMS = 12
GAUSSIAN_SIGMA = ((0.4, 0.6, 0.7, 0.8, 1.0), (0.5, 0.75, 1.0, 1.25, 1.5), (1, 2, 3, 4, 6))


def defocus_blur(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """x [B,H,W,C], each point a disk."""
    return convolve(x, disk_kernel(length(DEFOCUS_RADIUS, severity, x.shape[1:3])))


def glass_blur(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """x [B,H,W,C] blurred a little, each pixel taken from a random place nearby, blurred again."""
    height, width = x.shape[1:3]
    sigma, reach = (length(table, severity, (height, width)) for table in (GLASS_SIGMA, GLASS_REACH))
    moves = tf.round(reach * draws.uniform(0, [height, width, 2], -1.0, 1.0))
    rows, columns = grid(height, width)
    return gaussian(read_at(gaussian(x, sigma), rows + moves[..., 0], columns + moves[..., 1]), sigma)


def motion_blur(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """x [B,H,W,C] smeared in a direction within 45 degrees of the horizontal."""
    return streak(x, draws.uniform(0, [], -45.0, 45.0), length(MOTION_SIGMA, severity, x.shape[1:3]))


def zoom_blur(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """The mean of x [B,H,W,C] magnified from not at all to 1 + ZOOM times."""
    most = amount(ZOOM, severity, x.shape[1:3])
    return tf.add_n([zoom(x, 1 + part * most) for part in np.linspace(0, 1, ZOOMS)]) / ZOOMS


def gaussian_blur(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """x [B,H,W,C] blurred by a normal."""
    return gaussian(x, length(GAUSSIAN_SIGMA, severity, x.shape[1:3]))

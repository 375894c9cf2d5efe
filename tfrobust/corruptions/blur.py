"""Blurs.  Lengths are in pixels, at 32, 64 and 224 pixels a side (scale.py); kernels sum to 1.

The constants of motion, zoom and Gaussian blur are the published ones, but for one: the published motion blur of 32
pixels is the same at severities 3 and 4, ours is a little stronger at 4.  Defocus: the published kernel is a blurred
disk of whole pixels, at 32 often a single one; ours is a disk of any radius, and the radii spread about as far.  Glass:
where the published blur swaps neighbours one after the other, ours moves all pixels at once at random, as far as the
swaps carry them; the published reach and blur of 32 pixels do not grow at each severity, ours do.
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
ZOOMS = 12  # Magnifications that are averaged.
GAUSSIAN_SIGMA = ((0.4, 0.6, 0.7, 0.8, 1.0), (0.5, 0.75, 1.0, 1.25, 1.5), (1, 2, 3, 4, 6))


def defocus_blur(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Blurs x [B,H,W,C] like a lens out of focus: each point becomes a disk.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    return convolve(x, disk_kernel(length(DEFOCUS_RADIUS, severity, x.shape[1:3])))


def glass_blur(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Blurs x [B,H,W,C] like frosted glass: blurs, takes each pixel from a random place nearby, and blurs again.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    height, width = x.shape[1:3]
    sigma, reach = (length(table, severity, (height, width)) for table in (GLASS_SIGMA, GLASS_REACH))
    moves = tf.round(reach * draws.uniform(0, [height, width, 2], -1.0, 1.0))
    rows, columns = grid(height, width)
    return gaussian(read_at(gaussian(x, sigma), rows + moves[..., 0], columns + moves[..., 1]), sigma)


def motion_blur(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Smears x [B,H,W,C] in a random direction within 45 degrees of the horizontal.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    return streak(x, draws.uniform(0, [], -45.0, 45.0), length(MOTION_SIGMA, severity, x.shape[1:3]))


def zoom_blur(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Averages x [B,H,W,C] over magnifications from 1 to 1 + ZOOM.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    most = amount(ZOOM, severity, x.shape[1:3])
    return tf.add_n([zoom(x, 1 + part * most) for part in np.linspace(0, 1, ZOOMS)]) / ZOOMS


def gaussian_blur(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Blurs x [B,H,W,C] with a Gaussian kernel.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    return gaussian(x, length(GAUSSIAN_SIGMA, severity, x.shape[1:3]))

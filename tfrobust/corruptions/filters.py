"""Building blocks of corruptions: averages over neighbours, images read at other places, clouds.

Beyond its border an image is continued by its mirror image.
"""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfrobust.corruptions.draws import Draws
from tfrobust.image_ops import projective_transform


def mirrored(x: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """Pads images by their mirror image.

    Args:
        x: images [B,H,W,C].
        rows: pixels added above, and as many below; at most H.
        columns: pixels added on either side; at most W.

    Returns:
        [B, H + 2 rows, W + 2 columns, C].
    """
    return tf.pad(x, [[0, 0], [rows, rows], [columns, columns], [0, 0]], "SYMMETRIC")


def convolve(x: tf.Tensor, kernel: np.ndarray) -> tf.Tensor:
    """Convolves each channel of x [B,H,W,C] with the `kernel` [2r+1,2s+1]; r is at most H, s at most W."""
    channels = x.shape[3]
    kernel = tf.constant(np.repeat(kernel[:, :, np.newaxis, np.newaxis], channels, axis=2), tf.float32)
    x = mirrored(x, kernel.shape[0] // 2, kernel.shape[1] // 2)
    return tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID")


def gaussian_kernel(sigma: float, limit: int) -> np.ndarray:
    """The weights [2r+1] of a Gaussian of `sigma` pixels, out to r = 4 sigma but at most `limit`; their sum is 1."""
    radius = min(int(4 * sigma + 0.5), limit)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-6)) ** 2)
    return weights / weights.sum()


def gaussian(x: tf.Tensor, sigma: float) -> tf.Tensor:
    """Blurs x [B,H,W,C] with a Gaussian of `sigma` pixels."""
    x = convolve(x, gaussian_kernel(sigma, x.shape[1])[:, np.newaxis])
    return convolve(x, gaussian_kernel(sigma, x.shape[2])[np.newaxis])


def smooth_noise(noise: tf.Tensor, sigma: float) -> tf.Tensor:
    """Blurs standard normal `noise` [B,H,W,C] by `sigma` pixels and scales it back to a variance of 1."""
    height, width = (np.sum(gaussian_kernel(sigma, n) ** 2) for n in noise.shape[1:3])
    return gaussian(noise, sigma) / math.sqrt(height * width)


def disk_kernel(radius: float, fine: int = 9) -> np.ndarray:
    """A kernel [2r+1,2r+1] in the form of a disk of `radius` pixels.

    A weight is the part of its pixel that the disk covers, measured at `fine` times `fine` points; their sum is 1.
    """
    reach = math.ceil(max(radius - 0.5, 0.0))
    at = (np.arange((2 * reach + 1) * fine) + 0.5) / fine - reach - 0.5
    inside = (at[:, np.newaxis] ** 2 + at**2 <= radius**2).astype(float)
    covered = inside.reshape(2 * reach + 1, fine, 2 * reach + 1, fine).sum(axis=(1, 3))
    return covered / covered.sum()


def zoom(x: tf.Tensor, factor: float) -> tf.Tensor:
    """Magnifies x [B,H,W,C] by `factor`, 1 or more, about its center; the size stays."""
    center_u, center_v = (x.shape[2] - 1) / 2, (x.shape[1] - 1) / 2
    scale = 1 / factor
    row = [scale, 0.0, center_u * (1 - scale), 0.0, scale, center_v * (1 - scale), 0.0, 0.0]
    rows = tf.tile(tf.constant([row], tf.float32), [tf.shape(x)[0], 1])
    return tf.ensure_shape(projective_transform(x, rows), x.shape)  # Within a graph the size would be unknown.


def streak(x: tf.Tensor, degrees: tf.Tensor, sigma: float) -> tf.Tensor:
    """Smears images in a direction: averages copies that are moved by 0, 1, 2, ... pixels.

    Args:
        x: images [B,H,W,C].
        degrees: directions [B]: 0 to the right, 90 down.
        sigma: the weights are a half normal of so many pixels, cut at 2.7 sigma.

    Returns:
        [B,H,W,C].
    """
    height, width = x.shape[1:3]
    taps = min(math.ceil(2.7 * sigma) + 1, height, width)
    weights = np.exp(-0.5 * (np.arange(taps) / sigma) ** 2)
    weights /= weights.sum()
    padded = mirrored(x, taps, taps)
    angle = degrees * (math.pi / 180)
    cos, sin, one, zero = tf.cos(angle), tf.sin(angle), tf.ones_like(angle), tf.zeros_like(angle)
    total = tf.zeros_like(padded)
    for k, weight in enumerate(weights):
        moves = tf.stack([one, zero, -k * cos, zero, one, -k * sin, zero, zero], axis=1)
        total += float(weight) * projective_transform(padded, moves)
    return total[:, taps : taps + height, taps : taps + width]


def _reflected(at, last):
    """Coordinates beyond the border, mirrored back into [0, last]."""
    return last - tf.abs(tf.math.floormod(at, 2.0 * last) - last)


def read_at(x: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Reads images at other places, with bilinear interpolation.

    Args:
        x: images [B,H,W,C].
        rows: the rows [B,H,W] of the places in pixels, counted from 0; they may lie beyond the border.
        columns: their columns [B,H,W], likewise.

    Returns:
        [B,H,W,C].
    """
    height, width = x.shape[1:3]
    rows, columns = _reflected(rows, height - 1.0), _reflected(columns, width - 1.0)
    top, left = tf.floor(rows), tf.floor(columns)
    down, right = (rows - top)[..., tf.newaxis], (columns - left)[..., tf.newaxis]

    def pixel(row, column):
        row, column = tf.minimum(row, height - 1.0), tf.minimum(column, width - 1.0)
        return tf.gather_nd(x, tf.cast(tf.stack([row, column], axis=3), tf.int32), batch_dims=1)

    upper = (1 - right) * pixel(top, left) + right * pixel(top, left + 1)
    lower = (1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1)
    return (1 - down) * upper + down * lower


def grid(height: int, width: int) -> list[tf.Tensor]:
    """The row and the column of each pixel of an image of `height` times `width`, two tensors [H,W] float32."""
    return tf.meshgrid(tf.range(height, dtype=tf.float32), tf.range(width, dtype=tf.float32), indexing="ij")


def plasma(draws: Draws, tag: int, size: Sequence[int], decay: float, ridges: bool = False) -> tf.Tensor:
    """Random clouds: the sum of random heights on finer and finer grids.

    The first grid has 3 times 3 points, each following one is twice as fine, down to the size of a pixel.

    Args:
        draws: random numbers of the images.
        tag: of the first draw; the tags from `tag` to tag + 15 are used.
        size: (H, W) of the images.
        decay: the heights of each grid are so many times lower than those of the grid before.
        ridges: give bright lines where the heights pass through 0, instead of clouds.

    Returns:
        [B,H,W,1] from 0 to 1.
    """
    side = max(size)
    total = 0.0
    points = [2 ** (octave + 1) + 1 for octave in range(max(int(math.log2(side)), 1))]
    for octave, heights in enumerate(draws.uniforms(tag, [[n, n, 1] for n in points], -1.0, 1.0)):
        heights = tf.image.resize(heights, [side, side], "bicubic")
        total += decay**-octave * ((1 - tf.minimum(tf.abs(heights), 1.0)) ** 3 if ridges else heights)
    total = tf.convert_to_tensor(total)[:, : size[0], : size[1]]
    low, high = (reduce(total, axis=[1, 2, 3], keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max))
    return tf.math.divide_no_nan(total - low, high - low)

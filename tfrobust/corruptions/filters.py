"""What several corruptions are made of: averages over neighbours, images read at other places, clouds.

Beyond its border an image goes on as in a mirror.
"""

import math

import numpy as np
import tensorflow as tf

from tfrobust.corruptions.draws import Draws
from tfrobust.image_ops import projective_transform


def mirrored(x: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """x [B,H,W,C] with `rows` more above and below and `columns` more on both sides, at most H and W."""
    return tf.pad(x, [[0, 0], [rows, rows], [columns, columns], [0, 0]], "SYMMETRIC")


def convolve(x: tf.Tensor, kernel: np.ndarray) -> tf.Tensor:
    """x [B,H,W,C], each channel with the kernel [2r+1,2s+1]; r at most H, s at most W."""
    channels = x.shape[3]
    kernel = tf.constant(np.repeat(kernel[:, :, np.newaxis, np.newaxis], channels, axis=2), tf.float32)
    x = mirrored(x, kernel.shape[0] // 2, kernel.shape[1] // 2)
    return tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID")


def gaussian_kernel(sigma: float, limit: int) -> np.ndarray:
    """The weights [2r+1] of a normal of `sigma` pixels out to r = 4 sigma, at most `limit`; their sum is 1."""
    radius = min(int(4 * sigma + 0.5), limit)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-6)) ** 2)
    return weights / weights.sum()


def gaussian(x: tf.Tensor, sigma: float) -> tf.Tensor:
    """x [B,H,W,C] blurred by a normal of `sigma` pixels."""
    x = convolve(x, gaussian_kernel(sigma, x.shape[1])[:, np.newaxis])
    return convolve(x, gaussian_kernel(sigma, x.shape[2])[np.newaxis])


def smooth_noise(noise: tf.Tensor, sigma: float) -> tf.Tensor:
    """Standard normal noise [B,H,W,C] blurred by `sigma` pixels and brought back to a variance of 1."""
    height, width = (np.sum(gaussian_kernel(sigma, n) ** 2) for n in noise.shape[1:3])
    return gaussian(noise, sigma) / math.sqrt(height * width)


def disk_kernel(radius: float, fine: int = 9) -> np.ndarray:
    """The part of each pixel [2r+1,2r+1] that a disk of `radius` pixels covers, over the disk's whole; by fine^2 points
    of each pixel."""
    reach = int(math.ceil(max(radius - 0.5, 0.0)))
    at = (np.arange((2 * reach + 1) * fine) + 0.5) / fine - reach - 0.5
    inside = (at[:, np.newaxis] ** 2 + at**2 <= radius**2).astype(float)
    covered = inside.reshape(2 * reach + 1, fine, 2 * reach + 1, fine).sum(axis=(1, 3))
    return covered / covered.sum()


def zoom(x: tf.Tensor, factor: float) -> tf.Tensor:
    """x [B,H,W,C] magnified `factor` times (1 or more) about its center."""
    center_u, center_v = (x.shape[2] - 1) / 2, (x.shape[1] - 1) / 2
    scale = 1 / factor
    row = [scale, 0.0, center_u * (1 - scale), 0.0, scale, center_v * (1 - scale), 0.0, 0.0]
    rows = tf.tile(tf.constant([row], tf.float32), [tf.shape(x)[0], 1])
    return tf.ensure_shape(projective_transform(x, rows), x.shape)  # A graph forgets the size.


def streak(x: tf.Tensor, degrees: tf.Tensor, sigma: float) -> tf.Tensor:
    """x [B,H,W,C] smeared along the directions `degrees` [B] (0 to the right, 90 down): the mean of it moved by 0, 1,
    2 ... pixels, weighted by a half normal of `sigma` pixels cut at 2.7 sigma."""
    height, width = x.shape[1:3]
    taps = min(int(math.ceil(2.7 * sigma)) + 1, height, width)
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
    """Coordinates folded back into [0, last]."""
    return last - tf.abs(tf.math.floormod(at, 2.0 * last) - last)


def read_at(x: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """x [B,H,W,C] read, bilinearly, at the places rows, columns [B,H,W] in pixels."""
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


def grid(height: int, width: int):
    """The row and the column of each pixel, [H,W] float32 each."""
    return tf.meshgrid(tf.range(height, dtype=tf.float32), tf.range(width, dtype=tf.float32), indexing="ij")


def plasma(draws: Draws, tag: int, size, decay: float, ridges: bool = False) -> tf.Tensor:
    """Clouds [B,H,W,1] from 0 to 1: random heights on a grid of 3x3 points, plus such on grids twice as fine as long as
    pixels show them, each `decay` times lower than the one before.  ridges: bright lines instead, where heights pass
    through 0.  Takes the tags from `tag` to tag + 15."""
    side = max(size)
    total = 0.0
    points = [2 ** (octave + 1) + 1 for octave in range(max(int(math.log2(side)), 1))]
    for octave, heights in enumerate(draws.uniforms(tag, [[n, n, 1] for n in points], -1.0, 1.0)):
        heights = tf.image.resize(heights, [side, side], "bicubic")
        total += decay**-octave * ((1 - tf.minimum(tf.abs(heights), 1.0)) ** 3 if ridges else heights)
    total = total[:, : size[0], : size[1]]
    low, high = (reduce(total, axis=[1, 2, 3], keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max))
    return tf.math.divide_no_nan(total - low, high - low)

"""Corruptions by storing and processing an image.

Contrast, pixelate and JPEG have the published constants.  The published elastic transform and saturation do not become
stronger at each severity (one changes from bending to jitter, the other from grey to garish); ours do.
"""

from collections.abc import Sequence

import tensorflow as tf

from tfrobust.corruptions.draws import Draws
from tfrobust.corruptions.filters import grid, read_at, smooth_noise
from tfrobust.corruptions.scale import amount

CONTRAST = ((0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05), (0.4, 0.3, 0.2, 0.1, 0.05))
PIXELS_LEFT = ((0.95, 0.9, 0.85, 0.75, 0.65), (0.9, 0.8, 0.7, 0.6, 0.5), (0.6, 0.5, 0.4, 0.3, 0.25))
QUALITY = ((80, 65, 58, 50, 40), (65, 58, 50, 40, 25), (25, 18, 15, 10, 7))
SATURATION_FACTOR = ((1.2, 1.35, 1.5, 2.0, 2.5), (1.3, 1.6, 2.0, 5.0, 20.0), (1.3, 1.6, 2.0, 5.0, 20.0))
SATURATION_MORE = ((0.0, 0.0, 0.0, 0.1, 0.2), (0.0, 0.0, 0.0, 0.1, 0.2), (0.0, 0.0, 0.0, 0.1, 0.2))
# Elastic transform, as parts of the shorter side: standard deviation of the bend, its smoothness, reach of the skew.
BEND = (0.004, 0.007, 0.010, 0.013, 0.016)
BEND_SIGMA = 0.04
SKEW = (0.020, 0.028, 0.036, 0.044, 0.052)


def contrast(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Lowers the contrast of x [B,H,W,C]: draws values towards the mean of each channel.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
    return mean + amount(CONTRAST, severity, x.shape[1:3]) * (x - mean)


def _skew(draws, height, width):
    """Moves [B,H,W,2] of the pixels by a random affine map.

    It moves three corners of a square, whose sides are a third of the shorter side away from the center, by up to 1 in
    each axis.
    """
    rows, columns = grid(height, width)
    third = min(height, width) / 3
    y, x = (rows - (height - 1) / 2) / third, (columns - (width - 1) / 2) / third
    weights = tf.stack([(1 + x) / 2, (y - x) / 2, (1 - y) / 2], axis=2)
    return tf.einsum("hwp,bpa->bhwa", weights, draws.uniform(0, [3, 2], -1.0, 1.0))


def elastic_transform(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Skews and bends x [B,H,W,C]: reads it at places that an affine map and smooth noise have moved.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    height, width = x.shape[1:3]
    side = min(height, width)
    bend = smooth_noise(draws.normal(1, [height, width, 2]), side * BEND_SIGMA)
    moves = side * (BEND[severity - 1] * bend + SKEW[severity - 1] * _skew(draws, height, width))
    rows, columns = grid(height, width)
    return read_at(x, rows + moves[..., 0], columns + moves[..., 1])


def pixels_left(side: int, severity: int, size: Sequence[int]) -> int:
    """The number of blocks along a side of a pixelated image: at each severity fewer than before, down to 1.

    Args:
        side: pixels along that side.
        severity: 1 to 5.
        size: (H, W) of the image.
    """
    left = side
    for milder in range(1, severity + 1):
        left = max(min(int(side * amount(PIXELS_LEFT, milder, size)), left - 1), 1)
    return left


def pixelate(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Shows x [B,H,W,C] in blocks, each the average over its area.

    A pixel on the edge of two blocks is a mixture of both (published: the one or the other, which makes 26 blocks of 28
    pixels look worse than 25).

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    size = x.shape[1:3]
    small = tf.image.resize(x, [pixels_left(side, severity, size) for side in size], "area")
    return tf.image.resize(small, size, "area")


def jpeg_compression(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Compresses x [B,H,W,C] as JPEG of low quality, grey or in colour.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    quality, channels = round(amount(QUALITY, severity, x.shape[1:3])), x.shape[3]

    def through(image):
        coded = tf.io.encode_jpeg(image, "grayscale" if channels == 1 else "rgb", quality=quality)
        return tf.io.decode_jpeg(coded, channels, dct_method="INTEGER_ACCURATE")

    pixels = tf.cast(tf.round(x * 255), tf.uint8)
    return tf.cast(tf.map_fn(through, pixels), tf.float32) / 255


def saturate(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Raises the saturation (HSV) of x [B,H,W,C] by a factor and a constant; grey images have none and stay.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    if x.shape[3] == 1:
        return x
    size = x.shape[1:3]
    factor, more = amount(SATURATION_FACTOR, severity, size), amount(SATURATION_MORE, severity, size)
    hue, saturation, value = tf.unstack(tf.image.rgb_to_hsv(x), axis=3)
    return tf.image.hsv_to_rgb(tf.stack([hue, tf.clip_by_value(saturation * factor + more, 0.0, 1.0), value], axis=3))

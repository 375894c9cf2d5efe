"""Corruptions by weather, and by what it leaves on the lens.

Fog, snow and brightness have the published constants, except where a severity was not stronger than the one before it.
Frost and spatter differ from the published ones.  No photographs of frost are shipped: the ice is drawn, from noise of
many octaves and from noise smeared to needles, and covers the image like glass (published: added to the dimmed image,
which hardly shows on a bright image).  Drops of water and mud lie where smooth noise is high.
"""

import math
from collections.abc import Sequence

import tensorflow as tf

from tfrobust.corruptions.draws import Draws
from tfrobust.corruptions.filters import plasma, smooth_noise, streak, zoom
from tfrobust.corruptions.scale import amount, length

FOG = ((0.2, 0.5, 0.75, 1.0, 1.5), (0.4, 0.7, 1.0, 1.5, 2.0), (1.5, 2.0, 2.5, 3.0, 4.0))
FOG_DECAY = ((3.0, 3.0, 2.5, 2.0, 1.75), (3.0, 3.0, 2.5, 2.0, 1.75), (2.0, 2.0, 1.9, 1.8, 1.75))
FROST = ((0.3, 0.4, 0.5, 0.58, 0.65), (0.4, 0.5, 0.58, 0.65, 0.72), (0.5, 0.65, 0.75, 0.85, 0.92))
SNOW_MEAN = ((0.1, 0.1, 0.15, 0.25, 0.3), (0.1, 0.1, 0.15, 0.25, 0.3), (0.1, 0.2, 0.55, 0.55, 0.55))
SNOW_DEVIATION = ((0.2, 0.2, 0.3, 0.3, 0.3), (0.2, 0.2, 0.3, 0.3, 0.3), (0.3, 0.3, 0.3, 0.3, 0.3))
SNOW_FLAKE = ((1.0, 1.0, 1.75, 2.25, 1.25), (1.0, 1.0, 1.75, 2.25, 1.25), (3.0, 2.0, 4.0, 4.5, 2.5))
SNOW_LEAST = ((0.6, 0.5, 0.45, 0.55, 0.58), (0.6, 0.5, 0.5, 0.55, 0.6), (0.5, 0.5, 0.85, 0.8, 0.8))
SNOW_FALL = ((3, 4, 4, 6, 12), (3, 4, 4, 6, 12), (4, 4, 8, 8, 12))
SNOW_KEEP = ((0.95, 0.9, 0.9, 0.85, 0.8), (0.8, 0.8, 0.7, 0.65, 0.6), (0.8, 0.7, 0.7, 0.65, 0.55))
BRIGHTER = ((0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5), (0.1, 0.2, 0.3, 0.4, 0.5))
# Spatter: a drop begins so many standard deviations above the mean (they cover 3%, 8%, 15%, 26%, 38% of the image).
DROP_LEAST = (1.88, 1.40, 1.04, 0.64, 0.30)
DROP_SIGMA = ((0.9, 0.9, 0.9, 0.8, 0.8), (1.4, 1.4, 1.4, 1.1, 1.1), (4, 4, 4, 3, 3))
MUD_FROM = 4  # The severity from which on drops are of mud.
ICE_THIN, ICE_WHITE, DIRECTIONS = (0.35, 0.47, 0.60), (0.93, 0.97, 1.0), 4
WATER, MUD = (175 / 255, 238 / 255, 238 / 255), (63 / 255, 42 / 255, 20 / 255)


def _colour(rgb, channels):
    """The colour as [C]; where images are grey, its luminance."""
    rgb = tf.constant(rgb, tf.float32)
    return rgb if channels == 3 else tf.image.rgb_to_grayscale(rgb)


def fog(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Lays clouds over x [B,H,W,C] and darkens it, so that the brightest pixel becomes no brighter.

    The heights of the published clouds fall with the square of their decay, and so do these.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    size = x.shape[1:3]
    thick, decay = amount(FOG, severity, size), amount(FOG_DECAY, severity, size)
    brightest = tf.reduce_max(x, axis=[1, 2, 3], keepdims=True)
    foggy = x + thick * plasma(draws, 0, size, decay**2)
    return foggy * tf.math.divide_no_nan(brightest, brightest + thick)


def needles(draws: Draws, tag: int, size: Sequence[int]) -> tf.Tensor:
    """Straight ice crystals: the ridges of noise that is smeared in a few directions, each with clouds of its own.

    Args:
        draws: random numbers of the images.
        tag: of the first draw; the tags from `tag` to tag + 16 DIRECTIONS + 1 are used.
        size: (H, W) of the images.

    Returns:
        [B,H,W,1] from 0 to 1.
    """
    sigma = max(min(size) / 10, 1.0)
    crystals = []
    for direction in range(tag, tag + 16 * DIRECTIONS, 16):
        smeared = streak(draws.normal(direction, [*size, 1]), draws.uniform(direction + 1, [], 0.0, 360.0), sigma)
        # The mean of n normal numbers has 1/n of their variance; a half normal averages about sqrt(pi) sigma of them.
        ridges = tf.clip_by_value(0.8 * (smeared * math.sqrt(1.77 * sigma) - 0.8), 0.0, 1.0)
        crystals.append(2 * ridges * plasma(draws, direction + 2, size, 1.6) ** 1.5)
    return tf.clip_by_value(tf.reduce_max(tf.stack(crystals), axis=0), 0.0, 1.0)


def frost(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Covers x [B,H,W,C] with ice of varying opacity, blue where it is thin and white at its crystals.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    size, channels = x.shape[1:3], x.shape[3]
    crystals = plasma(draws, 0, size, 1.25, ridges=True) + 0.6 * needles(draws, 32, size)
    thin, white = _colour(ICE_THIN, channels), _colour(ICE_WHITE, channels)
    ice = thin + tf.clip_by_value(crystals, 0.0, 1.0) * (white - thin)
    opacity = amount(FROST, severity, size) * (0.5 + 0.5 * plasma(draws, 16, size, 2.0))
    return x + opacity * (ice - x)


def snow(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Whitens x [B,H,W,C] and adds flakes smeared along their fall, in one layer and the same layer turned around.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    size = x.shape[1:3]
    mean, deviation, flake, least, keep = (
        amount(table, severity, size) for table in (SNOW_MEAN, SNOW_DEVIATION, SNOW_FLAKE, SNOW_LEAST, SNOW_KEEP)
    )
    flakes = zoom(mean + deviation * draws.normal(0, [*size, 1]), flake)
    flakes = tf.clip_by_value(tf.where(flakes < least, 0.0, flakes), 0.0, 1.0)
    flakes = streak(flakes, draws.uniform(1, [], 45.0, 135.0), length(SNOW_FALL, severity, size))
    grey = tf.image.rgb_to_grayscale(x) if x.shape[3] == 3 else x
    whitened = keep * x + (1 - keep) * tf.maximum(x, 1.5 * grey + 0.5)
    return whitened + flakes + tf.reverse(flakes, axis=[1, 2])


def brightness(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Adds a constant to the value (HSV) of x [B,H,W,C]; in grey images the value is the pixel itself.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    more = amount(BRIGHTER, severity, x.shape[1:3])
    if x.shape[3] == 1:
        return x + more
    hue, saturation, value = tf.unstack(tf.image.rgb_to_hsv(x), axis=3)
    return tf.image.hsv_to_rgb(tf.stack([hue, saturation, tf.clip_by_value(value + more, 0.0, 1.0)], axis=3))


def spatter(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Puts drops before x [B,H,W,C]: of water, lit from above, up to severity 3, and of mud from 4 on.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    size = x.shape[1:3]
    liquid = smooth_noise(draws.normal(0, [*size, 1]), length(DROP_SIGMA, severity, size))
    depth = liquid - DROP_LEAST[severity - 1]
    if severity >= MUD_FROM:
        mask = tf.clip_by_value(4 * depth, 0.0, 1.0)
        return (1 - mask) * x + mask * _colour(MUD, x.shape[3])
    mask = tf.clip_by_value(2 * depth, 0.0, 1.0)
    slope = tf.roll(liquid, -1, axis=1) - tf.roll(liquid, 1, axis=1)
    return x + mask * tf.clip_by_value(0.35 + 0.5 * slope, 0.0, 0.6) * _colour(WATER, x.shape[3])

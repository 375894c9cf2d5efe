"""Noise that is independent in each pixel and channel, with the published constants."""

import tensorflow as tf

from tfrobust.corruptions.draws import Draws
from tfrobust.corruptions.scale import amount

STANDARD_DEVIATION = ((0.04, 0.06, 0.08, 0.09, 0.10), (0.04, 0.08, 0.12, 0.15, 0.18), (0.08, 0.12, 0.18, 0.26, 0.38))
PHOTONS = ((500, 250, 100, 75, 50), (250, 100, 50, 30, 15), (60, 25, 12, 5, 3))
HIT = ((0.01, 0.02, 0.03, 0.05, 0.07), (0.01, 0.02, 0.05, 0.08, 0.14), (0.03, 0.06, 0.09, 0.17, 0.27))
SPECKLE = ((0.06, 0.10, 0.12, 0.16, 0.20), (0.15, 0.20, 0.25, 0.30, 0.35), (0.15, 0.20, 0.35, 0.45, 0.60))


def gaussian_noise(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Adds normal noise to x [B,H,W,C].

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    return x + amount(STANDARD_DEVIATION, severity, x.shape[1:3]) * draws.normal(0, x.shape[1:])


def shot_noise(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Replaces x [B,H,W,C] by counts of photons; a white pixel sends PHOTONS on average.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    photons = amount(PHOTONS, severity, x.shape[1:3])
    return draws.poisson(0, x * photons) / photons


def impulse_noise(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Makes a few values of x [B,H,W,C] black or white, both equally often (salt and pepper).

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    hit = draws.uniform(0, x.shape[1:]) < amount(HIT, severity, x.shape[1:3])
    return tf.where(hit, tf.round(draws.uniform(1, x.shape[1:])), x)


def speckle_noise(x: tf.Tensor, severity: int, draws: Draws) -> tf.Tensor:
    """Adds normal noise in proportion to x to x [B,H,W,C].

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        severity: how strong it is, a whole number from 1 to 5.
        draws: the random numbers of each image.
    """
    return x + x * amount(SPECKLE, severity, x.shape[1:3]) * draws.normal(0, x.shape[1:])

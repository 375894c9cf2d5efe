"""Certifies uniformly smoothed maps, and measures the cosine that the certificate is about.

Both are of the exact smoothed map, an expectation, and are estimated from draws that no attack has seen.  The map that
is shown is a mean of few draws; an attack that knows these can move it further than the expectation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attributions import MapSpec, UniformlySmoothed
from tfrobust.attributions.uniform_smoothing import certified_cosine, least_length, uniform_noise
from tfrobust.errors import InputError
from tfrobust.evaluation.predictions import batches, once_traced

if TYPE_CHECKING:
    import keras

DRAWS = 1000  # Of the certificate, and as many again for each cosine.
RISK = 0.001  # Probability that the certificate fails for an image, through its draws.
AT_ONCE = 25  # Draws of each image that are held at once.
SEEDS = (1, 0), (2, 0)  # Of the draws at x and at x'; the map itself has another.


@dataclass(frozen=True)
class SmoothedMoments:
    """What draws say of exact smoothed maps h.

    Attributes:
        mean: [N,H,W], the mean of the draws, which estimates h.
        square: [N], an estimate of |h|^2 without bias.
        draws: their number.
    """

    mean: np.ndarray
    square: np.ndarray
    draws: int

    def certified(self, distance: float, radius: float, dimensions: int, risk: float = RISK) -> np.ndarray:
        """The lower bound [N] of the cosine of h(x) with h(x') for every x' within a distance; arguments as of
        `certified_cosine` and `least_length`."""
        return certified_cosine(least_length(self.square, self.draws, risk), distance, radius, dimensions)


def smoothed(spec: MapSpec) -> UniformlySmoothed:
    """The method of a map that has a certificate.

    Raises:
        InputError: for another method.
    """
    if not isinstance(spec.attribution, UniformlySmoothed):
        raise InputError(f"{spec.method} has no certificate: only uniformly_smoothed has")
    return spec.attribution


def moments(
    network: keras.Model,
    spec: MapSpec,
    x: np.ndarray,
    y: np.ndarray,
    *,
    draws: int = DRAWS,
    seed: tuple[int, int] = SEEDS[0],
    batch_size: int = 100,
) -> SmoothedMoments:
    """Mean and squared length of the exact smoothed maps, from draws.

    Args:
        network: logits out.
        spec: of a map whose method is UniformlySmoothed.
        x: images [N,H,W,C] in [0, 1].
        y: labels [N].
        draws: number of draws of noise, the same ones for all images.
        seed: of the draws.
        batch_size: images with noise that are held at once, about.

    Raises:
        InputError: for another method.
    """
    method = smoothed(spec)
    summed, total, own = _summed(network, method, spec.score), np.zeros(x.shape[:3]), np.zeros(len(x))
    for part in batches(draws, AT_ONCE):
        noise = uniform_noise(len(part), x.shape[1:], method.radius, (seed[0], seed[1] + 2 * int(part[0])))
        for rows in batches(len(x), max(1, batch_size // AT_ONCE)):
            g, squares = summed(tf.constant(x[rows], tf.float32), tf.constant(y[rows]), noise)
            total[rows] += g.numpy()
            own[rows] += squares.numpy()
    square = (np.sum(total**2, axis=(1, 2)) - own) / (draws * (draws - 1))
    return SmoothedMoments(total / draws, np.clip(square, 0.0, 1.0), draws)


@once_traced
def _summed(network, method, score):
    """(images, labels, noise [S,H,W,C]) -> sum of the maps of length 1 [B,H,W], sum of their squared lengths [B]."""

    def summed(x, y, noise):
        g = method.unit_maps(network, score, x, y, noise)
        return tf.reduce_sum(g, axis=0), tf.reduce_sum(g**2, axis=[0, 2, 3])

    return tf.function(summed, reduce_retracing=True, autograph=False)


def smoothed_cosine(a: SmoothedMoments, b: SmoothedMoments) -> np.ndarray:
    """The cosine [N] of exact smoothed maps, <h, h'> / (|h| |h'|), each of the three without bias from own draws."""
    dot = np.sum(a.mean * b.mean, axis=(1, 2))
    length = np.sqrt(a.square * b.square)
    return np.clip(np.divide(dot, length, out=np.zeros_like(dot), where=length > 0), -1.0, 1.0)


def certificate_scores(
    network: keras.Model,
    spec: MapSpec,
    x: np.ndarray,
    x_adv: np.ndarray,
    y: np.ndarray,
    *,
    eps: float,
    norm: str,
    draws: int = DRAWS,
    batch_size: int = 100,
) -> dict[str, np.ndarray]:
    """What an attack found beside what is certified.

    Args:
        network: logits out.
        spec: of a map whose method is UniformlySmoothed.
        x: images [N,H,W,C] in [0, 1] before the attack.
        x_adv: the same images after it.
        y: labels [N].
        eps: radius of the ball of the attack, in units of the pixel range [0, 1].
        norm: of that ball; in linf the l2 ball around it counts, whose radius is eps sqrt(d).
        draws: number of draws of noise, the same ones for all images.
        batch_size: images with noise that are held at once, about.

    Raises:
        InputError: for another method.

    Returns:
        smoothed_cosine and certified_cosine, [N] each.
    """
    dimensions = x[0].size
    distance = eps * (np.sqrt(dimensions) if norm == "linf" else 1.0)
    plan = {"draws": draws, "batch_size": batch_size}
    before, after = (moments(network, spec, of, y, seed=seed, **plan) for of, seed in zip((x, x_adv), SEEDS))
    certified = before.certified(distance, smoothed(spec).radius, dimensions)
    return {"smoothed_cosine": smoothed_cosine(before, after), "certified_cosine": certified}


def certify(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    spec: MapSpec,
    eps: tuple[float, ...],
    *,
    draws: int = DRAWS,
    risk: float = RISK,
    batch_size: int = 100,
) -> np.ndarray:
    """Certified lower bounds of the cosine over radii: a curve for each image.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: labels [N].
        spec: of a map whose method is UniformlySmoothed.
        eps: l2 radii, M of them, in units of the pixel range [0, 1].
        draws: number of draws of noise, the same ones for all images.
        risk: the probability that the bounds of an image fail through the draws; one event for all radii.
        batch_size: images with noise that are held at once, about.

    Returns:
        [N,M].
    """
    found = moments(network, spec, x, y, draws=draws, batch_size=batch_size)
    radius, dimensions = smoothed(spec).radius, x[0].size
    return np.stack([found.certified(each, radius, dimensions, risk) for each in eps], axis=1)

"""Uniformly smoothed attributions (Wang & Kong, 2024, arXiv 2405.06361): maps whose cosine has a certified lower bound.

g(x) is a map of non-negative entries and of Euclidean length 1 (0 where the map is zero).  Its mean over a ball,

    h(x) = E g(x + n),    n uniform in the l2 ball of radius r in d dimensions (pixels times channels),

changes little when x does: of the two balls around x and x' a share w is common to both, and only the rest, u = 1 - w
(`not_common`), can differ.  So h(x) = c + p and h(x') = c + q with |c| <= w, |p| <= u, |q| <= u.  Of all such c, p
and q with the given |h(x)| = m, the least cosine of h(x) and h(x') is (`certified_cosine`)

    sqrt(1 - (2 u / m)^2)                                  where m^2 - 3 u^2 <= w^2 and 2 u < m,
    cos(arccos((m^2 + w^2 - u^2) / (2 m w)) + arcsin(u / w))   where m^2 - 3 u^2 > w^2.

For a fixed length t of c, the angle between h(x) and h(x') is at most arccos((m^2 + t^2 - u^2) / (2 m t)) between h(x)
and c, plus arcsin(u / t) between c and h(x').  That sum rises until t^2 = m^2 - 3 u^2 and falls from there on; the
first case is its maximum, the second that at the largest t there is, w.  Both are reached by some g, so that no larger
bound follows from the lengths alone.

Differs from the paper, as it was read here: its bound, m / sqrt(m^2 + v^2) with v the share that is not common, is
larger than the first case, and functions g of length at most 1 go below it
(tests/attributions/test_uniform_smoothing.py has one).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.gradient import Gradient
from tfrobust.attributions.integrated_gradients import IntegratedGradients
from tfrobust.checks import check_choice, check_number, check_positive, check_whole
from tfrobust.names import SMOOTHED

if TYPE_CHECKING:
    import keras

_TINY = 1e-24  # Of a squared length: keeps its root differentiable where a map is zero.


@dataclass(frozen=True)
class UniformlySmoothed(Attribution):
    """The mean of a map of length 1 over copies of the image with uniform noise in an l2 ball.

    The noise is the same for all images, so that a map does not depend on its batch; images with noise may leave the
    range [0, 1].  Channels of a pixel are joined before the mean, and each gets the same part of it.

    Attributes:
        samples: number of copies.
        radius: r of the ball, in units of the pixel range [0, 1]; a pixel's noise has the standard deviation
          r / sqrt(d + 2).
        base: the map that is smoothed, one of names.SMOOTHED.
        steps: points of Integrated Gradients, where that is the base.
    """

    samples: int = 50
    radius: float = 4.0
    base: str = "gradient"
    steps: int = 20

    def __post_init__(self):
        check_whole("samples of a smoothed map", self.samples, 1)
        check_whole("steps of a smoothed map", self.steps, 1)
        check_positive("radius of a smoothed map", self.radius)
        check_choice("base of a smoothed map", self.base, SMOOTHED)

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        noise = uniform_noise(self.samples, x.shape[1:], self.radius, (0, 0))
        points = 1 if self.base == "gradient" else self.steps
        at_once, total = max(1, (chunk or self.samples * points) // points), tf.zeros_like(x[..., 0])
        for start in range(0, self.samples, at_once):
            part = noise[start : start + at_once]
            total += tf.reduce_sum(self.unit_maps(network, score, x, y, part, chunk=chunk), axis=0)
        mean = total / self.samples
        return tf.repeat(mean[..., tf.newaxis], x.shape[-1], axis=-1) / x.shape[-1]

    def unit_maps(
        self,
        network: keras.Model,
        score: str,
        x: tf.Tensor,
        y: tf.Tensor,
        noise: tf.Tensor,
        *,
        chunk: int | None = None,
    ) -> tf.Tensor:
        """g at images with noise.

        Args:
            network: logits out.
            score: that is differentiated, see `make_score`.
            x: images [B,H,W,C] in [0, 1].
            y: classes [B].
            noise: that is added to each image, [S,H,W,C].
            chunk: path points of the base that are held at once; None: all.

        Returns:
            [S,B,H,W], each of Euclidean length 1, or 0 where the map is zero.
        """
        views = x[tf.newaxis] + noise[:, tf.newaxis]
        flat = tf.ensure_shape(tf.reshape(views, [-1, *x.shape[1:]]), [None, *x.shape[1:]])
        base = Gradient() if self.base == "gradient" else IntegratedGradients(self.steps)
        a = base(network, score, flat, tf.tile(y, [tf.shape(noise)[0]]), chunk)
        a = tf.reduce_sum(tf.abs(a), axis=-1)
        square = tf.reduce_sum(a**2, axis=[1, 2], keepdims=True)
        a = tf.where(square > _TINY, a * tf.math.rsqrt(tf.maximum(square, _TINY)), 0.0)
        return tf.reshape(a, tf.concat([tf.shape(views)[:2], tf.shape(a)[1:]], axis=0))


def uniform_noise(samples: int, shape: Sequence[int], radius: float, seed: Sequence[int]) -> tf.Tensor:
    """Draws [samples, *shape], uniform in an l2 ball around 0 in as many dimensions as an image has numbers.

    Args:
        samples: number of draws.
        shape: (H, W, C).
        radius: of the ball.
        seed: [2].
    """
    v = tf.random.stateless_normal([samples, *shape], seed)
    u = tf.random.stateless_uniform([samples, 1, 1, 1], [seed[0], seed[1] + 1])
    length = tf.sqrt(tf.reduce_sum(v**2, axis=[1, 2, 3], keepdims=True))
    return radius * u ** (1.0 / math.prod(shape)) * v / length


def not_common(distance: float, radius: float, dimensions: int) -> float:
    """u: the share of a ball that is not in another one of the same radius.

    A ball without its common part with the other is what is left of it without two caps, whose volume is a regularised
    incomplete beta function: u = I_z(1/2, (d + 1) / 2) with z = (distance / (2 radius))^2.

    Args:
        distance: between the two centers.
        radius: of both balls.
        dimensions: d.
    """
    z = min((distance / (2 * radius)) ** 2, 1.0)
    half = tf.constant(0.5, tf.float64)
    return float(tf.math.betainc(half, tf.constant((dimensions + 1) / 2, tf.float64), tf.constant(z, tf.float64)))


def certified_cosine(length: np.ndarray, distance: float, radius: float, dimensions: int) -> np.ndarray:
    """The least cosine of h(x) and h(x') for all x' within a distance of x (see above).

    Args:
        length: |h(x)| of each image [N], or lower bounds of it.
        distance: the largest Euclidean distance of x' from x.
        radius: r of the smoothing.
        dimensions: d, the pixels of an image times its channels.

    Returns:
        [N] float64; 0, which holds for any maps of non-negative entries, where the lengths exclude nothing.
    """
    check_number("distance of a certificate", distance)
    m, u = np.asarray(length, np.float64), not_common(distance, radius, dimensions)
    w = 1.0 - u
    out = np.zeros_like(m)
    open_ = 2 * u < m
    out[open_] = np.sqrt(1.0 - (2 * u / m[open_]) ** 2)
    full = open_ & (m**2 - 3 * u**2 > w**2)  # Only where u < 1 / 2 < w.
    if full.any():
        between = np.clip((m[full] ** 2 + w**2 - u**2) / (2 * m[full] * w), -1.0, 1.0)
        out[full] = np.cos(np.arccos(between) + math.asin(u / w))
    return np.maximum(out, 0.0)


def least_length(square: np.ndarray, draws: int, risk: float) -> np.ndarray:
    """A lower bound of |h| that holds with a probability of at least 1 - risk, for each image.

    The mean of <g_i, g_j> over pairs of draws has the expectation |h|^2.  Its terms are in [0, 1], so that it exceeds
    the expectation by t with a probability of at most exp(-2 floor(n / 2) t^2) (Hoeffding, 1963, for U-statistics).

    Args:
        square: that mean over all pairs of different draws, [N].
        draws: n, their number, 2 at least.
        risk: the probability that the bound fails for an image.
    """
    check_whole("draws of a certificate", draws, 2)
    slack = math.sqrt(math.log(1.0 / risk) / (2 * (draws // 2)))
    return np.sqrt(np.maximum(np.asarray(square, np.float64) - slack, 0.0))

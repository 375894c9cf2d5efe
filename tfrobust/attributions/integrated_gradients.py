"""Integrated Gradients (Sundararajan et al., 2017; RAR Eq. 1 with the straight line as path).

    IG(x) = (x - x0) * sum_k w_k grad score(x0 + t_k (x - x0))

The points of the path are folded into the batch.  Where the network begins with something affine, the path is followed
behind it (see `affine_start`); of a nonnegatively homogeneous network it need not be followed at all (see
`one_gradient_is_enough`).  With `chunk` they are folded a few at a time, and memory no longer grows with their
number, in the second derivative either (see `chunked_sum`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attributions.affine_start import cut_behind_affine_start
from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.chunked_sum import chunked_sum
from tfrobust.attributions.gradient import gradient, gradients
from tfrobust.attributions.quadrature import quadrature, stratified
from tfrobust.attributions.scores import NetworkScore, make_score
from tfrobust.checks import check_choice, check_number, check_whole
from tfrobust.errors import InputError
from tfrobust.names import RULES
from tfrobust.networks.homogeneity import is_homogeneous
from tfrobust.types import Score

if TYPE_CHECKING:
    import keras


def integrated_gradients(
    score: Score,
    x: tf.Tensor,
    y: tf.Tensor,
    baseline: tf.Tensor | float | None = None,
    steps: int = 50,
    *,
    rule: str = "right",
    chunk: int | None = None,
    seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """Integrated Gradients of a score along the straight line from a baseline to the image.

    Completeness: the sum over H, W, C tends to score(x, y) - score(baseline, y) as steps grow.

    Args:
        score: (images, classes) -> [B].
        x: images [B,H,W,C].
        y: classes [B].
        baseline: where the path begins, anything that broadcasts to x; None: black (zeros).
        steps: number m of intervals.
        rule: right, left, trapezoid or gauss_legendre, see `quadrature`.
        chunk: path points held at once; None: all.  Values do not depend on it.
        seed: [2], stateless; with it the points are drawn, one within each interval and the same ones for all images,
          in the place of those of the rule (see `stratified`).

    Returns:
        [B,H,W,C], in units of the score; differentiable by x, baseline and weights.

    Raises:
        InputError: for a chunk or a number of steps below 1, and an unknown rule.
    """
    if chunk is not None and chunk < 1:
        raise InputError(f"chunk, the path points held at once, must be at least 1; got {chunk}")
    points, weights = quadrature(rule, steps) if seed is None else stratified(steps, seed)
    if one_gradient_is_enough(score, baseline, points):
        return x * gradient(score, x, y)
    x0 = tf.zeros_like(x) if baseline is None else tf.zeros_like(x) + baseline
    path = {"points": points, "weights": weights, "chunk": chunk}
    cut = cut_behind_affine_start(score)
    if cut is None:
        return (x - x0) * _mean_gradient(score, x0, x - x0, y, **path)
    head, of_outputs = cut
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = head(x, training=False)
    h0 = head(x0, training=False)
    return (x - x0) * tape.gradient(h, x, output_gradients=_mean_gradient(of_outputs, h0, h - h0, y, **path))


def one_gradient_is_enough(score: Score, baseline: tf.Tensor | float | None, points: np.ndarray | tf.Tensor) -> bool:
    """Whether Integrated Gradients are x grad score(x), whatever the number of steps (Hesse et al., 2021).

    A nonnegatively homogeneous network f has f(a x) = a f(x), so that grad f(t x) = grad f(x) for t > 0: from black,
    all points of the path have the same gradient, and the same derivatives of it by the weights.  That is so of the
    logit, not of a probability or a loss; from a black baseline that is known as such, None or the number 0; and by a
    rule without the point t = 0, where the gradient of a ReLU network is zero.

    Args:
        score: what is attributed.
        baseline: where the path begins.
        points: those of the rule, or a tensor of points that are drawn, which may be 0.
    """
    if not isinstance(score, NetworkScore) or score.kind != "logit" or score.training:
        return False
    black = baseline is None or (isinstance(baseline, (int, float)) and baseline == 0)
    above_zero = isinstance(points, np.ndarray) and points.min() > 0
    return black and above_zero and is_homogeneous(score.network)


def _mean_gradient(score, x0, difference, y, *, points, weights, chunk):
    """The weighted mean of the score's gradient over the points x0 + t difference, of the shape of x0."""
    points, weights = tf.convert_to_tensor(points), tf.convert_to_tensor(weights)
    if chunk is None or chunk >= points.shape[0]:
        return _path_gradient(score, x0, difference, y, points, weights=weights)
    points, weights = _padded(points, weights, chunk)

    def row(i, x0, difference):
        return _path_gradient(score, x0, difference, y, points[i], weights=weights[i])

    return chunked_sum(row, (x0, difference), points.shape[0], like=x0, differentiates=True)


def _path_gradient(score, x0, difference, y, points, *, weights):
    """sum_k w_k grad score(x0 + t_k difference), [B,H,W,C], all points in one batch of m*B images."""
    t = tf.reshape(points, [-1, 1, 1, 1, 1])
    path = x0[tf.newaxis] + t * difference[tf.newaxis]
    return tf.tensordot(weights, gradients(score, path, y), axes=1)


def _padded(points, weights, chunk):
    """points and weights as [n, chunk]; points that fill the last row have weight 0 and lie on the path."""
    fill = -points.shape[0] % chunk
    points = tf.concat([points, tf.fill([fill], points[-1])], axis=0)
    weights = tf.pad(weights, [[0, fill]])
    return tf.reshape(points, [-1, chunk]), tf.reshape(weights, [-1, chunk])


@dataclass(frozen=True)
class IntegratedGradients(Attribution):
    """Integrated Gradients as a method; the defaults are RAR's protocol.

    Attributes:
        steps: number m of intervals of the path.
        rule: right, left, trapezoid or gauss_legendre.
        baseline: where the path begins, one grey level of the pixel range [0, 1]; 0 is black.
    """

    steps: int = 100
    rule: str = "right"
    baseline: float = 0.0

    def __post_init__(self):
        check_choice("rule", self.rule, RULES)
        check_whole("steps of Integrated Gradients", self.steps, 1)
        check_number("baseline of Integrated Gradients, a grey level,", self.baseline, 0, 1)

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return self.from_reference(network, score, x, y, self.baseline, chunk=chunk)

    def from_reference(
        self,
        network: keras.Model,
        score: str,
        x: tf.Tensor,
        y: tf.Tensor,
        reference: tf.Tensor | float,
        *,
        chunk: int | None = None,
    ) -> tf.Tensor:
        score_of = make_score(network, score)
        return integrated_gradients(score_of, x, y, reference, self.steps, rule=self.rule, chunk=chunk)

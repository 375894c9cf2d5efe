"""Integrated Gradients (Sundararajan et al., 2017; RAR Eq. 1 with the straight line as path).

    IG(x) = (x - x0) * sum_k w_k grad score(x0 + t_k (x - x0))

The points of the path are folded into the batch.  Where the network begins with something affine, the path is followed
behind it (see `affine_start`).  With `chunk` they are folded a few at a time, and memory no longer
grows with their number, in the second derivative either: the attribution is first summed chunk by chunk without
recording anything; when its cotangent comes back, each chunk is replayed against it and forgotten.  That is exact, not
an approximation, because what follows depends on the path only through the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions.affine_start import cut_behind_affine_start
from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.gradient import gradients
from tfrobust.attributions.quadrature import quadrature, stratified
from tfrobust.attributions.scores import make_score
from tfrobust.checks import check_choice, check_number, check_whole
from tfrobust.errors import InputError
from tfrobust.names import RULES
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
    x0 = tf.zeros_like(x) if baseline is None else tf.zeros_like(x) + baseline
    points, weights = quadrature(rule, steps) if seed is None else stratified(steps, seed)
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


def _mean_gradient(score, x0, difference, y, *, points, weights, chunk):
    """The weighted mean of the score's gradient over the points x0 + t difference, of the shape of x0."""
    points, weights = tf.convert_to_tensor(points), tf.convert_to_tensor(weights)
    if chunk is None or chunk >= points.shape[0]:
        return _path_gradient(score, x0, difference, y, points, weights=weights)
    points, weights = _padded(points, weights, chunk)
    return _chunked(score, x0, difference, y, points, weights=weights)


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


def _chunked(score, x0, difference, y, points, *, weights):
    """The result of _path_gradient, computed row by row of points and weights [n, chunk], in the memory of one row."""

    @tf.custom_gradient
    def mean(x0, difference):
        def add(i, total):
            return i + 1, total + _path_gradient(score, x0, difference, y, points[i], weights=weights[i])

        def replay(cotangent, variables=None):
            sources = (x0, difference, *(variables or ()))

            def add_gradients(i, totals):
                with tf.GradientTape() as tape:
                    tape.watch((x0, difference))
                    row = _path_gradient(score, x0, difference, y, points[i], weights=weights[i])
                    product = tf.reduce_sum(row * cotangent)
                grads = tape.gradient(product, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
                return i + 1, tuple(total + g for total, g in zip(totals, grads))

            _, (dx0, ddifference, *dvariables) = _each_row(add_gradients, tuple(tf.zeros_like(s) for s in sources))
            return ((dx0, ddifference), dvariables) if variables else (dx0, ddifference)

        return _each_row(add, tf.zeros_like(x0))[1], replay

    def _each_row(body, start):
        n = points.shape[0]
        return tf.while_loop(
            lambda i, _: i < n, body, (tf.constant(0), start), parallel_iterations=1, maximum_iterations=n
        )

    return mean(x0, difference)


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
        return integrated_gradients(
            make_score(network, score), x, y, self.baseline, self.steps, rule=self.rule, chunk=chunk
        )

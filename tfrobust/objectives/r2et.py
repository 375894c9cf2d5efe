"""R2ET, training for stable explanations "for free" (Chen et al., 2024): widen the margin between the k most salient
pixels and the others, and flatten the gradient; no inner maximum.

    mean of  l(x, y) + lambda_1 log(1 + exp(-gap)) + lambda_2 |H v|_2,   gap = mean of a_i - a_j, i in top-k, j not

a = |g(x)| of the true class's logit, scaled to mean 1.  The gap is the "explanation thickness" at x itself; the last
term, the curvature along a random unit direction v, stands for the norm of the Hessian, which bounds how far a
perturbation can move the ranking.  Both are of the softplus(softplus_beta) surrogate.

Implemented from the idea, so it differs in form: the scaling and the soft margin keep a network from winning by growing
its gradients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.checks import check_fields, check_number, check_positive, check_whole
from tfrobust.distribution import draw_for_replica
from tfrobust.losses import cross_entropy
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.objectives.inner import START
from tfrobust.types import Batch, InputError, Step, Terms

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class R2et:
    """Training for a large margin between the most salient pixels and the others, and for a flat gradient.

    Attributes:
        k: number of most salient pixels.
        margin_weight, curvature_weight: lambda_1 and lambda_2.
        softplus_beta: sharpness of the softplus in the surrogate.
    """

    k: int
    margin_weight: float
    curvature_weight: float
    softplus_beta: float

    def __post_init__(self):
        check_whole("k", self.k, 1)
        check_fields(check_number, self, "margin_weight", "curvature_weight")
        check_positive("softplus_beta", self.softplus_beta)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        return batch.x

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        logit = make_score(softplus_surrogate(network, self.softplus_beta), "logit")
        v = draw_for_replica(lambda s: tf.random.stateless_normal(s, step.draw(START)), tf.shape(batch.x))
        v /= tf.sqrt(tf.reduce_sum(v * v, axis=[1, 2, 3], keepdims=True))
        with tf.GradientTape() as tape:
            tape.watch(batch.x)
            g = gradient(logit, batch.x, batch.y)
        zero = tf.UnconnectedGradients.ZERO  # A linear network has none.
        curvature = tape.gradient(g, batch.x, output_gradients=v, unconnected_gradients=zero)
        return {
            "cross_entropy": cross_entropy(batch.y, network(batch.x, training=True)),
            "ranking_margin": self.margin_weight * tf.nn.softplus(-self.gap(g)),
            "curvature": self.curvature_weight * tf.sqrt(tf.reduce_sum(curvature**2, axis=[1, 2, 3]) + 1e-12),
        }

    def gap(self, g: tf.Tensor) -> tf.Tensor:
        """The mean difference between the k largest |g| and the others, with |g| scaled to mean 1.

        Args:
            g: gradients [B,H,W,C].

        Returns:
            [B].

        Raises:
            InputError: where an image has no more than k pixels.
        """
        a = tf.reshape(tf.reduce_sum(tf.abs(g), axis=-1), [tf.shape(g)[0], -1])
        a = tf.math.divide_no_nan(a, tf.reduce_mean(a, axis=1, keepdims=True))
        pixels = g.shape[1] * g.shape[2]
        if self.k >= pixels:
            raise InputError(f"k = {self.k} must be below the {pixels} pixels of an image")
        top = tf.reduce_sum(tf.math.top_k(a, self.k).values, axis=1)
        return top / self.k - (pixels - top) / (pixels - self.k)

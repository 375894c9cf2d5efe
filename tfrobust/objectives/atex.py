"""ATEX, adversarial training on explanations (Tang et al., 2022, arXiv 2111.04303): the prediction stays along what is
tangent to the explanation, so that the direction in which it changes, which is the explanation, stays where it is.

    mean of  l(x, y) + beta KL(p(x) || p(x')),   x' = x + t,   <t, e(x)> = 0,   |t| <= eps
    t = u - <u, e> e / <e, e>,   e(x) = mean over s of grad f_y(x + n_s)

p are the probabilities, u a point of the ball and e the explanation: SmoothGrad of the logit f_y, with noise n_s of the
ball.  Only predictions are differentiated by the weights, so no step has a second derivative.

With attack_steps above 0, x' is where PGD finds the largest divergence along tangents; with 0, u is drawn, as it is in
the source.

Differs from the paper: there a network that is trained already is trained on, its predictions being held where they
were; here x' is held to the prediction of the network itself, which is a constant in that term, beside the
cross-entropy, so that training may begin anywhere (`initial_network` is the paper's beginning).  One x' for each image
and step, where the source takes many at once.  u is first cut to the pixel range, and t shortened where it would leave
the ball; what then still leaves the pixel range is cut off, which turns t a little.  The numbers of samples, the weight
and the maximum over tangents are choices made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attacks.pixel_gradient import for_attacks
from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import mean_gradient
from tfrobust.checks import check_number, check_whole
from tfrobust.losses import cross_entropy, kl
from tfrobust.objectives.inner import EXPLANATION, InnerMax
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Atex(InnerMax):
    """ATEX: cross-entropy at x plus the divergence of the prediction along tangents of the explanation.

    Attributes:
        kl_weight: beta.
        explanation_samples: noisy copies of an image over which the explanation is averaged.
    """

    kl_weight: float
    explanation_samples: int = 4

    def __post_init__(self):
        super().__post_init__()
        check_number("kl_weight", self.kl_weight)
        check_whole("explanation_samples", self.explanation_samples, 1)

    def explanation(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        """The explanation e(x) of the images of a batch, [B,H,W,C]."""
        ball, _ = self.ramped(step)
        seeds = (step.draw(EXPLANATION + s) for s in range(self.explanation_samples))
        views = tf.stack([ball.sample(batch.x, seed) for seed in seeds])
        return mean_gradient(make_score(network, "logit"), lambda part: views[part], self.explanation_samples, batch.y)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        e = self.explanation(network, batch, step)
        clean = tf.stop_gradient(network(batch.x, training=False))
        attacked = for_attacks(network)

        def along_tangent(x):
            return tf.clip_by_value(batch.x + tangent(x - batch.x, e), 0.0, 1.0)

        return along_tangent(self.maximize(lambda x: kl(clean, attacked(along_tangent(x))), batch.x, step))

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        # One pass for both, so that BatchNormalization statistics move once a step.
        clean, adv = tf.split(network(tf.concat([batch.x, x_adv], axis=0), training=True), 2)
        return {
            "cross_entropy": cross_entropy(batch.y, clean),
            "kl": self.kl_weight * kl(tf.stop_gradient(clean), adv),
        }


def tangent(u: tf.Tensor, e: tf.Tensor) -> tf.Tensor:
    """What of an offset is orthogonal to an explanation, no longer than the offset in l2 and in l-infinity.

    Args:
        u: offsets [B,H,W,C].
        e: explanations of the same shape; where one is zero everywhere, its offset stays.

    Returns:
        [B,H,W,C].
    """

    def total(values):
        return tf.reduce_sum(values, axis=[1, 2, 3], keepdims=True)

    def largest(values):
        return tf.reduce_max(tf.abs(values), axis=[1, 2, 3], keepdims=True)

    t = u - tf.math.divide_no_nan(total(u * e), total(e * e)) * e
    return t * tf.minimum(1.0, tf.math.divide_no_nan(largest(u), largest(t)))

"""LGA, local gradient alignment (Joo et al., 2023): the gradient at x and at x plus noise agree in length and in angle.

    mean of  l(x, y) + lambda_l2 |g(x') - g(x)|_2 + lambda_cos (1 - cos(g(x'), g(x))),   x' = x + u, u uniform in the
    ball

No inner maximum, so a step costs little more than one of gradient regularisation.  g is the gradient of the logit of
the true class, of the softplus(softplus_beta) surrogate, whose curvature a ReLU network lacks.  Implemented from the
idea; the paper's constants are not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.balls import make_ball
from tfrobust.checks import check_fields, check_number, check_positive
from tfrobust.losses import cross_entropy
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.objectives.inner import START
from tfrobust.similarity.differentiable import cosine_distance, l2
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class Lga:
    """Training that aligns the input gradients at an image and at a noisy copy.

    Attributes:
        eps, norm: ball of the noise: radius in units of the pixel range [0, 1], and linf or l2.
        l2_weight, cosine_weight: lambda_l2 and lambda_cos.
        softplus_beta: sharpness of the softplus in the surrogate.
    """

    eps: float
    l2_weight: float
    cosine_weight: float
    softplus_beta: float
    norm: str = "linf"

    def __post_init__(self):
        make_ball(self.norm, self.eps)
        check_fields(check_number, self, "l2_weight", "cosine_weight")
        check_positive("softplus_beta", self.softplus_beta)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        return make_ball(self.norm, self.eps).shrunk(step.eps_scale).sample(batch.x, step.draw(START))

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        logit = make_score(softplus_surrogate(network, self.softplus_beta), "logit")
        g, g_adv = (gradient(logit, x, batch.y) for x in (batch.x, x_adv))
        return {
            "cross_entropy": cross_entropy(batch.y, network(batch.x, training=True)),
            "gradient_length": self.l2_weight * l2(g_adv, g),
            "gradient_angle": self.cosine_weight * cosine_distance(g_adv, g),
        }

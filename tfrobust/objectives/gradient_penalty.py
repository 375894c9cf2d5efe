"""Input-gradient regularisation (Drucker & LeCun, 1992; RAR Prop. 2).

    mean of  l(x, y) + lambda |grad_x l(x, y)|_q^q

RAR's Prop. 2 derives it from Eq. 4 with the first term of the path only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.checks import check_number
from tfrobust.losses import cross_entropy
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class GradientPenalty:
    """Training with a penalty on the input gradient of the loss; images are not perturbed.

    Attributes:
        attribution_weight: lambda, weight of the penalty.
        q: power, at least 1 (1: the l1 norm of the gradient; 2: its squared l2 norm).
    """

    attribution_weight: float
    q: float = 2.0

    def __post_init__(self):
        check_number("attribution_weight", self.attribution_weight)
        check_number("q", self.q, least=1)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        return batch.x

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        g = gradient(make_score(network, "loss"), batch.x, batch.y)
        return {
            "cross_entropy": cross_entropy(batch.y, network(batch.x, training=True)),
            "gradient_penalty": self.attribution_weight * tf.reduce_sum(tf.abs(g) ** self.q, axis=[1, 2, 3]),
        }

"""TRADES (Zhang et al., 2019), the baseline of SAT: the mean of l(x, y) + beta max_{x'} KL(f(x) || f(x')).

The start is x plus 0.001 times normal noise, as in the released code of SAT and TRADES: at x itself the divergence has
no gradient.  Gradients pass through both arguments of the divergence in the outer step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attacks.pgd import pgd
from tfrobust.attacks.pixel_gradient import for_attacks
from tfrobust.checks import check_number
from tfrobust.distribution import draw_for_replica
from tfrobust.losses import cross_entropy, kl
from tfrobust.objectives.inner import START, InnerMax
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras

START_DEVIATION = 1e-3


@dataclass(frozen=True, kw_only=True)
class Trades(InnerMax):
    """TRADES: cross-entropy at x plus the largest divergence of the prediction in the ball.

    Attributes:
        kl_weight: beta (SAT's released code: 6 for the baseline, 1 beside uniform noise and in TRADES-SAT).
    """

    kl_weight: float

    def __post_init__(self):
        super().__post_init__()
        check_number("kl_weight", self.kl_weight)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        clean = tf.stop_gradient(network(batch.x, training=False))
        ball, step_size = self.ramped(step)
        normal = draw_for_replica(lambda s: tf.random.stateless_normal(s, step.draw(START)), tf.shape(batch.x))
        start = ball.project(batch.x + START_DEVIATION * normal, batch.x) if self.random_start else batch.x

        attacked = for_attacks(network)

        def goal(x):
            return kl(clean, attacked(x))

        return pgd(goal, batch.x, ball, self.attack_steps, step_size, random_start=False, start=start)

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        # One pass for both, so that BatchNormalization statistics move once a step.
        clean, adv = tf.split(network(tf.concat([batch.x, x_adv], axis=0), training=True), 2)
        return {
            "cross_entropy": cross_entropy(batch.y, clean),
            "kl": self.kl_weight * kl(clean, adv),
        }

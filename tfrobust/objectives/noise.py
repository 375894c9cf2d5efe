"""Uniform noise in training, the baselines of SAT's tables.

    Original + Uniform-Noise   the mean of l(x + u, y), u uniform in the ball
    PGD + Uniform-Noise        a fair coin per mini-batch: l at the images of PGD, or at x + u
    TRADES + Uniform-Noise     the coin: TRADES with the images of its attack, or with x + u

The paper says "additionally perturbed"; the coin is what the released code does.
"""

from dataclasses import dataclass

import tensorflow as tf

from tfrobust.balls import make_ball
from tfrobust.losses import cross_entropy
from tfrobust.objectives.inner import START
from tfrobust.objectives.madry import Madry
from tfrobust.objectives.trades import Trades

COIN = 1  # The tag of the coin among the draws of a step.


def flip(step, heads, tails) -> tf.Tensor:
    """heads() or tails(), by a fair coin of the step: one for the whole mini-batch."""
    return tf.cond(tf.random.stateless_uniform([], step.draw_for_batch(COIN)) < 0.5, heads, tails)


@dataclass(frozen=True)
class UniformNoise:
    """Cross-entropy at x plus uniform noise in the ball of radius eps."""

    eps: float
    norm: str = "linf"

    def __post_init__(self):
        make_ball(self.norm, self.eps)

    def inner(self, network, batch, step):
        return make_ball(self.norm, self.eps).shrunk(step.eps_scale).sample(batch.x, step.draw(START))

    def outer(self, network, batch, x_adv, step):
        return {"cross_entropy_adv": cross_entropy(batch.y, network(x_adv, training=True))}


@dataclass(frozen=True)
class MadryNoise(Madry):
    """PGD + Uniform-Noise."""

    def inner(self, network, batch, step):
        noise = UniformNoise(self.eps, self.norm)
        return flip(step, lambda: Madry.inner(self, network, batch, step), lambda: noise.inner(network, batch, step))


@dataclass(frozen=True, kw_only=True)
class TradesNoise(Trades):
    """TRADES + Uniform-Noise."""

    def inner(self, network, batch, step):
        noise = UniformNoise(self.eps, self.norm)
        return flip(step, lambda: Trades.inner(self, network, batch, step), lambda: noise.inner(network, batch, step))

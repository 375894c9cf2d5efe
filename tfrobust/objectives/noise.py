"""Uniform noise in training, the baselines of SAT's tables.

    Original + Uniform-Noise   the mean of l(x + u, y), u uniform in the ball
    PGD + Uniform-Noise        a fair coin per mini-batch: l at the images of PGD, or at x + u
    TRADES + Uniform-Noise     the coin: TRADES with the images of its attack, or with x + u

The paper says "additionally perturbed"; the coin is what the released code does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.balls import make_ball
from tfrobust.losses import cross_entropy
from tfrobust.objectives.inner import START
from tfrobust.objectives.madry import Madry
from tfrobust.objectives.trades import Trades
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras

COIN = 1  # Tag of the coin: sets it apart from the other draws of a step.


def flip(step: Step, heads: Callable[[], tf.Tensor], tails: Callable[[], tf.Tensor]) -> tf.Tensor:
    """Tosses a fair coin once for the whole mini-batch of a training step.

    Args:
        step: gives the random seed.
        heads: a function without arguments that makes perturbed images.
        tails: another one.

    Returns:
        The result of one of the two.
    """
    return tf.cond(tf.random.stateless_uniform([], step.draw_for_batch(COIN)) < 0.5, heads, tails)


@dataclass(frozen=True)
class UniformNoise:
    """Training with noise: cross-entropy at x plus uniform noise in a ball.

    Attributes:
        eps: radius of the ball, in units of the pixel range [0, 1].
        norm: of the ball, linf or l2.
    """

    eps: float
    norm: str = "linf"

    def __post_init__(self):
        make_ball(self.norm, self.eps)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        return make_ball(self.norm, self.eps).shrunk(step.eps_scale).sample(batch.x, step.draw(START))

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        return {"cross_entropy_adv": cross_entropy(batch.y, network(x_adv, training=True))}


@dataclass(frozen=True)
class MadryNoise(Madry):
    """PGD + Uniform-Noise: a coin per mini-batch decides between the images of PGD and noise."""

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        noise = UniformNoise(self.eps, self.norm)
        return flip(step, lambda: Madry.inner(self, network, batch, step), lambda: noise.inner(network, batch, step))


@dataclass(frozen=True, kw_only=True)
class TradesNoise(Trades):
    """TRADES + Uniform-Noise: a coin per mini-batch decides between the images of TRADES' attack and noise."""

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        noise = UniformNoise(self.eps, self.norm)
        return flip(step, lambda: Trades.inner(self, network, batch, step), lambda: noise.inner(network, batch, step))

"""SPSA (Spall, 1992; as an attack: Uesato et al., 2018): ascent along a gradient that is estimated from values alone.

    g = mean over samples of (goal(x + delta v) - goal(x - delta v)) / (2 delta) * v,    v of fair signs

It needs no gradient of the network, so it is what tells a network that resists from one that hides its gradient.

Differs from the paper: steps are those of PGD (signs in l-infinity) instead of Adam's.
"""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import tensorflow as tf

from tfrobust.attacks.attack import Attack, check_steps
from tfrobust.attacks.prediction import Attacked, PredictionAttack, better_of
from tfrobust.balls import Ball
from tfrobust.checks import check_positive, check_whole


def estimated_gradient(
    goal: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, samples: int, delta: float, seed: Sequence[int | tf.Tensor]
) -> tf.Tensor:
    """Estimates the gradient of a goal from its values: g above.

    Args:
        goal: images [B,H,W,C] -> [B].
        x: images [B,H,W,C] where the gradient is estimated.
        samples: pairs of points.
        delta: distance of a point from x, in each pixel.
        seed: [2]; `samples` of its successors are used.  All images share the directions, so that batches do not
          matter.

    Returns:
        g [B,H,W,C].
    """

    def add(i, total):
        v = tf.sign(tf.random.stateless_uniform(x.shape[1:], tf.stack([seed[0], seed[1] + i]), -1.0, 1.0))
        slope = (goal(x + delta * v) - goal(x - delta * v)) / (2 * delta)
        return i + 1, total + tf.reshape(slope, [-1, 1, 1, 1]) * v

    return tf.while_loop(lambda i, _: i < samples, add, (0, tf.zeros_like(x)), parallel_iterations=1)[1] / samples


def spsa(
    goal: Callable[[tf.Tensor], tf.Tensor],
    x: tf.Tensor,
    ball: Ball,
    steps: int,
    step_size: float,
    *,
    samples: int = 64,
    delta: float = 0.01,
    seed: Sequence[int] = (0, 0),
    rank: Callable[[tf.Tensor], tf.Tensor] | None = None,
    start: tf.Tensor | None = None,
) -> tf.Tensor:
    """Ascent along estimated gradients; the best iterate is kept, the start among them.

    Args:
        goal: images [B,H,W,C] -> [B], what is raised.
        x: images [B,H,W,C] in [0, 1].
        ball: the ball around x that the iterates stay in.
        steps: number of iterations.
        step_size: length of one in the norm of the ball, in units of the pixel range [0, 1].
        samples: pairs of points per step.
        delta: their distance from the iterate, in each pixel.
        seed: [2]; a step uses `samples` of its successors.
        rank: images [B,H,W,C] -> [B], by which the best iterate is chosen; None: by goal.
        start: [B,H,W,C], the first iterate; None: x.

    Returns:
        Images [B,H,W,C] inside the ball and [0, 1].
    """
    start = x if start is None else start
    rank = rank or goal

    def step(i, x_adv, best, best_value):
        g = estimated_gradient(goal, x_adv, samples, delta, (seed[0], seed[1] + i * samples))
        x_adv = ball.project(ball.ascend(x_adv, g, step_size), x)
        value = rank(x_adv)
        better = value > best_value
        best = tf.where(tf.reshape(better, [-1, 1, 1, 1]), x_adv, best)
        return i + 1, x_adv, best, tf.maximum(value, best_value)

    return tf.while_loop(lambda i, *_: i < steps, step, (0, start, start, rank(start)))[2]


@dataclass(frozen=True)
class Spsa(PredictionAttack, Attack):
    """SPSA on a loss; every run has directions of its own.

    Attributes:
        steps, step_size: number of iterations, and length of one in units of the pixel range [0, 1].
        samples: pairs of points per step.
        delta: their distance from the iterate, in each pixel.
    """

    steps: int
    step_size: float
    _: KW_ONLY
    samples: int = 64
    delta: float = 0.01

    name: ClassVar[str] = "SPSA"
    tag: ClassVar[int] = 6

    def __post_init__(self):
        Attack.__post_init__(self)
        PredictionAttack.__post_init__(self)
        check_steps(self.steps, self.step_size)
        check_whole("samples of SPSA", self.samples, 1)
        check_positive("delta of SPSA", self.delta)

    def worst(self, attacked: Attacked, x: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
        best, value = x, attacked.goal(x)
        plan: dict[str, Any] = {"samples": self.samples, "delta": self.delta, "rank": attacked.goal}
        for run in range(self.restarts):
            start = self.ball.sample(x, self.seeds(examples, run)) if run else x
            plan |= {"seed": (self.seed, 1_000_003 * run), "start": start}
            x_adv = spsa(attacked.loss, x, self.ball, self.steps, self.step_size, **plan)
            best, value = better_of(attacked.goal, x_adv, best, value)
        return best

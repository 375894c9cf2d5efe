"""`InnerMax`, the base class of objectives that search for the worst perturbed images by projected gradient ascent."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from tfrobust.attacks.pgd import pgd
from tfrobust.balls import Ball, make_ball
from tfrobust.checks import check_number, check_whole
from tfrobust.types import Step

START = 0  # Tag of the random start: sets it apart from the other draws of a step.


@dataclass(frozen=True)
class InnerMax:
    """Hyper-parameters of the inner maximum, x' = argmax over N(x, eps).

    Three of them have no default, because each paper prints its own.

    Attributes:
        eps: radius of the ball, in units of the pixel range [0, 1].
        attack_steps, step_size: number of iterations, and length of one in the norm of the ball.
        norm: of the ball, linf or l2.
        random_start: start at a random point of the ball instead of x (the papers' choice; the l1 norm of IG from x to
          x' has no gradient at x' = x).
    """

    eps: float
    attack_steps: int
    step_size: float
    norm: str = "linf"
    random_start: bool = True

    def __post_init__(self):
        make_ball(self.norm, self.eps)
        check_whole("attack_steps", self.attack_steps)
        check_number("step_size", self.step_size)

    def ramped(self, step: Step) -> tuple[Ball, tf.Tensor]:
        """The ball and the step size of a training step, both smaller than the full ones while eps is ramped up."""
        return make_ball(self.norm, self.eps).shrunk(step.eps_scale), self.step_size * step.eps_scale

    def maximize(
        self,
        goal: Callable[[tf.Tensor], tf.Tensor],
        x: tf.Tensor,
        step: Step,
        accept: Callable[[tf.Tensor], tf.Tensor] | None = None,
        restarts: int = 1,
    ) -> tf.Tensor:
        """Raises a goal within the ball by projected gradient ascent.

        Args:
            goal: images [B,H,W,C] -> [B].
            x: images [B,H,W,C].
            step: state of training, which gives the random seed and the ramp of eps and step size.
            accept: images -> [B] bool; with it the last iterate that it accepts is kept (see `pgd`).
            restarts: runs, of which the best by the goal counts (see `pgd`).

        Returns:
            Images x' [B,H,W,C] in the ball.
        """
        ball, step_size = self.ramped(step)
        seed = step.draw(START)
        return pgd(
            goal,
            x,
            ball,
            self.attack_steps,
            step_size,
            seed=seed,
            random_start=self.random_start,
            restarts=restarts,
            accept=accept,
        )

"""The inner maximum that adversarial objectives share: which ball, how many steps, from where."""

from dataclasses import dataclass

import tensorflow as tf

from tfrobust.attacks.pgd import pgd
from tfrobust.balls import make_ball
from tfrobust.checks import check_number, check_whole
from tfrobust.types import Step

START = 0  # The tag of the random start among the draws of a step.


@dataclass(frozen=True)
class InnerMax:
    """Hyper-parameters of x' = argmax over N(x, eps); required, because each paper prints its own.

    eps: radius, in units of the pixel range [0, 1].  attack_steps, step_size: iterations and length of one.
    norm: linf or l2.  random_start: start at a point of the ball (the papers' choice; the l1 norm of IG from x to x'
      has no gradient at x' = x).
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

    def ramped(self, step: Step):
        """(ball, step size) at this point of the ramp."""
        return make_ball(self.norm, self.eps).shrunk(step.eps_scale), self.step_size * step.eps_scale

    def maximize(self, goal, x: tf.Tensor, step: Step, accept=None, restarts: int = 1) -> tf.Tensor:
        """x' [B,H,W,C] with goal(x') [B] raised; eps and step size follow the ramp of the step.  accept, restarts: see
        pgd."""
        ball, step_size = self.ramped(step)
        seed = step.draw(START)
        return pgd(goal, x, ball, self.attack_steps, step_size, seed, self.random_start, restarts, accept=accept)

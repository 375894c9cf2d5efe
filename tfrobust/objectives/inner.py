"""`InnerMax`, the base class of objectives that search for the worst perturbed images by projected gradient ascent, and
`IgInnerMax`, that of those whose goal holds Integrated Gradients."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from tfrobust.attacks.pgd import pgd
from tfrobust.balls import Ball, make_ball
from tfrobust.checks import check_fields, check_number, check_whole
from tfrobust.types import Step

# Tags: set these draws of a step apart from its others.
START, POINTS = 0, 5  # The random start, and random path points.
PIXELS = 6  # Pixels that others are compared with.
EXPLANATION = 16  # The first of as many as an explanation has samples.


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
        goal: Callable[..., tf.Tensor],
        x: tf.Tensor,
        step: Step,
        accept: Callable[[tf.Tensor], tf.Tensor] | None = None,
        restarts: int = 1,
        *,
        goal_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Raises a goal within the ball by projected gradient ascent.

        Args:
            goal: images [B,H,W,C] -> [B]; with `goal_seed`, images and a seed [2] -> [B].
            x: images [B,H,W,C].
            step: state of training, which gives the random seed and the ramp of eps and step size.
            accept: images -> [B] bool; with it the last iterate that it accepts is kept (see `pgd`).
            restarts: runs, of which the best by the goal counts (see `pgd`).
            goal_seed: [2], for a goal that draws anew in each iteration (see `pgd`).

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
            goal_seed=goal_seed,
        )


@dataclass(frozen=True, kw_only=True)
class IgInnerMax(InnerMax):
    """An inner maximum of a goal that holds Integrated Gradients.

    Attributes:
        ig_steps, ig_steps_attack: path points of Integrated Gradients in the loss, and in the inner attack.
        random_points: draw the path points of the inner attack anew in each of its iterations, one uniformly within
          each of the ig_steps_attack intervals, the same ones for all images of the batch.  A few fixed points see the
          same few places of the path throughout; drawn ones have Integrated Gradients themselves as expectation.
        chunk: path points held at once; None: all.  Values do not depend on it.
    """

    ig_steps: int
    ig_steps_attack: int
    random_points: bool = False
    chunk: int | None = None

    def __post_init__(self):
        super().__post_init__()
        check_fields(check_whole, self, "ig_steps", "ig_steps_attack", least=1)

    def points_seed(self, step: Step) -> tf.Tensor | None:
        """The seed [2] of the path points of a step's inner attack; None: they are not drawn."""
        return step.draw_for_batch(POINTS) if self.random_points else None

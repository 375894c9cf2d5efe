"""Projected gradient ascent (Madry et al., 2018): x' = argmax of a goal over a ball around x.

The one ascent loop of the project: training maximises its inner terms with it, evaluation its losses.  It is a
`tf.while_loop`, because AutoGraph is off inside Keras 3's `train_step`.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal

import tensorflow as tf

from tfrobust.attacks.attack import Attack, check_steps
from tfrobust.attacks.prediction import Attacked, PredictionAttack
from tfrobust.balls import Ball, Eps
from tfrobust.checks import check_choice
from tfrobust.names import KEEP


def pgd(
    goal: Callable[..., tf.Tensor],
    x: tf.Tensor,
    ball: Ball,
    steps: int | tf.Tensor,
    step_size: Eps,
    *,
    seed: tf.Tensor | Callable[[int], tf.Tensor] | None = None,
    random_start: bool = True,
    restarts: int = 1,
    keep: Literal["last", "best"] = "last",
    accept: Callable[[tf.Tensor], tf.Tensor] | None = None,
    start: tf.Tensor | None = None,
    goal_seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """Projected gradient ascent: images within the ball whose goal is as large as was found.

    Args:
        goal: images [B,H,W,C] -> [B], what is raised; it must depend on the images.  With `goal_seed` it is a function
          of images and a seed [2].
        x: images [B,H,W,C] in [0, 1].
        ball: the ball around x that the iterates stay in.
        steps: number of iterations.
        step_size: length of one in the norm of the ball, in units of the pixel range [0, 1].
        seed: stateless, needed by random starts: [2], or a function from the number of the run to a seed of
          `Ball.sample`.
        random_start: start the first run at a random point of the ball instead of x.
        restarts: runs per example, of which the best is kept; from the second on each starts at a random point.
        keep: the "last" iterate of a run (training, the released code), or the "best" by goal, its start included.
        accept: images [B,H,W,C] -> [B] bool; with it the last iterate that it accepts is kept, x itself where it
          accepts none (with keep="last" only).
        start: [B,H,W,C], where the first run starts; None: at x.
        goal_seed: [2], for a goal that draws: it has another seed in each iteration, and the same ones in each run, so
          that what the runs reached is compared by equal draws.

    Returns:
        Images [B,H,W,C] inside the ball and [0, 1]; no gradient flows back through them.
    """

    def goal_at(z, i):
        return goal(z) if goal_seed is None else goal(z, tf.random.experimental.stateless_fold_in(goal_seed, i))

    best = best_value = None
    for run in range(restarts):
        first = x if start is None else start
        if random_start or run:
            first = ball.sample(x, seed(run) if callable(seed) else tf.random.experimental.stateless_fold_in(seed, run))
        x_adv, value = _climb(goal_at, x, first, ball, steps=steps, step_size=step_size, keep=keep, accept=accept)
        if best is None:
            best, best_value = x_adv, value
            continue
        better = value > best_value
        best = _where(better, x_adv, best)
        best_value = tf.where(better, value, best_value)
        # With one run the value is never used, and a graph never computes it.
    return tf.stop_gradient(best)


def _climb(goal, x, start, ball, *, steps, step_size, keep, accept):
    """One run from `start`: (x', goal(x') [B]); the goal is a function of images and of the number of the iteration."""

    def step(i, x_adv):
        with tf.GradientTape() as tape:
            tape.watch(x_adv)
            value = goal(x_adv, i)
        g = tape.gradient(value, x_adv)
        return ball.project(ball.ascend(x_adv, g, step_size), x), value

    def step_and_compare(i, x_adv, best, best_value):
        after, value = step(i, x_adv)
        return i + 1, after, _where(value > best_value, x_adv, best), tf.maximum(value, best_value)

    zero = tf.constant(0)

    if accept is not None:

        def step_and_accept(i, x_adv, kept):
            x_adv = step(i, x_adv)[0]
            return i + 1, x_adv, _where(accept(x_adv), x_adv, kept)

        begin = (zero, start, _where(accept(start), start, x))
        *_, kept = tf.while_loop(lambda *_: True, step_and_accept, begin, maximum_iterations=steps)
        return kept, goal(kept, steps)
    if keep == "last":
        _, x_adv = tf.while_loop(
            lambda *_: True, lambda i, z: (i + 1, step(i, z)[0]), (zero, start), maximum_iterations=steps
        )
        return x_adv, goal(x_adv, steps)
    lowest = tf.fill([tf.shape(x)[0]], x.dtype.min)
    _, last, best, best_value = tf.while_loop(
        lambda *_: True, step_and_compare, (zero, start, start, lowest), maximum_iterations=steps
    )
    value = goal(last, steps)
    return _where(value > best_value, last, best), tf.maximum(value, best_value)


def _where(condition, a, b):
    """a where condition [B] holds, else b, for [B,H,W,C]."""
    return tf.where(tf.reshape(condition, [-1, 1, 1, 1]), a, b)


@dataclass(frozen=True)
class Pgd(PredictionAttack, Attack):
    """PGD on a loss.  FGSM is one step of length eps from x; SAT's saliency attack is FGSM on negative_logit.

    Attributes:
        steps, step_size: number of iterations, and length of one in units of the pixel range [0, 1].
        random_start: start the first run at a random point of the ball instead of x.
        keep: the "best" iterate by loss, or the "last" as in the released code.
    """

    steps: int
    step_size: float
    _: KW_ONLY
    random_start: bool = False
    keep: Literal["last", "best"] = "best"

    name: ClassVar[str] = "PGD"
    tag: ClassVar[int] = 1

    def __post_init__(self):
        Attack.__post_init__(self)
        PredictionAttack.__post_init__(self)
        check_steps(self.steps, self.step_size)
        check_choice("keep", self.keep, KEEP)

    def worst(self, attacked: Attacked, x: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
        return self.climb(attacked.goal, x, examples, self.random_start)

    def climb(
        self,
        goal: Callable[[tf.Tensor], tf.Tensor],
        x: tf.Tensor,
        examples: tf.Tensor,
        random_start: bool,
        start: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Raises a goal with the settings of the attack.

        Args:
            goal: images [B,H,W,C] -> [B].
            x: images [B,H,W,C].
            examples: numbers [B] of the images, which seed their draws.
            random_start: start the first run at a random point of the ball.
            start: [B,H,W,C], where the first run starts; None: at x.

        Returns:
            Images [B,H,W,C] in the ball.
        """
        return pgd(
            goal,
            x,
            self.ball,
            self.steps,
            self.step_size,
            seed=lambda run: self.seeds(examples, run),
            random_start=random_start,
            restarts=self.restarts,
            keep=self.keep,
            start=start,
        )

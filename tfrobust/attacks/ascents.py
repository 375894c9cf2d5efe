"""Two ways to climb a goal within a ball: steps of one length, and APGD's (Croce & Hein, 2020), which needs no length.

An ascent holds the iterates [B,H,W,C] of one run.  `step` takes the gradient at the iterate and the value reached
there, and makes the next iterate; `hold` takes that back where it breaks a condition.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfrobust.balls import Ball

MOMENTUM = 0.75  # alpha of APGD: the weight of the new step; the last step has the rest.
ENOUGH_RISES = 0.75  # rho of APGD: where a smaller share of steps raised the value, they are halved.
RETREATS = 4  # How often at most a step is halved to keep a condition.


class FixedSteps:
    """Steepest ascent in steps of one length.

    Args:
        ball: the ball around x that the iterates stay in.
        x, start: images and first iterates [B,H,W,C].
        step_size: length of a step, in the norm of the ball.
    """

    def __init__(self, ball: Ball, x: tf.Tensor, start: tf.Tensor, step_size: float):
        self.ball, self.x, self.at = ball, x, start
        self.size = np.full(len(x), step_size, np.float32)

    def step(self, value: np.ndarray, g: tf.Tensor) -> tf.Tensor:
        """Takes a step from the iterate.

        Args:
            value: what is to be raised [B], at the iterate.
            g: gradient [B,H,W,C] there.

        Returns:
            The next iterate [B,H,W,C].
        """
        self.before, self.at = self.at, self._ascended(self.at, g)
        return self.at

    def keep(self, rows: np.ndarray) -> None:
        """Goes on with a part of the images alone: `rows` [B] bool."""
        self.x, self.at, self.before = (tf.boolean_mask(each, rows) for each in (self.x, self.at, self.before))
        self.size = self.size[rows]

    def hold(self, holds: Callable[[tf.Tensor], np.ndarray]) -> tf.Tensor:
        """Undoes the last step, and halves the next ones, of the images whose iterate breaks a condition.

        Args:
            holds: iterates [B,H,W,C] -> [B] bool, which of them keep the condition.

        Returns:
            The iterate [B,H,W,C] from which the next step starts.
        """
        lost = ~holds(self.at)
        self.size[lost] /= 2
        self.at = _where(lost, self.before, self.at)
        return self.at

    def _ascended(self, at, g):
        return self.ball.project(self.ball.ascend(at, g, _column(self.size)), self.x)


class AdaptiveSteps(FixedSteps):
    """APGD: steps with momentum, halved at checkpoints for images whose value has stopped rising, which then go on from
    their best iterate.

    Args:
        ball, x, start: as for `FixedSteps`.
        step_size: length of the first steps, in the norm of the ball.
        steps: number of steps of the run, which places the checkpoints.
    """

    def __init__(self, ball: Ball, x: tf.Tensor, start: tf.Tensor, step_size: float, steps: int):
        super().__init__(ball, x, start, step_size)
        self.checkpoints, self.taken, self.since = checkpoints(steps), 0, 0
        self.before = self.best_at = self.best_g = start
        self.best = np.full(len(x), -np.inf, np.float32)
        self.last, self.rises = self.best.copy(), np.zeros(len(x), int)
        self.best_then, self.size_then = self.best.copy(), self.size.copy()

    def step(self, value: np.ndarray, g: tf.Tensor) -> tf.Tensor:
        self._look_at(value, g)
        if self.taken in self.checkpoints:
            g = self._halved(g)
        ahead = self._ascended(self.at, g)
        if self.taken:
            mixed = self.at + MOMENTUM * (ahead - self.at) + (1 - MOMENTUM) * (self.at - self.before)
            ahead = self.ball.project(mixed, self.x)
        self.before, self.at, self.taken = self.at, ahead, self.taken + 1
        return self.at

    def hold(self, holds: Callable[[tf.Tensor], np.ndarray]) -> tf.Tensor:
        """Halves the last step of images whose iterate breaks a condition, until it is kept.

        Where RETREATS halvings do not suffice the step is undone.  The next steps keep their length.

        Args:
            holds: iterates [B,H,W,C] -> [B] bool, which of them keep the condition.

        Returns:
            The iterate [B,H,W,C] from which the next step starts.
        """
        for _ in range(RETREATS):
            lost = ~holds(self.at)
            if not lost.any():
                return self.at
            self.at = _where(lost, (self.before + self.at) / 2, self.at)
        self.at = _where(~holds(self.at), self.before, self.at)
        return self.at

    def _look_at(self, value, g):
        self.rises += (value > self.last) & (self.taken > 0)
        better = value > self.best
        self.best_at, self.best_g = _where(better, self.at, self.best_at), _where(better, g, self.best_g)
        self.best, self.last = np.maximum(value, self.best), value

    def _halved(self, g):
        """The gradient at the iterates, which for images that have stopped rising are the best ones now."""
        few = self.rises < ENOUGH_RISES * (self.taken - self.since)
        stuck = (self.size == self.size_then) & (self.best == self.best_then)
        halve = few | stuck
        self.best_then, self.size_then = self.best.copy(), self.size.copy()
        self.since, self.rises = self.taken, np.zeros_like(self.rises)
        self.size[halve] /= 2
        self.at, self.before = _where(halve, self.best_at, self.at), _where(halve, self.best_at, self.before)
        return _where(halve, self.best_g, g)


def checkpoints(steps: int) -> list[int]:
    """The numbers of the steps, of `steps` in all, after which APGD looks whether the value still rises.

    The first comes at 22 % of all steps, the next ones after 19 %, 16 %, ... more, at least 6 %.
    """
    percent, gap, found = 22, 22, []
    while percent < 100:
        found.append(-(-percent * steps // 100))
        gap = max(gap - 3, 6)
        percent += gap
    return found


def _column(size: np.ndarray) -> tf.Tensor:
    return tf.constant(size.reshape(-1, 1, 1, 1))


def _where(condition: np.ndarray, a, b):
    return tf.where(condition.reshape(-1, 1, 1, 1), a, b)

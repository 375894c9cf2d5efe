"""Auto-PGD (Croce & Hein, 2020): ascent of a loss of the prediction by steps that choose their own length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfrobust.attacks.ascents import AdaptiveSteps
from tfrobust.attacks.asked_network import AskedNetwork
from tfrobust.attacks.prediction_search import TargetedSearch
from tfrobust.checks import check_whole
from tfrobust.errors import InputError
from tfrobust.losses import LOSSES, targeted_dlr

FIRST_STEP = 2.0  # Length of the first step, in eps.


@dataclass(frozen=True)
class Apgd(TargetedSearch):
    """APGD from random points of the ball: momentum, and a step that is halved where the loss has stopped rising.

    Attributes:
        draws: how often a random network is asked at each step; the mean of its losses is raised, and the mean of its
          logits decides whether the prediction is wrong.
    """

    draws: int = 1

    name: ClassVar[str] = "APGD"
    tag: ClassVar[int] = 22

    def __post_init__(self):
        super().__post_init__()
        check_whole("draws of APGD", self.draws, 1)
        if self.targets and self.loss != "dlr":
            raise InputError(f"APGD drives to target classes by the loss dlr alone, not by {self.loss}")

    def run(
        self,
        asked: AskedNetwork,
        x: np.ndarray,
        y: np.ndarray,
        logits: np.ndarray,
        seeds: tf.Tensor,
        *,
        run: int,
        tick: Callable[[], None],
    ) -> tuple[np.ndarray, np.ndarray]:
        loss, classes = (LOSSES[self.loss], (y,))
        if self.targets:
            loss, classes = targeted_dlr, (y, self.target(y, logits, run))
        x = tf.constant(x)
        ascent = AdaptiveSteps(self.ball, x, self.ball.sample(x, seeds), FIRST_STEP * self.eps, self.steps)
        worst = WorstIterate(y, ascent.at)
        for step in range(self.steps + 1):
            value, g, f = asked.climb(loss, ascent.at, *classes, draws=self.draws)
            worst.offer(ascent.at, value, f)
            if worst.fooled.all() or step == self.steps:
                break
            ascent.step(value, g)
            tick()
        return worst.x_adv, worst.fooled


class WorstIterate:
    """Keeps of each image its first iterate that is predicted wrongly, or else the one with the highest loss.

    Args:
        y: labels [B].
        start: first iterates [B,H,W,C].
    """

    def __init__(self, y: np.ndarray, start: tf.Tensor):
        self.y, self.x_adv = y, np.array(start)
        self.fooled, self.value = np.zeros(len(y), bool), np.full(len(y), -np.inf)

    def offer(self, at: tf.Tensor, value: np.ndarray, logits: np.ndarray) -> None:
        """Looks at iterates [B,H,W,C] with their losses [B] and logits [B,K]."""
        wrong = np.argmax(logits, axis=1) != self.y
        taken = ~self.fooled & (wrong | (value > self.value))
        self.x_adv[taken] = at.numpy()[taken]
        self.value = np.where(taken, value, self.value)
        self.fooled |= wrong

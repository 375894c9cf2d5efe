"""Random noise of the same budget: the control that every attack has to beat.

A map that moves as much under noise as under attack is unstable, not attacked; a number under attack says little
without the one under noise beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tfrobust.attacks.attack import Attack
from tfrobust.attacks.best_iterate import BestIterate, Judge
from tfrobust.attacks.map_attack import BlackBoxAttack, Search
from tfrobust.attacks.prediction import Attacked, PredictionAttack, better_of
from tfrobust.checks import check_choice, check_whole
from tfrobust.errors import InputError
from tfrobust.names import CRITERIA, KEEP
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Noise(BlackBoxAttack, PredictionAttack, Attack):
    """Draws uniformly from the ball `restarts` times and keeps what an attack would: on predictions the worst of them
    and of x, on maps the least alike of the draws that keep the label.  One draw is noise; many are a random search.

    Attributes:
        keep: on predictions: "best", the worst of the draws and of x; "last", of the draws alone.
        criterion: on maps, by which the draw is chosen: kendall, spearman, intersection or center.
        k: size of the top-k sets of the intersection, in pixels; None: that of the comparison.
    """

    _: KW_ONLY
    criterion: str = "kendall"
    k: int | None = None
    keep: str = "best"

    name: ClassVar[str] = "noise"
    tag: ClassVar[int] = 4

    def __post_init__(self):
        Attack.__post_init__(self)
        PredictionAttack.__post_init__(self)
        check_choice("criterion", self.criterion, CRITERIA)
        check_choice("keep", self.keep, KEEP)
        if self.k is not None:
            check_whole("k of noise", self.k, 1)
        if self.criterion == "target":
            raise InputError("criterion target needs a target map, which noise has not")

    @property
    def rounds(self) -> int:
        """Number of draws."""
        return self.restarts

    def control(self, draws: int = 1) -> Noise:
        return replace(self, restarts=draws)

    def worst(self, attacked: Attacked, x: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
        draws = [self.ball.sample(x, self.seeds(examples, run)) for run in range(self.restarts)]
        best = x if self.keep == "best" else draws.pop(0)
        value = attacked.goal(best)
        for draw in draws:
            best, value = better_of(attacked.goal, draw, best, value)
        return best

    def on_judge(self, judge: Judge, comparison: Comparison) -> NoiseSearch:
        return NoiseSearch(judge, comparison, self)


class NoiseSearch(Search):
    """Noise on one network, or whatever the judge asks: each run is one draw."""

    def run(
        self,
        best: BestIterate,
        x: tf.Tensor,
        y: tf.Tensor,
        seeds: tf.Tensor,
        run: int,
        *,
        tick: Callable[[], None],
        target: np.ndarray | None,
    ) -> np.ndarray:
        best.offer(self.ball.sample(x, seeds))
        tick()
        return np.ones((2, len(x)), bool)

"""Vertical stripes, the start of Square Attack (Andriushchenko et al., 2020): the most that one query finds unasked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tfrobust.attacks.attack import Attack
from tfrobust.attacks.best_iterate import BestIterate, Judge
from tfrobust.attacks.map_attack import BlackBoxAttack, Search
from tfrobust.attacks.noise import Noise
from tfrobust.attacks.square_moves import with_stripes
from tfrobust.checks import check_choice
from tfrobust.errors import InputError
from tfrobust.names import CRITERIA
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Stripes(BlackBoxAttack, Attack):
    """Makes each column brighter or darker by as much as the ball allows, each channel by a sign of its own.

    A run is one query.  The signs are drawn without a look at the network: what lowers a score as far as this needs no
    attack, and an attack that lowers it less is none.

    Attributes:
        criterion: by which the best of several runs is chosen: kendall, spearman, intersection or center.
    """

    _: KW_ONLY
    criterion: str = "kendall"

    name: ClassVar[str] = "stripes"
    tag: ClassVar[int] = 40

    def __post_init__(self):
        super().__post_init__()
        check_choice("criterion", self.criterion, CRITERIA)
        if self.criterion == "target":
            raise InputError("criterion target needs a target map, which stripes have not")

    @property
    def rounds(self) -> int:
        """Queries of all its runs."""
        return self.restarts

    def control(self, draws: int = 1) -> Noise:
        return Noise(self.eps, norm=self.norm, restarts=draws, seed=self.seed, criterion=self.criterion)

    def on_judge(self, judge: Judge, comparison: Comparison) -> StripesSearch:
        return StripesSearch(judge, comparison, self)


class StripesSearch(Search):
    """Stripes on one network, or whatever the judge asks."""

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
        length = self._length(x.shape[1:])
        draws = map(np.random.default_rng, np.asarray(seeds))
        striped = np.stack([with_stripes(image, length, rng) for image, rng in zip(x.numpy(), draws)])
        best.offer(self.ball.project(striped, x))
        tick()
        return np.ones((2, len(x)), bool)

    def _length(self, shape) -> float:
        """By how much each pixel changes: eps, or in l2 what gives the change of the whole image the length eps."""
        return self.attack.eps / (np.sqrt(np.prod(shape)) if self.attack.norm == "l2" else 1.0)

"""A black-box search with squares, after Square Attack (Andriushchenko et al., 2020).

It asks for maps and predictions alone, never for a gradient.  Where it finds more than an attack that follows
gradients, the network masks its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tfrobust.attacks.attack import Attack
from tfrobust.attacks.best_iterate import BestIterate, Judge
from tfrobust.attacks.map_attack import BlackBoxAttack, Search
from tfrobust.attacks.noise import Noise
from tfrobust.attacks.square_moves import side_of_squares, with_square
from tfrobust.checks import check_choice, check_number, check_whole
from tfrobust.errors import InputError
from tfrobust.names import CRITERIA
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Squares(BlackBoxAttack, Attack):
    """Black-box attack on maps that changes one square of each image at a time.

    In each query one square of the best image so far, at a random place, becomes brighter or darker by up to 2 eps
    within the ball (each channel by a sign of its own).  The new image replaces the best one if it keeps the label and
    has a less alike map.

    Attributes:
        steps: queries of a run; squares shrink as they pass.
        area: of the first squares, as a share of the image in [0, 1].
        criterion: by which maps are compared: kendall, spearman, intersection or center.
        k: size of the top-k sets of the intersection, in pixels; None: that of the comparison.
    """

    steps: int
    _: KW_ONLY
    area: float = 0.3
    criterion: str = "kendall"
    k: int | None = None

    name: ClassVar[str] = "squares"
    tag: ClassVar[int] = 16
    unit: ClassVar[str] = "queries"

    def __post_init__(self):
        super().__post_init__()
        check_whole("steps of an attack", self.steps)
        check_number("area of the squares", self.area, 0, 1)
        check_choice("criterion", self.criterion, CRITERIA)
        if self.criterion == "target":
            raise InputError("criterion target needs a target map, which squares have not")

    @property
    def rounds(self) -> int:
        """Queries of all its runs."""
        return self.restarts * self.steps

    def control(self, draws: int = 1) -> Noise:
        return Noise(self.eps, norm=self.norm, restarts=draws, seed=self.seed, criterion=self.criterion, k=self.k)

    def on_judge(self, judge: Judge, comparison: Comparison) -> SquaresSearch:
        return SquaresSearch(judge, comparison, self)

    def side(self, query: int, shape: Sequence[int]) -> int:
        """The side in pixels, at least 1, of the squares of the `query`-th query on images of shape (H, W, C)."""
        return side_of_squares(query, self.steps, self.area, shape)


class SquaresSearch(Search):
    """The search on one network, or whatever the judge asks."""

    attack: Squares

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
        criterion = self.attack.criterion
        own = BestIterate(self._judge, best.x, best.y, (criterion,), self.comparison, k=self.attack.k)
        draws = [np.random.default_rng(seed) for seed in np.asarray(seeds)]
        for query in range(self.attack.steps):
            side = min(self.attack.side(query, x.shape[1:]), *x.shape[1:3])
            pairs = zip(own.x_adv[criterion], draws)
            moved = np.stack([with_square(at, side, 2 * self.attack.eps, rng) for at, rng in pairs])
            candidate = self.ball.project(moved, x).numpy()
            own.offer(candidate)
            best.offer(candidate)
            tick()
        return np.ones((2, len(x)), bool)

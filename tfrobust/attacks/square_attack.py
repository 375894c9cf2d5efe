"""Square Attack (Andriushchenko et al., 2020) on predictions: a random search that asks for logits alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfrobust.attacks import square_moves
from tfrobust.attacks.asked_network import AskedNetwork
from tfrobust.attacks.prediction_search import PredictionSearch
from tfrobust.checks import check_number
from tfrobust.losses import margin

LEAST_BUMP = 3  # Pixels of the side of a window in l2, which is odd.


@dataclass(frozen=True)
class SquareAttack(PredictionSearch):
    """Changes one square of each image at a time, and keeps the change where the margin of the label got smaller.

    Attributes:
        steps: queries of a run; squares shrink as they pass.
        area: of the first squares, as a share of the image in [0, 1].
    """

    _: KW_ONLY
    area: float = 0.8

    name: ClassVar[str] = "Square"
    tag: ClassVar[int] = 24
    unit: ClassVar[str] = "queries"
    follows_gradient: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        check_number("area of the squares", self.area, 0, 1)

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
        draws = [np.random.default_rng(seed) for seed in np.asarray(seeds)]
        x_adv, most, left = np.array(x), np.array(margin(y, logits)), np.arange(len(x))
        for query in range(self.steps):
            if not len(left):
                break
            moved = [self._moved(query, x_adv[i], x[i], draws[i]) for i in left]
            candidate = self.ball.project(np.stack(moved), x[left]).numpy()
            reached = np.array(margin(y[left], asked.logits(candidate)))
            better = (reached > most[left]) | (query == 0)
            x_adv[left[better]], most[left[better]] = candidate[better], reached[better]
            left = left[most[left] <= 0]
            tick()
        return x_adv, most > 0

    def _moved(self, query, at, x, rng):
        """One image [H,W,C], moved: the first query draws the start."""
        if not query:
            return (square_moves.with_stripes if self.norm == "linf" else square_moves.bumpy)(x, self.eps, rng)
        side = min(square_moves.side_of_squares(query, self.steps, self.area, x.shape), *x.shape[:2])
        if self.norm == "linf":
            return square_moves.with_square(at, side, 2 * self.eps, rng)
        side = min(max(side, LEAST_BUMP) // 2 * 2 + 1, *x.shape[:2])
        return square_moves.with_bump(at, x, side, self.eps, rng)

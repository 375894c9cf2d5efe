"""A sparse attack on maps: few pixels change, each by as much as it likes (l0).

Greedy, as in Jacobian-based saliency attacks on predictions (Papernot et al., 2016): the gradient of a goal says which
pixel, moved to the end of its range, would raise it most; that pixel is moved, and the gradient is taken again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import tensorflow as tf

from tfrobust.attacks.attack import Attack
from tfrobust.attacks.best_iterate import BestIterate
from tfrobust.attacks.goal_attack import GoalAttack, GoalAttackOnNetwork
from tfrobust.attacks.goals import Goal
from tfrobust.attributions import MapSpec
from tfrobust.checks import check_whole
from tfrobust.errors import InputError
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Sparse(GoalAttack, Attack):
    """Changes at most `pixels` pixels of an image, one more in each step, every channel of them by up to eps.

    Its control is noise of the ball of eps on all pixels.

    Attributes:
        pixels: how many may change, which is the number of steps.
        goal: what is raised, along the map of a softplus surrogate.
        softplus_beta: sharpness of the softplus; None: the network itself.
        curvature_only: the surrogate takes only the second derivative from softplus; its maps are the network's.
        criterion: by which the iterate is chosen, see `ifia.Ifia`.
    """

    pixels: int
    _: KW_ONLY
    goal: Goal
    softplus_beta: float | None = 30.0
    curvature_only: bool = True
    criterion: str = "kendall"

    name: ClassVar[str] = "sparse"
    tag: ClassVar[int] = 41

    def __post_init__(self):
        super().__post_init__()
        check_whole("pixels of a sparse attack", self.pixels, 1)
        if self.norm != "linf":
            raise InputError("a sparse attack bounds each pixel by itself: its norm is linf")
        self.refuse_other_goals()

    @property
    def rounds(self) -> int:
        """Iterations of all its runs."""
        return self.restarts * self.pixels

    def check(self, shape: Sequence[int]) -> None:
        super().check(shape)
        if self.pixels > shape[0] * shape[1]:
            raise InputError(f"{self.pixels} pixels of a sparse attack: an image has {shape[0] * shape[1]}")

    def describe(self) -> str:
        """The attack in words."""
        return f"{self.name} ({self.pixels} pixels by up to {self.eps:.4g}, {self.goal.name})"

    def on_maps(
        self, network: keras.Model, spec: MapSpec, comparison: Comparison, chunk: int | None = None
    ) -> SparseOnNetwork:
        return SparseOnNetwork(network, spec, comparison, self, chunk)


class SparseOnNetwork(GoalAttackOnNetwork):
    """The attack on one network; arguments as those of GoalAttackOnNetwork."""

    attack: Sparse

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
        goal, (had_gradient, rose) = self._goal, np.zeros((2, len(x)), bool)
        reference = self.attack.goal.reference(best.original_map, target, lambda: goal.map(x, y), seeds)
        original, x_adv = x.numpy(), x.numpy().copy()
        changed, first = np.zeros(original.shape[:3], bool), None
        if run:
            self._change_at_random(x_adv, original, changed, np.asarray(seeds))
        for _ in range(self.attack.pixels - bool(run)):
            value, g, _ = (each.numpy() for each in goal.slope(tf.constant(x_adv), x, y, reference))
            first = value if first is None else first
            had_gradient |= np.abs(g).max(axis=(1, 2, 3)) > 0
            rose |= value > first
            self._change_one(x_adv, original, changed, g)
            best.offer(x_adv)
            tick()
        if run:
            best.offer(x_adv)
            tick()
        rose |= goal.reached(tf.constant(x_adv), x, y, reference).numpy() > (0 if first is None else first)
        return np.stack([had_gradient, rose])

    def _ends(self, original, g):
        """Where the range of each pixel ends in the direction of the gradient, [B,H,W,C]."""
        return np.clip(original + self.attack.eps * np.sign(g), 0.0, 1.0).astype(np.float32)

    def _change_one(self, x_adv, original, changed, g) -> None:
        """Moves, of each image, the unchanged pixel that promises most to the end of its range."""
        ends = self._ends(original, g)
        gain = np.sum(g * (ends - x_adv), axis=-1)
        gain[changed] = -np.inf
        images, places = np.arange(len(gain)), gain.reshape(len(gain), -1).argmax(axis=1)
        rows, columns = np.unravel_index(places, gain.shape[1:])
        x_adv[images, rows, columns] = ends[images, rows, columns]
        changed[images, rows, columns] = True

    def _change_at_random(self, x_adv, original, changed, seeds) -> None:
        """The first pixel of the second and later runs, and its direction, are drawn."""
        for i, seed in enumerate(seeds):
            rng = np.random.default_rng(seed)
            row, column = rng.integers(original.shape[1:3])
            signs = rng.choice([-1.0, 1.0], size=original.shape[3])
            x_adv[i, row, column] = np.clip(original[i, row, column] + self.attack.eps * signs, 0.0, 1.0)
            changed[i, row, column] = True

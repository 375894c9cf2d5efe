"""A universal attack on maps: one perturbation for all images (universal perturbation for interpretation, Oskouie &
Farnia, 2023, by its gradient-based way).

    max over d in the ball of the mean over images x of goal(x + d)

Who has such a perturbation needs no access to the network when an image is explained, and no time for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import tensorflow as tf

from tfrobust.attacks.attack import Attack, check_steps
from tfrobust.attacks.best_iterate import BestIterate
from tfrobust.attacks.goal_attack import GoalAttack, GoalAttackOnNetwork
from tfrobust.attacks.goals import Goal
from tfrobust.attributions import MapSpec
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Universal(GoalAttack, Attack):
    """Finds one perturbation for all images of a batch, the one with the largest mean of what the criterion measures.

    An image that it gives another label keeps itself and scores 1.  Each batch has a perturbation of its own: hold all
    images at once (`--evaluation_batch`), or find it on some images and try it on others with `perturbation`.

    Attributes:
        steps, step_size: number of iterations, and length of one in units of the pixel range [0, 1].
        goal: what is raised, along the map of a softplus surrogate.
        softplus_beta: sharpness of the softplus; None: the network itself.
        curvature_only: the surrogate takes only the second derivative from softplus; its maps are the network's.
        criterion: by which the perturbation is chosen, see `ifia.Ifia`.
    """

    steps: int
    step_size: float
    _: KW_ONLY
    goal: Goal
    softplus_beta: float | None = 30.0
    curvature_only: bool = True
    criterion: str = "kendall"

    name: ClassVar[str] = "universal"
    tag: ClassVar[int] = 42

    def __post_init__(self):
        super().__post_init__()
        check_steps(self.steps, self.step_size)
        self.refuse_other_goals()

    @property
    def rounds(self) -> int:
        """Iterations of all its runs."""
        return self.restarts * self.steps

    def on_maps(
        self, network: keras.Model, spec: MapSpec, comparison: Comparison, chunk: int | None = None
    ) -> UniversalOnNetwork:
        return UniversalOnNetwork(network, spec, comparison, self, chunk)


class UniversalOnNetwork(GoalAttackOnNetwork):
    """The attack on one network; arguments as those of GoalAttackOnNetwork."""

    attack: Universal

    def search(
        self,
        best: BestIterate,
        examples: np.ndarray | None = None,
        tick: Callable[[], None] = lambda: None,
        target: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds the perturbation, and offers the images with it to `best`: no iterate before it, as each image would
        choose another one.  Arguments and result as of `Search.search`."""
        v, fates = self._found(best.x, best.y, tick)
        best.offer(self.with_perturbation(best.x, v))
        return fates[0], fates[1]

    def perturbation(self, x: np.ndarray, y: np.ndarray, tick: Callable[[], None] = lambda: None) -> np.ndarray:
        """The perturbation [1,H,W,C] that is found on images x [N,H,W,C], predicted as y [N]."""
        return self._found(np.asarray(x, np.float32), np.asarray(y), tick)[0]

    def with_perturbation(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Images x [B,H,W,C] with the perturbation v [1,H,W,C], cut to [0, 1]."""
        return np.clip(np.asarray(x, np.float32) + v, 0.0, 1.0)

    def _found(self, x, y, tick):
        """(the best perturbation of all runs, [2,B] bool: had_gradient and goal_rose of each image)."""
        goal, attack = self._goal, self.attack
        images, labels = tf.constant(x), tf.constant(y)
        keeper, fates = self.keeper(x, y, (attack.criterion,)), np.zeros((2, len(x)), bool)
        best, most = np.zeros((1, *x.shape[1:]), np.float32), 0.0
        for run in range(attack.restarts):
            seed = attack.seeds(tf.zeros([1], tf.int32), run)
            reference = attack.goal.reference(
                keeper.original_map, None, lambda: goal.map(images, labels), attack.seeds(tf.range(len(x)), run)
            )
            middle = tf.fill([1, *x.shape[1:]], 0.5)
            v, first = self.ball.sample(middle, seed) - middle, None
            for _ in range(attack.steps):
                x_adv = tf.constant(self.with_perturbation(x, v.numpy()))
                value, g, _ = goal.slope(x_adv, images, labels, reference)
                first = value if first is None else first
                fates |= [np.abs(g).max(axis=(1, 2, 3)) > 0, value.numpy() > first.numpy()]
                v = self._projected(self.ball.ascend(v, _mean_direction(g), attack.step_size))
                keeper.offer(self.with_perturbation(x, v.numpy()))
                reached = np.maximum(keeper.latest[attack.criterion], 0.0).mean()
                if reached > most:
                    best, most = v.numpy(), reached
                tick()
        return best, fates

    def _projected(self, v):
        """v [1,H,W,C] pulled into the ball around 0; images are cut to [0, 1] when it is added to them."""
        if self.attack.norm == "linf":
            return tf.clip_by_value(v, -self.attack.eps, self.attack.eps)
        return v * tf.minimum(1.0, tf.math.divide_no_nan(self.attack.eps, tf.norm(v)))


def _mean_direction(g: tf.Tensor) -> tf.Tensor:
    """The mean [1,H,W,C] of gradients [B,H,W,C], each made of length 1, so that no image outweighs the others."""
    length = tf.sqrt(tf.reduce_sum(g**2, axis=[1, 2, 3], keepdims=True))
    return tf.reduce_mean(tf.math.divide_no_nan(g, length), axis=0, keepdims=True)

"""Iterative attacks on attributions: IFIA (Ghorbani et al., 2019), as RAR and ER measure with it, and manipulation
(Dombrowski et al., 2019).

Each iteration takes a signed step that raises a goal of the map of a softplus surrogate (see `goals`), then judges the
new image on the network itself: does it keep the label, how alike are the two maps.  The iterate is chosen by the
criterion (RAR: Kendall on the whole map), never by the goal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfrobust.attacks.ascents import AdaptiveSteps, FixedSteps
from tfrobust.attacks.attack import Attack, check_steps
from tfrobust.attacks.best_iterate import BestIterate
from tfrobust.attacks.goal_attack import GoalAttack, GoalAttackOnNetwork
from tfrobust.attacks.goals import Goal
from tfrobust.attacks.returns import Returns
from tfrobust.attributions import IntegratedGradients, MapSpec, coarser
from tfrobust.attributions.gradient import Gradient
from tfrobust.checks import check_whole
from tfrobust.distribution import draw_by_image
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Ifia(GoalAttack, Attack):
    """Iterative attack on maps that raises a goal.

    Attributes:
        steps, step_size: number of iterations, and length of one in units of the pixel range [0, 1].
        goal: what is raised.
        random_start: start at a random point of the ball instead of x.
        softplus_beta: sharpness of the softplus in the surrogate whose second derivative gives the direction; None: the
          network itself.
        curvature_only: the surrogate takes only the second derivative from softplus (FAR); its maps are the network's.
        keep_label: a step that changes the predicted class is taken back and its length halved.
        adaptive: steps are APGD's, with momentum, and halved where what the criterion measures on the network itself
          stops falling (see `ascents`); step_size is then the length of the first ones, 2 eps in the paper.
        path_points: most path points of Integrated Gradients in the map that the attack follows; None: as many as in
          the map that is measured.
        criterion: by which the iterate is chosen: kendall, spearman, intersection (with the k of the goal, or else of
          the comparison), center, or target (nearness to the target map).
    """

    steps: int
    step_size: float
    _: KW_ONLY
    goal: Goal
    random_start: bool = False
    softplus_beta: float | None = 1.0
    curvature_only: bool = False
    keep_label: bool = False
    adaptive: bool = False
    path_points: int | None = None
    criterion: str = "kendall"

    def __post_init__(self):
        super().__post_init__()
        check_steps(self.steps, self.step_size)
        if self.path_points is not None:
            check_whole("path_points of the attack", self.path_points, 1)

    @property
    def name(self) -> str:  # type: ignore[override]  # A constant of other attacks.
        """The name of the goal."""
        return self.goal.name

    @property
    def tag(self) -> int:  # type: ignore[override]  # A constant of other attacks.
        """The tag of the goal."""
        return self.goal.tag

    @property
    def targeted(self) -> bool:
        """Whether the goal drives the map towards one that is given."""
        return self.goal.targeted

    @property
    def rounds(self) -> int:
        """Iterations of all its runs."""
        return self.restarts * self.steps

    @property
    def repeats(self) -> bool:
        """Whether an iterate that an image has had before has the same iterates after it; see `returns`."""
        return self.goal.has_gradient and not self.keep_label and not self.adaptive

    def on_maps(
        self, network: keras.Model, spec: MapSpec, comparison: Comparison, chunk: int | None = None
    ) -> IfiaOnNetwork:
        return IfiaOnNetwork(network, spec, comparison, self, chunk)


class IfiaOnNetwork(GoalAttackOnNetwork):
    """The attack on one network; arguments as those of AttackOnNetwork."""

    attack: Ifia

    def __init__(self, network: keras.Model, spec: MapSpec, comparison: Comparison, attack: Ifia, chunk: int | None):
        own = coarser(spec, attack.path_points)
        super().__init__(network, spec, comparison, attack, chunk, followed=own)
        self._wander = tf.function(self._random_signs, reduce_retracing=True, autograph=False)
        self._follows_measured = own == spec and _has_maps_of(network, spec, attack)

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
        attack, goal = self.attack, self._goal
        reference = attack.goal.reference(best.original_map, target, lambda: goal.map(x, y), seeds)
        start = self._start(x, y, seeds) if attack.random_start or run else x
        ascent = self._ascent(x, start)
        # The map that gave the step is then that by which the iterate is judged, and is not computed once more.
        shared = self._follows_measured
        if attack.adaptive and not shared:
            best.offer(start)
        fates, left = np.zeros((2, len(x)), bool), np.arange(len(x))
        firsts: Any = None  # The goal at the start.
        returns = Returns(start.numpy()) if attack.repeats and not shared else None
        for i in range(attack.steps):
            value, g, a = self._slope(ascent.at, x, y, reference, seeds, i=i)
            firsts = value if firsts is None else firsts
            fates[:, left] |= np.stack([np.abs(g).max(axis=(1, 2, 3)) > 0, value > firsts[left]])
            if shared and (i or attack.adaptive):
                best.offer(ascent.at, left, a)
            self._step(ascent, best.latest.get(attack.criterion, value), g, y)
            if not shared:
                best.offer(ascent.at, left)
            tick()
            going = returns.note(ascent.at.numpy(), left) if returns else np.ones(len(left), bool)
            if not going.all():
                left = left[going]
                ascent.keep(going)
                x, y, reference, seeds = (tf.boolean_mask(each, going) for each in (x, y, reference, seeds))
            if not len(left):
                best.no_more(attack.steps - i - 1)
                return fates
        if shared and (attack.steps or attack.adaptive):
            best.offer(ascent.at)
        if not attack.goal.has_gradient:
            return np.ones_like(fates)
        if attack.steps:
            fates[1, left] |= goal.reached(ascent.at, x, y, reference).numpy() > firsts[left]
        return fates

    def _step(self, ascent, value, g, y):
        """Takes a step, back as far as the attack keeps labels."""
        ascent.step(value, g)
        if self.attack.keep_label:
            ascent.hold(lambda x_adv: self._judge.labels(x_adv) == y.numpy())

    def _start(self, x, y, seeds):
        """A random point of the ball; x itself where the point has another label and the attack keeps labels."""
        start = self.ball.sample(x, seeds)
        if not self.attack.keep_label:
            return start
        lost = self._judge.labels(start) != y.numpy()
        return tf.where(lost[:, None, None, None], x, start)

    def _ascent(self, x, start):
        attack = self.attack
        if attack.adaptive:
            return AdaptiveSteps(self.ball, x, start, attack.step_size, attack.steps)
        return FixedSteps(self.ball, x, start, attack.step_size)

    def _slope(self, x_adv, x, y, reference, seeds, *, i):
        """(the goal [B] at an iterate, its gradient [B,H,W,C], the surrogate's maps [B,H,W]); where the goal has no
        gradient, random signs and no maps."""
        if not self.attack.goal.has_gradient:
            return np.zeros(len(x), np.float32), self._wander(x, seeds, tf.constant(i)).numpy(), None
        goal, g, a = self._goal.slope(x_adv, x, y, reference)
        return goal.numpy(), g.numpy(), a.numpy()

    def _random_signs(self, x, seeds, i):
        draw = lambda s: tf.random.stateless_uniform(x.shape[1:], tf.add(s, [i, 0]), -1.0, 1.0)  # noqa: E731
        return draw_by_image(draw, seeds, dtype=x.dtype)


def _has_maps_of(network, spec, attack) -> bool:
    """Whether the maps that an attack follows are the network's own: those of gradients, where at most the second
    derivative is another one."""
    if not attack.goal.has_gradient or type(spec.attribution) not in (IntegratedGradients, Gradient):
        return False
    return attack.softplus_beta is None or attack.curvature_only

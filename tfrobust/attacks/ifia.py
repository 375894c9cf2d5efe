"""Iterative attacks on attributions: IFIA (Ghorbani et al., 2019), as RAR and ER measure with it, and manipulation
(Dombrowski et al., 2019).

Each iteration takes a signed step that raises a goal of the map of a softplus surrogate (see `goals`), then judges the
new image on the network itself: does it keep the label, how alike are the two maps.  The iterate is chosen by the
criterion (RAR: Kendall on the whole map), never by the goal.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Callable, Optional

import numpy as np
import tensorflow as tf

from tfrobust.attacks.attack import Attack, check_steps
from tfrobust.attacks.attacked_maps import AttackedMaps
from tfrobust.attacks.best_iterate import BestIterate, judge_of
from tfrobust.attacks.goals import Goal
from tfrobust.attacks.map_attack import MapAttack
from tfrobust.attacks.noise import Noise
from tfrobust.attacks.surrogate_goal import surrogate_goal
from tfrobust.attributions import MapSpec
from tfrobust.checks import check_choice, check_positive
from tfrobust.errors import InputError
from tfrobust.names import CRITERIA
from tfrobust.similarity import Comparison


@dataclass(frozen=True)
class Ifia(MapAttack, Attack):
    """The attack on maps that raises a goal.

    Attributes:
        steps, step_size: iterations and length of one.
        goal: what is raised.
        random_start: start at a point of the ball instead of x.
        softplus_beta: of the surrogate whose second derivative gives the direction; None: the network itself.
        curvature_only: only the second derivative is softplus' (FAR), maps stay the network's.
        keep_label: a step that changes the predicted class is taken back and its length halved.
        criterion: chooses the iterate: kendall, spearman, intersection (of the k of the goal, or of the comparison),
          center, or target (nearness to the target map).
    """

    steps: int
    step_size: float
    _: KW_ONLY
    goal: Goal
    random_start: bool = False
    softplus_beta: Optional[float] = 1.0
    curvature_only: bool = False
    keep_label: bool = False
    criterion: str = "kendall"

    def __post_init__(self):
        super().__post_init__()
        check_steps(self.steps, self.step_size)
        check_choice("criterion", self.criterion, CRITERIA)
        if self.criterion == "target" and not self.goal.targeted:
            raise InputError(f"criterion target needs a target map, which {self.goal.name} has not")
        if self.softplus_beta is not None:
            check_positive("softplus_beta", self.softplus_beta)

    @property
    def name(self) -> str:
        """That of the goal."""
        return self.goal.name

    @property
    def tag(self) -> int:
        """That of the goal."""
        return self.goal.tag

    @property
    def k(self) -> Optional[int]:
        """Size of the set that the goal drives down or up; None where it has no such set."""
        return getattr(self.goal, "k", None)

    @property
    def targeted(self) -> bool:
        """Whether the goal wants to get near to maps that are given."""
        return self.goal.targeted

    @property
    def rounds(self) -> int:
        """Iterations of all its runs."""
        return self.restarts * self.steps

    def check(self, shape) -> None:
        self.goal.check(shape)

    def control(self, draws: int = 1) -> Noise:
        criterion = "kendall" if self.criterion == "target" else self.criterion
        return Noise(self.eps, norm=self.norm, restarts=draws, seed=self.seed, criterion=criterion, k=self.k)

    def on_maps(self, network, spec: MapSpec, comparison: Comparison, chunk: Optional[int] = None) -> "IfiaOnNetwork":
        if self.goal.needs_normalised and not spec.normalize:
            raise InputError(f"{self.name} needs normalised maps")
        return IfiaOnNetwork(network, spec, comparison, self, chunk)


class IfiaOnNetwork:
    """The attack on one network: traced once, then called batch by batch."""

    def __init__(self, network, spec: MapSpec, comparison: Comparison, attack: Ifia, chunk: Optional[int]):
        self.network, self.comparison, self.attack, self.ball = network, comparison, attack, attack.ball
        self._goal = surrogate_goal(network, spec, attack.goal, attack.softplus_beta, attack.curvature_only, chunk)
        self._judge = judge_of(network, spec, chunk)
        self._move = tf.function(self._moved, reduce_retracing=True, autograph=False)
        self._wander = tf.function(self._random_signs, reduce_retracing=True, autograph=False)

    def __call__(self, x, y, examples=None, tick: Callable[[], None] = lambda: None, target=None) -> AttackedMaps:
        """See `MapAttack.on_maps`."""
        x, y, attack = tf.convert_to_tensor(x, tf.float32), tf.convert_to_tensor(y), self.attack
        if attack.targeted and target is None:
            raise InputError(f"{attack.name} needs target maps")
        examples = tf.range(len(x)) if examples is None else examples
        best = BestIterate(
            self._judge, x, y, attack.criterion, attack.k or self.comparison.k, self.comparison.ties, target
        )
        reference = attack.goal.reference(best.original_map, target, lambda: self._goal.map(x, y))
        had_gradient, rose = np.zeros(len(x), bool), np.zeros(len(x), bool)
        for run in range(attack.restarts):
            seeds, first = attack.seeds(examples, run), None
            x_adv = self._start(x, y, seeds) if attack.random_start or run else x
            size = np.full(len(x), attack.step_size, np.float32)
            for i in range(attack.steps):
                before = x_adv
                x_adv, goal, slope = self._step(before, x, y, reference, size, seeds, i)
                first = goal.numpy() if first is None else first
                had_gradient |= slope.numpy() > 0
                rose |= goal.numpy() > first
                if attack.keep_label:
                    lost = self._judge.labels(x_adv) != y.numpy()
                    size[lost] /= 2
                    x_adv = tf.where(lost[:, None, None, None], before, x_adv)
                best.offer(x_adv)
                tick()
            if attack.steps and attack.goal.has_gradient:
                rose |= self._goal.reached(x_adv, x, y, reference).numpy() > first
        if not attack.goal.has_gradient:
            return best.found_maps()
        return best.found_maps(had_gradient, rose)

    def surrogate_maps(self, x, y) -> tf.Tensor:
        """The surrogate's maps [B,H,W], whose gradient the attack follows."""
        return self._goal.map(tf.convert_to_tensor(x, tf.float32), tf.convert_to_tensor(y))

    def _start(self, x, y, seeds):
        """A random point of the ball; x itself where that has another label and labels are to be kept."""
        start = self.ball.sample(x, seeds)
        if not self.attack.keep_label:
            return start
        lost = self._judge.labels(start) != y.numpy()
        return tf.where(lost[:, None, None, None], x, start)

    def _step(self, x_adv, x, y, reference, size, seeds, i):
        """(the next iterate, the goal [B] at this one, the largest entry [B] of its gradient)."""
        if not self.attack.goal.has_gradient:
            goal, g = tf.zeros(len(x)), self._wander(x, seeds, tf.constant(i))
        else:
            goal, g = self._goal.slope(x_adv, x, y, reference)
        return self._move(x_adv, x, g, size), goal, tf.reduce_max(tf.abs(g), axis=[1, 2, 3])

    def _moved(self, x_adv, x, g, size):
        return self.ball.project(self.ball.ascend(x_adv, g, tf.reshape(size, [-1, 1, 1, 1])), x)

    def _random_signs(self, x, seeds, i):
        draw = lambda s: tf.random.stateless_uniform(x.shape[1:], s + [i, 0], -1.0, 1.0)  # noqa: E731
        return tf.map_fn(draw, seeds, fn_output_signature=x.dtype)

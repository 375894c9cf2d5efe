"""Base classes of attacks on maps that follow the gradient of a goal, through the second derivative of a surrogate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attacks.attack import Attack
from tfrobust.attacks.goals import Goal
from tfrobust.attacks.map_attack import AttackOnNetwork, MapAttack
from tfrobust.attacks.noise import Noise
from tfrobust.attacks.surrogate_goal import surrogate_goal
from tfrobust.attributions import MapSpec
from tfrobust.checks import check_choice, check_positive
from tfrobust.errors import InputError
from tfrobust.names import CRITERIA
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import keras


class GoalAttack(MapAttack):
    """An attack on maps that raises a goal; the base class of such attacks' dataclasses.

    Attributes:
        goal: what is raised, along the map of a softplus surrogate.
        softplus_beta: sharpness of the softplus; None: the network itself.
        curvature_only: the surrogate takes only the second derivative from softplus; its maps are the network's.
    """

    goal: Goal
    softplus_beta: float | None
    curvature_only: bool

    def __post_init__(self):
        Attack.__post_init__(self)
        check_choice("criterion", self.criterion, CRITERIA)
        if self.criterion == "target" and not self.goal.targeted:
            raise InputError(f"criterion target needs a target map, which {self.goal.name} has not")
        if self.softplus_beta is not None:
            check_positive("softplus_beta", self.softplus_beta)

    def refuse_other_goals(self) -> None:
        """Raises InputError for a goal without a gradient, or with a target."""
        if not self.goal.has_gradient or self.goal.targeted:
            raise InputError(
                f"a {self.name} attack follows the gradient of a goal without a target; got {self.goal.name}"
            )

    @property
    def k(self) -> int | None:
        """Size in pixels of the set that the goal lowers or raises; None where it has no such set."""
        return getattr(self.goal, "k", None)

    @property
    def gradients(self) -> int:
        """Gradients of the goal that are taken for each image: one per iteration, 0 where the goal has none."""
        return self.rounds if self.goal.has_gradient else 0

    def check(self, shape: Sequence[int]) -> None:
        self.goal.check(shape)

    def control(self, draws: int = 1) -> Noise:
        criterion = "kendall" if self.criterion == "target" else self.criterion
        return Noise(self.eps, norm=self.norm, restarts=draws, seed=self.seed, criterion=criterion, k=self.k)


class GoalAttackOnNetwork(AttackOnNetwork):
    """The attack on one network: traced once, then called batch by batch.

    Args:
        network: logits out.
        spec: of the map that is attacked and measured.
        comparison: gives k and ties of the criterion that chooses the iterate.
        attack: with its settings.
        chunk: path points held at once; None: all.
        followed: of the map whose goal is raised; None: `spec`.

    Raises:
        InputError: where the goal needs normalised maps, and the map is not.
    """

    attack: GoalAttack

    def __init__(
        self,
        network: keras.Model,
        spec: MapSpec,
        comparison: Comparison,
        attack: GoalAttack,
        chunk: int | None,
        *,
        followed: MapSpec | None = None,
    ):
        if attack.goal.needs_normalised and not spec.normalize:
            raise InputError(f"{attack.goal.name} needs normalised maps")
        super().__init__(network, spec, comparison, attack, chunk)
        self._goal = surrogate_goal(
            network,
            followed or spec,
            attack.goal,
            softplus_beta=attack.softplus_beta,
            curvature_only=attack.curvature_only,
            chunk=chunk,
        )

    def surrogate_maps(self, x: np.ndarray, y: np.ndarray) -> tf.Tensor:
        """The maps [B,H,W] of the surrogate, which the attack follows, of images x [B,H,W,C] for the classes y [B]."""
        return self._goal.map(tf.convert_to_tensor(x, tf.float32), tf.convert_to_tensor(y))

"""The goal of an attack on one network's surrogate, and the gradient of that goal.

Tracing a second derivative of a deep network takes longer than many a step of the attack, and nothing here depends on
the budget: attacks that differ in eps, steps, restarts or seed share one.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attacks.goals import Goal
from tfrobust.attributions import MapSpec, saliency_map
from tfrobust.distribution import shard_over_replicas
from tfrobust.networks.surrogates import softplus_surrogate

if TYPE_CHECKING:
    import keras


class SurrogateGoal:
    """A goal as a function of images, by way of the maps of a network's surrogate; traced once.

    Attributes:
        map: (x, y) -> the surrogate's maps [B,H,W] of images x [B,H,W,C] for the classes y [B].
        slope: (x_adv, x, y, reference) -> the goal [B] at x_adv, its gradient [B,H,W,C], and the surrogate's maps
          [B,H,W] there; arguments as for `value`.

    Args:
        network: logits out.
        spec: of the map.
        goal: what is raised.
        softplus_beta, curvature_only: of the surrogate; see `ifia.Ifia`.
        chunk: path points held at once; None: all.
    """

    def __init__(
        self,
        network: keras.Model,
        spec: MapSpec,
        goal: Goal,
        *,
        softplus_beta: float | None,
        curvature_only: bool,
        chunk: int | None,
    ):
        self.network, self.goal = network, goal
        surrogate = softplus_surrogate(network, softplus_beta, curvature_only)
        self._map = lambda x, y: saliency_map(surrogate, spec, x, y, chunk)
        self.map, self.slope = shard_over_replicas(self._map), shard_over_replicas(self._slope)

    def value(self, x_adv: tf.Tensor, x: tf.Tensor, y: tf.Tensor, reference: tf.Tensor) -> tf.Tensor:
        """The goal of attacked images, differentiable by x_adv.

        Args:
            x_adv: attacked images [B,H,W,C].
            x: the original images [B,H,W,C].
            y: labels [B] that are attributed.
            reference: what the goal compares with, see `goals.Goal.reference`.

        Returns:
            [B].
        """
        return self._value_of(self._map(x_adv, y), x_adv, x, reference)

    def reached(self, x_adv: tf.Tensor, x: tf.Tensor, y: tf.Tensor, reference: tf.Tensor) -> tf.Tensor:
        """The same number as `value`, not differentiable: it costs no more than a map.

        Args:
            x_adv: attacked images [B,H,W,C].
            x: the original images [B,H,W,C].
            y: labels [B] that are attributed.
            reference: what the goal compares with, see `goals.Goal.reference`.

        Returns:
            [B].
        """
        return self._value_of(self.map(x_adv, y), x_adv, x, reference)

    def _value_of(self, a, x_adv, x, reference):
        return self.goal.value(a, reference, x_adv, x, self.network)

    def _slope(self, x_adv, x, y, reference):
        """(the goal [B] at x_adv, its gradient [B,H,W,C], the map [B,H,W])."""
        with tf.GradientTape() as tape:
            tape.watch(x_adv)
            a = self._map(x_adv, y)
            goal = self._value_of(a, x_adv, x, reference)
        g = tape.gradient(goal, x_adv)
        # A map that does not depend on x' (a ReLU network's plain gradient, no surrogate) has no gradient at all.
        return goal, tf.zeros_like(x_adv) if g is None else g, a


# The traced functions of a network are kept for its next attack; 16 hold those of an ensemble with all its betas.
surrogate_goal = functools.lru_cache(maxsize=16)(SurrogateGoal)

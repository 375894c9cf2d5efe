"""A goal of the maps of one network's surrogate, and its slope.

Tracing a second derivative of a deep network takes longer than many a step of the attack, and nothing here depends on
the budget: attacks that differ in eps, steps, restarts or seed share one.
"""

import functools

import tensorflow as tf

from tfrobust.attacks.goals import Goal
from tfrobust.attributions import MapSpec, saliency_map
from tfrobust.distribution import shard_over_replicas
from tfrobust.networks.surrogates import softplus_surrogate


class SurrogateGoal:
    """`map` and `slope` are traced once.

    Args:
        network: logits out.
        spec: of the map.
        goal: what is raised.
        softplus_beta, curvature_only: of the surrogate; see `ifia.Ifia`.
        chunk: path points held at once.
    """

    def __init__(
        self,
        network,
        spec: MapSpec,
        goal: Goal,
        softplus_beta: float | None,
        curvature_only: bool,
        chunk: int | None,
    ):
        self.network, self.goal = network, goal
        surrogate = softplus_surrogate(network, softplus_beta, curvature_only)
        self._map = lambda x, y: saliency_map(surrogate, spec, x, y, chunk)
        self.map, self.slope = shard_over_replicas(self._map), shard_over_replicas(self._slope)

    def value(self, x_adv, x, y, reference) -> tf.Tensor:
        """[B], differentiable by x_adv.  reference: what the goal compares with."""
        return self.goal.value(self._map(x_adv, y), reference, x_adv, x, self.network)

    def reached(self, x_adv, x, y, reference) -> tf.Tensor:
        """The same [B], not differentiable, at the cost of a map."""
        return self.goal.value(self.map(x_adv, y), reference, x_adv, x, self.network)

    def _slope(self, x_adv, x, y, reference):
        """(the goal [B] at x_adv, its gradient [B,H,W,C])."""
        with tf.GradientTape() as tape:
            tape.watch(x_adv)
            goal = self.value(x_adv, x, y, reference)
        g = tape.gradient(goal, x_adv)
        # A map that does not depend on x' (a ReLU network's plain gradient, no surrogate) has no gradient at all.
        return goal, tf.zeros_like(x_adv) if g is None else g


# What is traced for a network is kept for its next attack; the last ones suffice, an ensemble's with all its betas.
surrogate_goal = functools.lru_cache(maxsize=16)(SurrogateGoal)

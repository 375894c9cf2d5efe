"""What an attack on attributions raises, and its slope.

With a(x') the map of a softplus twin (a ReLU network's own map has no useful second derivative), normalised, so that
shrinking all attributions gains nothing:

    ifia_top_k         - sum of a(x') over the k largest positions of the network's map at x
    ifia_mass_center   squared distance of the center of mass of a(x') from that at x, cut to whole pixels
    ifia_target        sum of a(x') over the k largest positions of a target map
    ifia_random        none: each step goes along random signs
    manipulation       - |a(x') - target|^2 - output_weight |f(x') - f(x)|^2, both as means (Dombrowski et al., Eq. 2)

The center at x is cut to whole pixels because the squared distance has no gradient where it is zero, which is where the
attack starts (so does the released RAR code).

Tracing a second derivative of a deep network takes longer than many a step of the attack, and nothing here depends on
the budget: attacks that differ in eps, steps, restarts or seed share one `Goal`.
"""

import functools

import tensorflow as tf

from tfrobust.attributions.spec import AttributionSpec, saliency_map
from tfrobust.distribution import shard_over_replicas
from tfrobust.networks.surrogates import softplus_twin


def center_of_mass(a: tf.Tensor) -> tf.Tensor:
    """[B,2] (row, column) of maps a [B,H,W] normalised to mean 1; differentiable."""
    rows = tf.range(a.shape[1], dtype=a.dtype)
    columns = tf.range(a.shape[2], dtype=a.dtype)
    by_row, by_column = tf.reduce_sum(a, axis=2), tf.reduce_sum(a, axis=1)
    center = tf.stack([tf.linalg.matvec(by_row, rows), tf.linalg.matvec(by_column, columns)], axis=1)
    return center / tf.cast(tf.size(a[0]), a.dtype)


class Goal:
    """The goal of one method on one network's maps; `map` and `slope` are traced once."""

    def __init__(self, network, attribution: AttributionSpec, method, beta, curvature_only, output_weight, chunk):
        self.network, self.method, self.output_weight = network, method, output_weight
        surrogate = softplus_twin(network, beta, curvature_only)
        self._map = lambda x, y: saliency_map(surrogate, attribution, x, y, chunk)
        self.map, self.slope = shard_over_replicas(self._map), shard_over_replicas(self._slope)

    def value(self, x_adv, x, y, reference) -> tf.Tensor:
        """[B], differentiable by x_adv.  reference: mask, center or target map."""
        return self._of(self._map(x_adv, y), x_adv, x, reference)

    def reached(self, x_adv, x, y, reference) -> tf.Tensor:
        """The same [B], not differentiable, at the cost of a map."""
        return self._of(self.map(x_adv, y), x_adv, x, reference)

    def center(self, x, y) -> tf.Tensor:
        """The center [B,2] that a mass-center attack moves away from."""
        return tf.floor(center_of_mass(self.map(x, y)))

    def _slope(self, x_adv, x, y, reference):
        """(the goal [B] at x_adv, its gradient [B,H,W,C])."""
        with tf.GradientTape() as tape:
            tape.watch(x_adv)
            goal = self.value(x_adv, x, y, reference)
        g = tape.gradient(goal, x_adv)
        # A map that does not depend on x' (a ReLU network's plain gradient, no twin) has no gradient at all.
        return goal, tf.zeros_like(x_adv) if g is None else g

    def _of(self, a, x_adv, x, reference):
        if self.method == "ifia_top_k":
            return -tf.reduce_sum(a * reference, axis=[1, 2])
        if self.method == "ifia_target":
            return tf.reduce_sum(a * reference, axis=[1, 2])
        if self.method == "ifia_mass_center":
            return tf.reduce_sum((center_of_mass(a) - reference) ** 2, axis=1)
        change = self.network(x_adv, training=False) - self.network(x, training=False)
        distance = tf.reduce_mean((a - reference) ** 2, axis=[1, 2])
        return -distance - self.output_weight * tf.reduce_mean(change**2, axis=1)


# What is traced for a network is kept for its next attack; the last few suffice.
goal_of = functools.lru_cache(maxsize=8)(Goal)

"""Iterative attacks on attributions: IFIA (Ghorbani et al., 2019), as RAR and ER measure with it, and manipulation
(Dombrowski et al., 2019).

Each iteration takes a signed step that raises a goal of the map of a softplus twin (a ReLU network's own map has no
useful second derivative), then judges the new image on the network itself: does it keep the label, how alike are the
two maps.  With a(x') the twin's normalised map, so that shrinking all attributions gains nothing:

    ifia_top_k         - sum of a(x') over the k largest positions of the network's map at x
    ifia_mass_center   squared distance of the center of mass of a(x') from that at x, cut to whole pixels
    ifia_target        sum of a(x') over the k largest positions of a target map
    ifia_random        none: each step goes along random signs
    manipulation       - |a(x') - target|^2 - output_weight |f(x') - f(x)|^2, both as means (Dombrowski et al., Eq. 2)

The center at x is cut to whole pixels because the squared distance has no gradient where it is zero, which is where the
attack starts (so does the released RAR code).  The iterate is chosen by the criterion (RAR: Kendall on the whole map),
never by the goal.
"""

from typing import Callable, Optional

import numpy as np
import tensorflow as tf

from tfrobust.attacks.best import BestIterate, Judge, Outcome
from tfrobust.attacks.spec import ON_ATTRIBUTIONS, AttackSpec
from tfrobust.attributions.spec import AttributionSpec, saliency_map
from tfrobust.similarity.ranking import top_k_mask
from tfrobust.twins import softplus_twin
from tfrobust.types import InputError

TARGETED = ("ifia_target", "manipulation")


def center_of_mass(a: tf.Tensor) -> tf.Tensor:
    """[B,2] (row, column) of maps a [B,H,W] normalised to mean 1; differentiable."""
    rows = tf.range(a.shape[1], dtype=a.dtype)
    columns = tf.range(a.shape[2], dtype=a.dtype)
    by_row, by_column = tf.reduce_sum(a, axis=2), tf.reduce_sum(a, axis=1)
    center = tf.stack([tf.linalg.matvec(by_row, rows), tf.linalg.matvec(by_column, columns)], axis=1)
    return center / tf.cast(tf.size(a[0]), a.dtype)


def _mask(a, k):
    """[B,H,W] float: 1 at the k largest entries of each map."""
    return tf.constant(top_k_mask(a, k).reshape(np.shape(a)), tf.float32)


class Ifia:
    """The attack on one network: traced once, then called batch by batch.

    network: logits out.  attribution: the map that is attacked and measured.  attack: a spec of ON_ATTRIBUTIONS.
    chunk: path points held at once.
    """

    def __init__(self, network, attribution: AttributionSpec, attack: AttackSpec, chunk: Optional[int] = None):
        if attack.method not in ON_ATTRIBUTIONS:
            raise InputError(
                f"{attack.method} is no attack on attributions: choose one of {', '.join(ON_ATTRIBUTIONS)}"
            )
        if attack.method == "ifia_mass_center" and not attribution.normalize:
            raise InputError("a mass-center attack needs normalised maps")
        self.network, self.attribution, self.attack, self.ball = network, attribution, attack, attack.ball
        surrogate = softplus_twin(network, attack.softplus_beta, attack.curvature_only)
        self._surrogate_map = lambda x, y: saliency_map(surrogate, attribution, x, y, chunk)
        self._traced_surrogate = tf.function(self._surrogate_map, reduce_retracing=True, autograph=False)
        self._judge = Judge(network, attribution, chunk)
        self._center = tf.function(self._center_at, reduce_retracing=True, autograph=False)
        self._value = tf.function(self._goal, reduce_retracing=True, autograph=False)
        self._move = tf.function(self._step, reduce_retracing=True, autograph=False)

    def __call__(self, x, y, examples=None, tick: Callable[[], None] = lambda: None, target=None) -> Outcome:
        """x [B,H,W,C] and the labels y [B] that are attributed and to be kept.

        examples: their numbers [B], which seed their draws.  tick: called once an iteration.
        target: maps [B,H,W] of the attacks that have one.
        """
        x, y, attack = tf.convert_to_tensor(x, tf.float32), tf.convert_to_tensor(y), self.attack
        examples = tf.range(len(x)) if examples is None else examples
        best = BestIterate(self._judge, x, y, attack.criterion, attack.k, self.attribution.ties, target)
        reference = self._reference(x, y, best.original_map, target)
        had_gradient, rose = np.zeros(len(x), bool), np.zeros(len(x), bool)
        for run in range(attack.restarts):
            seeds, first = attack.seeds(examples, run), None
            x_adv = self._start(x, y, seeds) if attack.random_start or run else x
            size = np.full(len(x), attack.step_size, np.float32)
            for i in range(attack.steps):
                before = x_adv
                x_adv, goal, slope = self._move(before, x, y, reference, size, seeds, tf.constant(i))
                first = goal.numpy() if first is None else first
                had_gradient |= slope.numpy() > 0
                rose |= goal.numpy() > first
                if attack.keep_label:
                    lost = self._judge.labels(x_adv) != y.numpy()
                    size[lost] /= 2
                    x_adv = tf.where(lost[:, None, None, None], before, x_adv)
                best.offer(x_adv)
                tick()
            if attack.steps and attack.method != "ifia_random":
                rose |= self._value(x_adv, x, y, reference).numpy() > first
        if attack.method == "ifia_random":
            return best.outcome()
        return best.outcome(had_gradient, rose)

    def _start(self, x, y, seeds):
        """A random point of the ball; x itself where that has another label and labels are to be kept."""
        start = self.ball.sample(x, seeds)
        if not self.attack.keep_label:
            return start
        lost = self._judge.labels(start) != y.numpy()
        return tf.where(lost[:, None, None, None], x, start)

    def surrogate_maps(self, x, y) -> tf.Tensor:
        """The twin's maps [B,H,W], whose gradient the attack follows."""
        return self._traced_surrogate(tf.convert_to_tensor(x, tf.float32), tf.convert_to_tensor(y))

    def _reference(self, x, y, original_map, target):
        """What the goal compares with."""
        method = self.attack.method
        if method in TARGETED and target is None:
            raise InputError(f"{method} needs target maps")
        if method == "ifia_top_k":
            return _mask(original_map, self.attack.k)
        if method == "ifia_target":
            return _mask(target, self.attack.k)
        if method == "ifia_mass_center":
            return self._center(x, y)
        return tf.convert_to_tensor(original_map if target is None else target, tf.float32)

    def _center_at(self, x, y):
        """The center [B,2] that a mass-center attack moves away from."""
        return tf.floor(center_of_mass(self._surrogate_map(x, y)))

    def _goal(self, x_adv, x, y, reference):
        a = self._surrogate_map(x_adv, y)
        if self.attack.method == "ifia_top_k":
            return -tf.reduce_sum(a * reference, axis=[1, 2])
        if self.attack.method == "ifia_target":
            return tf.reduce_sum(a * reference, axis=[1, 2])
        if self.attack.method == "ifia_mass_center":
            return tf.reduce_sum((center_of_mass(a) - reference) ** 2, axis=1)
        change = self.network(x_adv, training=False) - self.network(x, training=False)
        distance = tf.reduce_mean((a - reference) ** 2, axis=[1, 2])
        return -distance - self.attack.output_weight * tf.reduce_mean(change**2, axis=1)

    def _step(self, x_adv, x, y, reference, size, seeds, i):
        """(the next iterate, the goal [B] at this one, the largest entry [B] of its gradient)."""
        size = tf.reshape(size, [-1, 1, 1, 1])
        if self.attack.method == "ifia_random":
            draw = lambda s: tf.random.stateless_uniform(x.shape[1:], s + [i, 0], -1.0, 1.0)  # noqa: E731
            g = tf.map_fn(draw, seeds, fn_output_signature=x.dtype)
            goal = tf.zeros_like(size[:, 0, 0, 0])
        else:
            with tf.GradientTape() as tape:
                tape.watch(x_adv)
                goal = self._goal(x_adv, x, y, reference)
            g = tape.gradient(goal, x_adv)
            # A map that does not depend on x' (a ReLU network's plain gradient, no twin) has no gradient at all.
            g = tf.zeros_like(x_adv) if g is None else g
        slope = tf.reduce_max(tf.abs(g), axis=[1, 2, 3])
        return self.ball.project(self.ball.ascend(x_adv, g, size), x), goal, slope

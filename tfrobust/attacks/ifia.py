"""Iterative Feature Importance Attacks (Ghorbani et al., 2019) as RAR and ER measure with them.

Each iteration takes a signed step that changes the map of a softplus twin (a ReLU network's own map has no useful
second derivative), then judges the new image on the network itself: does it keep the label, how alike are the two maps.

    top-k        goal = - sum of the twin's map at x' over the k largest positions of the network's map at x
    mass-center  goal = squared distance of the twin's centre of mass at x' from that at x, cut to whole pixels

The map in the goal is normalised, so shrinking all attributions gains nothing.  The centre at x is cut to whole pixels
because the squared distance has no gradient where it is zero, which is where the attack starts (so does the released
RAR code).  The iterate is chosen by the criterion (RAR: Kendall on the whole map), never by the goal.
"""

from typing import Callable, Optional

import numpy as np
import tensorflow as tf

from tfrobust.attacks.best import BestIterate, Judge, Outcome
from tfrobust.attacks.spec import AttackSpec
from tfrobust.attributions.spec import AttributionSpec, saliency_map
from tfrobust.similarity.ranking import top_k_mask
from tfrobust.twins import softplus_twin
from tfrobust.types import InputError


def center_of_mass(a: tf.Tensor) -> tf.Tensor:
    """[B,2] (row, column) of maps a [B,H,W] normalised to mean 1; differentiable."""
    rows = tf.range(a.shape[1], dtype=a.dtype)
    columns = tf.range(a.shape[2], dtype=a.dtype)
    by_row, by_column = tf.reduce_sum(a, axis=2), tf.reduce_sum(a, axis=1)
    center = tf.stack([tf.linalg.matvec(by_row, rows), tf.linalg.matvec(by_column, columns)], axis=1)
    return center / tf.cast(tf.size(a[0]), a.dtype)


class Ifia:
    """The attack on one network: traced once, then called batch by batch.

    network: logits out.  attribution: the map that is attacked and measured.  attack: an ifia_* spec.
    chunk: path points held at once.
    """

    def __init__(self, network, attribution: AttributionSpec, attack: AttackSpec, chunk: Optional[int] = None):
        if attack.method == "ifia_mass_center" and not attribution.normalize:
            raise InputError("a mass-center attack needs normalised maps")
        self.attribution, self.attack, self.ball = attribution, attack, attack.ball
        surrogate = softplus_twin(network, attack.softplus_beta)
        self._surrogate_map = lambda x, y: saliency_map(surrogate, attribution, x, y, chunk)
        self._judge = Judge(network, attribution, chunk)
        self._center = tf.function(self._reference, reduce_retracing=True)
        self._move = tf.function(self._step, reduce_retracing=True)

    def __call__(self, x, y, examples=None, tick: Callable[[], None] = lambda: None) -> Outcome:
        """x [B,H,W,C] and the labels y [B] that are attributed and to be kept.
        examples: their numbers [B], which seed their draws.  tick: called once an iteration."""
        x, y, attack = tf.convert_to_tensor(x, tf.float32), tf.convert_to_tensor(y), self.attack
        examples = tf.range(len(x)) if examples is None else examples
        best = BestIterate(self._judge, x, y, attack.criterion, attack.k, self.attribution.ties)
        if attack.method == "ifia_top_k":
            mask = top_k_mask(best.original_map, attack.k).reshape(best.original_map.shape)
            reference = tf.constant(mask.astype(np.float32))
        else:
            reference = self._center(x, y)
        for run in range(attack.restarts):
            x_adv = x
            if attack.random_start or run:
                x_adv = self.ball.sample(x, attack.seeds(examples, run))
            for _ in range(attack.steps):
                x_adv = self._move(x_adv, x, y, reference)
                best.offer(x_adv)
                tick()
        return best.outcome()

    def _reference(self, x, y):
        """The centre [B,2] that a mass-center attack moves away from."""
        return tf.floor(center_of_mass(self._surrogate_map(x, y)))

    def _goal(self, x_adv, y, reference):
        a = self._surrogate_map(x_adv, y)
        if self.attack.method == "ifia_top_k":
            return -tf.reduce_sum(a * reference, axis=[1, 2])
        return tf.reduce_sum((center_of_mass(a) - reference) ** 2, axis=1)

    def _step(self, x_adv, x, y, reference):
        with tf.GradientTape() as tape:
            tape.watch(x_adv)
            goal = self._goal(x_adv, y, reference)
        g = tape.gradient(goal, x_adv)
        # A map that does not depend on x' (a ReLU network's plain gradient, no twin) has no gradient at all.
        g = tf.zeros_like(x_adv) if g is None else g
        return self.ball.project(self.ball.ascend(x_adv, g, self.attack.step_size), x)

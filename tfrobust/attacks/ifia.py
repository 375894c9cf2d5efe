"""Iterative attacks on attributions: IFIA (Ghorbani et al., 2019), as RAR and ER measure with it, and manipulation
(Dombrowski et al., 2019).

Each iteration takes a signed step that raises a goal of the map of a softplus twin (see `goals`), then judges the new
image on the network itself: does it keep the label, how alike are the two maps.  The iterate is chosen by the criterion
(RAR: Kendall on the whole map), never by the goal.
"""

from typing import Callable, Optional

import numpy as np
import tensorflow as tf

from tfrobust.attacks.best import BestIterate, Outcome, judge_of
from tfrobust.attacks.goals import goal_of
from tfrobust.attacks.spec import AttackSpec
from tfrobust.attributions.spec import AttributionSpec
from tfrobust.names import ON_ATTRIBUTIONS
from tfrobust.similarity.ranking import top_k_mask
from tfrobust.types import InputError

TARGETED = ("ifia_target", "manipulation")


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
        twin = attack.softplus_beta, attack.curvature_only
        self._goal = goal_of(network, attribution, attack.method, *twin, attack.output_weight, chunk)
        self._judge = judge_of(network, attribution, chunk)
        self._move = tf.function(self._moved, reduce_retracing=True, autograph=False)
        self._wander = tf.function(self._random_signs, reduce_retracing=True, autograph=False)

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
            if attack.steps and attack.method != "ifia_random":
                rose |= self._goal.reached(x_adv, x, y, reference).numpy() > first
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
        return self._goal.map(tf.convert_to_tensor(x, tf.float32), tf.convert_to_tensor(y))

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
            return self._goal.center(x, y)
        return tf.convert_to_tensor(original_map if target is None else target, tf.float32)

    def _step(self, x_adv, x, y, reference, size, seeds, i):
        """(the next iterate, the goal [B] at this one, the largest entry [B] of its gradient)."""
        if self.attack.method == "ifia_random":
            goal, g = tf.zeros(len(x)), self._wander(x, seeds, tf.constant(i))
        else:
            goal, g = self._goal.slope(x_adv, x, y, reference)
        return self._move(x_adv, x, g, size), goal, tf.reduce_max(tf.abs(g), axis=[1, 2, 3])

    def _moved(self, x_adv, x, g, size):
        return self.ball.project(self.ball.ascend(x_adv, g, tf.reshape(size, [-1, 1, 1, 1])), x)

    def _random_signs(self, x, seeds, i):
        draw = lambda s: tf.random.stateless_uniform(x.shape[1:], s + [i, 0], -1.0, 1.0)  # noqa: E731
        return tf.map_fn(draw, seeds, fn_output_signature=x.dtype)

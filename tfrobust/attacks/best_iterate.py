"""The bookkeeping that attacks on attributions share: which iterate of each example is kept, and what went wrong.

RAR's protocol: an iterate counts only while the network still predicts the class it predicted; of those, the one whose
map is least like the original by the criterion is kept.  An example for which no iterate counts keeps its image, and so
scores 1, 1, 1: as robust as can be.  That raises the score of a network whose label flips easily, or whose goal has no
gradient, so both are counted here and reported beside every score.
"""

import functools

import numpy as np
import tensorflow as tf

from tfrobust import similarity
from tfrobust.attacks.attacked_maps import AttackedMaps
from tfrobust.attributions import MapSpec, saliency_map
from tfrobust.distribution import shard_over_replicas


def unlikeness(criterion: str, a, b, k: int, ties: str) -> np.ndarray:
    """[B], the larger the less alike the maps a and b [B,H,W] are."""
    if criterion == "center":
        return similarity.center_shift(a, b)
    if criterion == "intersection":
        return 1.0 - similarity.top_k_intersection(a, b, k, ties)
    return 1.0 - getattr(similarity, criterion)(a, b, ties)


def nearness(a, b, target) -> np.ndarray:
    """[B], how much nearer to the target the map b is than a, in mean squared distance."""
    return ((a - target) ** 2).mean(axis=(1, 2)) - ((b - target) ** 2).mean(axis=(1, 2))


class Judge:
    """What the network itself says of an image: its map and its prediction; traced once."""

    def __init__(self, network, spec: MapSpec, chunk=None):
        self._map = shard_over_replicas(lambda x, y: saliency_map(network, spec, x, y, chunk))
        self._label = shard_over_replicas(lambda x: tf.argmax(network(x, training=False), axis=1))

    def maps(self, x, y) -> np.ndarray:
        """[B,H,W], as measured."""
        return self._map(tf.convert_to_tensor(x, tf.float32), tf.convert_to_tensor(y)).numpy()

    def labels(self, x) -> np.ndarray:
        """[B], predicted."""
        return self._label(tf.convert_to_tensor(x, tf.float32)).numpy()


# One for an attack, its control and its longer run.
judge_of = functools.lru_cache(maxsize=8)(Judge)


class BestIterate:
    """Keeps, per example, the label-keeping iterate whose map is least like the original one."""

    def __init__(self, judge: Judge, x, y, criterion: str, k: int, ties: str, target=None):
        """x [B,H,W,C]; y [B], the labels that are attributed and to be kept; k of the intersection as criterion;
        target: the maps [B,H,W] that the criterion of that name wants to get near to."""
        self.judge, self.x, self.y = judge, np.asarray(x), np.asarray(y)
        self.original_map = judge.maps(x, y)
        self.progress = lambda rows, a, b: unlikeness(criterion, a, b, k, ties)
        if criterion == "target":
            self.progress = lambda rows, a, b: nearness(a, b, np.asarray(target)[rows])
        self.x_adv, self.map_adv = self.x.copy(), self.original_map.copy()
        self.found = np.zeros(len(x))
        self.moved = np.zeros(len(x), bool)
        self.kept_label = np.zeros(len(x), bool)
        self.counted = np.zeros(len(x), bool)

    def offer(self, x_adv) -> None:
        """One iterate [B,H,W,C] of each example."""
        x_adv = np.asarray(x_adv)
        differs = np.any(x_adv != self.x, axis=(1, 2, 3))
        kept = self.judge.labels(x_adv) == self.y
        self.moved |= differs
        self.kept_label |= kept
        self.counted |= differs & kept
        rows = np.flatnonzero(differs & kept)
        if not len(rows):
            return
        maps = self.judge.maps(x_adv, self.y)
        value = self.progress(rows, self.original_map[rows], maps[rows])
        better = value > self.found[rows]
        rows = rows[better]
        self.found[rows] = value[better]
        self.x_adv[rows], self.map_adv[rows] = x_adv[rows], maps[rows]

    def found_maps(self, had_gradient=None, goal_rose=None) -> AttackedMaps:
        """What was found.  had_gradient, goal_rose: [N] bool, True for all unless given."""
        every = np.ones(len(self.x), bool)
        return AttackedMaps(
            x=self.x,
            a=self.original_map,
            x_adv=self.x_adv,
            a_adv=self.map_adv,
            moved=self.moved,
            kept_label=self.kept_label,
            counted=self.counted,
            had_gradient=every if had_gradient is None else had_gradient,
            goal_rose=every if goal_rose is None else goal_rose,
        )

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
from tfrobust.similarity import Comparison


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
    """Keeps, per example and criterion, the label-keeping iterate whose map is least like the original one.

    Attributes:
        found: criterion -> how much less alike than 1 its iterate is, [B]; 0 where none counted.
        latest: the same of the iterate that was offered last; minus infinity where it lost the label.
        history: `found` after each iterate that was offered.

    Args:
        judge: of the network.
        x, y: images [B,H,W,C] and the labels [B] that are attributed and to be kept.
        criteria: each with an iterate of its own.
        comparison: whose k and ties the criteria have.
        k: of the criterion intersection, where it is another one than that of the comparison.
        target: the maps [B,H,W] that the criterion of that name wants to get near to.
        original_map: the network's maps [B,H,W] of x, where they are there already.
    """

    def __init__(
        self,
        judge: Judge,
        x,
        y,
        criteria,
        comparison: Comparison,
        k: int | None = None,
        target=None,
        original_map: np.ndarray | None = None,
    ):
        self.judge, self.x, self.y, self.criteria = judge, np.asarray(x), np.asarray(y), tuple(criteria)
        self.original_map = judge.maps(x, y) if original_map is None else original_map
        self._k, self._ties, self._target = k or comparison.k, comparison.ties, target
        self.x_adv = {criterion: self.x.copy() for criterion in self.criteria}
        self.map_adv = {criterion: self.original_map.copy() for criterion in self.criteria}
        self.found = {criterion: np.zeros(len(x)) for criterion in self.criteria}
        self.latest: dict[str, np.ndarray] = {}
        self.history: list[dict[str, np.ndarray]] = []
        self.moved = np.zeros(len(x), bool)
        self.kept_label = np.zeros(len(x), bool)
        self.counted = np.zeros(len(x), bool)

    def offer(self, x_adv) -> None:
        """Takes one iterate [B,H,W,C] of each example into account."""
        x_adv = np.asarray(x_adv)
        differs = np.any(x_adv != self.x, axis=(1, 2, 3))
        kept = self.judge.labels(x_adv) == self.y
        self.moved |= differs
        self.kept_label |= kept
        self.counted |= differs & kept
        self.latest = {criterion: np.where(kept, 0.0, -np.inf) for criterion in self.criteria}
        rows = np.flatnonzero(differs & kept)
        if len(rows):
            maps = self.judge.maps(x_adv, self.y)
            for criterion in self.criteria:
                value = self._progress(criterion, rows, self.original_map[rows], maps[rows])
                self.latest[criterion][rows] = value
                self._keep(criterion, rows, value, x_adv[rows], maps[rows])
        self.history.append({criterion: found.copy() for criterion, found in self.found.items()})

    def merge(self, other: "BestIterate", rows: np.ndarray) -> None:
        """Takes what was found on the images with these indices into account."""
        for name in ("moved", "kept_label", "counted"):
            getattr(self, name)[rows] |= getattr(other, name)
        for criterion in self.criteria:
            kept = other.found[criterion], other.x_adv[criterion], other.map_adv[criterion]
            self._keep(criterion, rows, *kept)

    def _keep(self, criterion, rows, value, x_adv, maps):
        """Of the images with these indices, the iterates whose value exceeds what was found before."""
        better = value > self.found[criterion][rows]
        rows = rows[better]
        self.found[criterion][rows] = value[better]
        self.x_adv[criterion][rows], self.map_adv[criterion][rows] = x_adv[better], maps[better]

    def _progress(self, criterion, rows, a, b):
        if criterion == "target":
            return nearness(a, b, np.asarray(self._target)[rows])
        return unlikeness(criterion, a, b, self._k, self._ties)

    def found_maps(self, criterion: str | None = None, had_gradient=None, goal_rose=None) -> AttackedMaps:
        """What was found by a criterion, the first one unless given.  had_gradient, goal_rose: [B] bool, True for all
        unless given."""
        every, criterion = np.ones(len(self.x), bool), criterion or self.criteria[0]
        return AttackedMaps(
            x=self.x,
            a=self.original_map,
            x_adv=self.x_adv[criterion],
            a_adv=self.map_adv[criterion],
            moved=self.moved,
            kept_label=self.kept_label,
            counted=self.counted,
            had_gradient=every if had_gradient is None else had_gradient,
            goal_rose=every if goal_rose is None else goal_rose,
        )

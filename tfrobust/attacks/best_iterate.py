"""The bookkeeping that attacks on attributions share: which iterate of each example is kept, and what went wrong.

RAR's protocol: an iterate counts only while the network still predicts the class it predicted; of those, the one whose
map is least like the original by the criterion is kept.  An example for which no iterate counts keeps its image, and so
scores 1, 1, 1: as robust as can be.  That raises the score of a network whose label flips easily, or whose goal has no
gradient, so both are counted here and reported beside every score.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust import similarity
from tfrobust.attacks.attacked_maps import AttackedMaps
from tfrobust.attributions import MapSpec, saliency_map
from tfrobust.distribution import shard_over_replicas
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import keras


def unlikeness(criterion: str, a: np.ndarray, b: np.ndarray, k: int, ties: str) -> np.ndarray:
    """How different the maps a and b are.

    Args:
        criterion: kendall, spearman, cosine, intersection or center.
        a: maps [B,H,W].
        b: the maps [B,H,W] that they are compared with.
        k: size of the top-k sets of the intersection.
        ties: how equal entries are ranked; see `similarity.ranking`.

    Returns:
        [B], the larger the less alike: 1 minus the measure, for center the shift in pixels.
    """
    if criterion == "center":
        return similarity.center_shift(a, b)
    if criterion == "intersection":
        return 1.0 - similarity.top_k_intersection(a, b, k, ties)
    return 1.0 - getattr(similarity, criterion)(a, b, ties)


def nearness(a: np.ndarray, b: np.ndarray, target: np.ndarray) -> np.ndarray:
    """How much nearer to a target map b is than map a, in mean squared distance.

    Args:
        a: maps [B,H,W] before a step.
        b: maps [B,H,W] after it.
        target: maps [B,H,W] that b should come nearer to.

    Returns:
        [B].
    """
    return ((a - target) ** 2).mean(axis=(1, 2)) - ((b - target) ** 2).mean(axis=(1, 2))


class Judge:
    """Computes a network's own maps and predictions, by which every attack is measured; traced once.

    Args:
        network: logits out.
        spec: of the map.
        chunk: path points held at once; None: all.
    """

    def __init__(self, network: keras.Model, spec: MapSpec, chunk: int | None = None):
        self._map = shard_over_replicas(lambda x, y: saliency_map(network, spec, x, y, chunk))
        self._label = shard_over_replicas(lambda x: tf.argmax(network(x, training=False), axis=1))

    def maps(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The maps [B,H,W] of images x [B,H,W,C] for the classes y [B]."""
        return self._map(tf.convert_to_tensor(x, tf.float32), tf.convert_to_tensor(y)).numpy()

    def labels(self, x: np.ndarray) -> np.ndarray:
        """The predicted classes [B] of images x [B,H,W,C]."""
        return self._label(tf.convert_to_tensor(x, tf.float32)).numpy()


# An attack, its control and its longer run share one.
judge_of = functools.lru_cache(maxsize=8)(Judge)


class BestIterate:
    """Keeps, per example and criterion, the label-keeping iterate whose map is least like the original one.

    Attributes:
        found: criterion -> the `unlikeness` [B] of the iterate that is kept (of the criterion target, its `nearness`);
          0 where none counted.
        latest: the same [R] of the iterates that were offered last; minus infinity where they lost the label.
        history: `found` after each iterate that was offered.
        x_adv, map_adv: criterion -> the iterates [B,H,W,C] that are kept, and their maps [B,H,W].
        moved, kept_label, counted: [B] bool; see `AttackedMaps`.

    Args:
        judge: of the network.
        x, y: images [B,H,W,C] and the labels [B] that are attributed and to be kept.
        criteria: kendall, spearman, intersection, center or target; for each of them an iterate is kept.
        comparison: gives k and ties of the criteria.
        k: of the criterion intersection; None: that of the comparison.
        target: the maps [B,H,W] that the criterion target compares with; None where it is not among the criteria.
        original_map: the network's maps [B,H,W] of x; None: they are computed.
    """

    def __init__(
        self,
        judge: Judge,
        x: np.ndarray,
        y: np.ndarray,
        criteria: Iterable[str],
        comparison: Comparison,
        *,
        k: int | None = None,
        target: np.ndarray | None = None,
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

    def offer(
        self, x_adv: np.ndarray | tf.Tensor, images: np.ndarray | None = None, maps: np.ndarray | None = None
    ) -> None:
        """Measures one iterate of each example and keeps it where it is the best so far.

        Args:
            x_adv: the iterates [R,H,W,C].
            images: [R], which examples they are of; None: all.
            maps: the network's maps [R,H,W] of them; None: they are computed.
        """
        x_adv, images = np.asarray(x_adv), np.arange(len(self.x)) if images is None else images
        differs = np.any(x_adv != self.x[images], axis=(1, 2, 3))
        kept = self.judge.labels(x_adv) == self.y[images]
        self.moved[images] |= differs
        self.kept_label[images] |= kept
        self.counted[images] |= differs & kept
        self.latest = {criterion: np.where(kept, 0.0, -np.inf) for criterion in self.criteria}
        counted = np.flatnonzero(differs & kept)
        if len(counted):
            maps = self.judge.maps(x_adv, self.y[images]) if maps is None else np.asarray(maps)
            maps, rows = maps[counted], images[counted]
            for criterion in self.criteria:
                value = self._progress(criterion, rows, self.original_map[rows], maps)
                self.latest[criterion][counted] = value
                self._keep(criterion, rows, value, x_adv[counted], maps)
        self.history.append({criterion: found.copy() for criterion, found in self.found.items()})

    def no_more(self, iterates: int) -> None:
        """Notes that so many `iterates` need not be offered, as they would change nothing."""
        self.history += self.history[-1:] * iterates

    def merge(self, other: BestIterate, rows: np.ndarray) -> None:
        """Takes over what `other` found on a part of the images, whose indices are `rows`, where it is better."""
        for name in ("moved", "kept_label", "counted"):
            getattr(self, name)[rows] |= getattr(other, name)
        for criterion in self.criteria:
            kept = other.found[criterion], other.x_adv[criterion], other.map_adv[criterion]
            self._keep(criterion, rows, *kept)

    def _keep(self, criterion, rows, value, x_adv, maps):
        """Keeps, of the images with these indices, the iterates whose value exceeds what was found before."""
        better = value > self.found[criterion][rows]
        rows = rows[better]
        self.found[criterion][rows] = value[better]
        self.x_adv[criterion][rows], self.map_adv[criterion][rows] = x_adv[better], maps[better]

    def _progress(self, criterion, rows, a, b):
        if criterion == "target":
            return nearness(a, b, np.asarray(self._target)[rows])
        return unlikeness(criterion, a, b, self._k, self._ties)

    def found_maps(
        self,
        criterion: str | None = None,
        had_gradient: np.ndarray | None = None,
        goal_rose: np.ndarray | None = None,
    ) -> AttackedMaps:
        """The iterates that are kept for a criterion, with their maps.

        Args:
            criterion: one of `criteria`; None: the first.
            had_gradient: [B] bool, whether a step had a gradient to follow; None: True for all.
            goal_rose: [B] bool, whether the goal of an iterate exceeded that of the first; None: True for all.
        """
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

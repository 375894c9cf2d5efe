"""Goals that resemble the measures of rankings: soft counts of the pairs of pixels that change their order.

    goal(a) = - sum over pairs (i, j) of w_ij tanh(scale (a_i - a_j) / s),   s = standard deviation of a

a is the map at the attacked image.  w_ij says how much the order of the pair counts in the map at the image itself; the
w_ij of a map add up to 1 in absolute values.  So the goal is -1 where every pair keeps its order by far, and 1 where
every pair is turned round.  As the scale grows, tanh tends to the sign, and the goal to minus the measure.

Pairs are drawn, because an image of n pixels has n (n - 1) / 2 of them; where these are no more than `pairs`, all are
taken.  The goal over drawn pairs is an unbiased estimate of that over all.  Each image draws by its own seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import tensorflow as tf
from scipy import stats

from tfrobust.attacks.goals import Goal, check_boundary
from tfrobust.checks import check_positive, check_whole
from tfrobust.similarity.ranking import top_k_mask
from tfrobust.similarity.soft_ranks import soft_order

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class PairGoal(Goal):
    """Soft count of the pairs of pixels that change their order; the base class of the goals here.

    Attributes:
        pairs: number of pairs drawn for each image.
        scale: steepness of the step from one order to the other, per standard deviation of the map.
    """

    pairs: int = 8192
    scale: float = 5.0

    needs_seeds: ClassVar[bool] = True

    def __post_init__(self):
        check_whole("pairs", self.pairs, 1)
        check_positive("scale", self.scale)

    def reference(
        self,
        original: np.ndarray,
        target: np.ndarray | None,
        surrogate_map: Callable[[], tf.Tensor],
        seeds: tf.Tensor | None = None,
    ) -> tf.Tensor:
        maps = np.asarray(target if self.targeted else original).reshape(len(original), -1).astype(np.float64)
        drawn = [self._weighted(a, np.random.default_rng(np.asarray(seed))) for a, seed in zip(maps, np.asarray(seeds))]
        return tf.constant(np.stack(drawn), tf.float32)

    def value(
        self, a: tf.Tensor, reference: tf.Tensor, x_adv: tf.Tensor, x: tf.Tensor, network: keras.Model
    ) -> tf.Tensor:
        a = tf.reshape(a, [tf.shape(a)[0], -1])
        first, second, weights = tf.unstack(reference, axis=2)
        order = soft_order(_at(a, first) - _at(a, second), a, self.scale)
        kept = tf.reduce_sum(weights * order, axis=1)
        return kept if self.targeted else -kept

    def _weighted(self, a: np.ndarray, rng) -> np.ndarray:
        """[M,3]: pixel, other pixel and weight of each pair of one map a [N]; weights are zero where it has no pair."""
        first, second = self._pairs(a, rng)
        weights = self._weights(a, first, second)
        missing = (0, self._number(len(a)) - len(first))
        return np.stack([np.pad(column, missing) for column in (first, second, weights)], axis=1)

    def _number(self, pixels: int) -> int:
        return min(self.pairs, pixels * (pixels - 1) // 2)

    def _pairs(self, a, rng) -> tuple[np.ndarray, np.ndarray]:
        """The pairs of pixels that differ in the map a [N], or so many of them, drawn with replacement."""
        return _untied_pairs(a, self.pairs, rng)

    def _weights(self, a, first, second) -> np.ndarray:
        """The weight of each pair."""
        raise NotImplementedError


@dataclass(frozen=True)
class SoftKendall(PairGoal):
    """- soft Kendall coefficient: every pair that differs in the original map counts the same."""

    name: ClassVar[str] = "soft Kendall"
    tag: ClassVar[int] = 11

    def _weights(self, a, first, second):
        return np.sign(a[first] - a[second]) / max(len(first), 1)


@dataclass(frozen=True)
class SoftSpearman(PairGoal):
    """- soft Spearman coefficient: a pair counts as much as the ranks R of its pixels in the original map differ.

    Spearman's correlation is the sum over pairs of (R_i - R_j) sign(a_i - a_j), divided by that of |R_i - R_j|.
    """

    name: ClassVar[str] = "soft Spearman"
    tag: ClassVar[int] = 12

    def _weights(self, a, first, second):
        ranks = stats.rankdata(a)
        return (ranks[first] - ranks[second]) / max(_mean_rank_difference(ranks) * len(first), 1)


@dataclass(frozen=True)
class TowardsOrder(SoftKendall):
    """Soft Kendall coefficient of the map and a target map."""

    name: ClassVar[str] = "towards an order"
    tag: ClassVar[int] = 13
    targeted: ClassVar[bool] = True


@dataclass(frozen=True)
class TopKPairs(PairGoal):
    """- mean over pairs of one of the k largest pixels of the original map and one of the others, whose order is to
    be turned round (the ranking margin of R2ET: Chen et al., 2024).

    Attributes:
        k: size of the set, in pixels.
    """

    k: int = 100

    name: ClassVar[str] = "top-k pairs"
    tag: ClassVar[int] = 14

    def __post_init__(self):
        super().__post_init__()
        check_whole("k of the attack", self.k, 1)

    def check(self, shape: Sequence[int]) -> None:
        check_boundary(self.k, shape)

    def _number(self, pixels):
        return min(self.pairs, self.k * (pixels - self.k))

    def _pairs(self, a, rng):
        mask = top_k_mask(a[None], self.k)[0]
        top, others = np.flatnonzero(mask), np.flatnonzero(~mask)
        if len(top) * len(others) <= self.pairs:
            return np.repeat(top, len(others)), np.tile(others, len(top))
        return rng.choice(top, self.pairs), rng.choice(others, self.pairs)

    def _weights(self, a, first, second):
        return np.full(len(first), 1 / max(len(first), 1))


def _at(a: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """The entries [B,M] of a [B,N] at the places [B,M], which are whole numbers."""
    return tf.gather(a, tf.cast(places, tf.int32), batch_dims=1)


def _untied_pairs(a: np.ndarray, most: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of places of a [N] that hold different values, or `most` of them, drawn uniformly with replacement."""
    n = len(a)
    if n * (n - 1) // 2 <= most:
        first, second = np.triu_indices(n, 1)
        differ = a[first] != a[second]
        return first[differ], second[differ]
    first = second = np.zeros(0, int)
    while len(first) < most and np.ptp(a):
        more = rng.integers(n, size=(2, 2 * most))
        more = more[:, a[more[0]] != a[more[1]]]
        first, second = np.append(first, more[0])[:most], np.append(second, more[1])[:most]
    return first, second


def _mean_rank_difference(ranks: np.ndarray) -> float:
    """Mean of |R_i - R_j| over the pairs that differ; 0 where none does."""
    n, sorted_ranks = len(ranks), np.sort(ranks)
    total = np.sum((2 * np.arange(n) - n + 1) * sorted_ranks)
    _, counts = np.unique(ranks, return_counts=True)
    pairs = n * (n - 1) // 2 - np.sum(counts * (counts - 1) // 2)
    return total / pairs if pairs else 0.0

"""Goals of attacks on maps: functions of the map a(x') at the attacked image x', which IFIA raises.

a(x') is the map of a softplus surrogate (a ReLU network's own map has no useful second derivative), normalised, so that
shrinking all attributions gains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import tensorflow as tf

from tfrobust.checks import check_number, check_positive, check_whole
from tfrobust.errors import InputError
from tfrobust.similarity.differentiable import cosine
from tfrobust.similarity.ranking import top_k_mask

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Goal:
    """A function of a map that an attack raises; the base class of the goals.

    Attributes:
        name: what an attack with this goal is called in tables.
        tag: of an attack with this goal; see `attack.Attack`.
        targeted: it drives the map towards one that is given.
        has_gradient: its gradient is followed; without one, each step goes along random signs.
        needs_normalised: it is defined for maps of mean 1 only.
        needs_seeds: `reference` makes random draws.
    """

    name: ClassVar[str]
    tag: ClassVar[int]
    targeted: ClassVar[bool] = False
    has_gradient: ClassVar[bool] = True
    needs_normalised: ClassVar[bool] = False
    needs_seeds: ClassVar[bool] = False

    def check(self, shape: Sequence[int]) -> None:
        """Raises InputError where it does not fit images of shape (H, W, C)."""

    def reference(
        self,
        original: np.ndarray,
        target: np.ndarray | None,
        surrogate_map: Callable[[], tf.Tensor],
        seeds: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """What `value` compares with, made once for each run: here the target map, or the original where there is none.

        Args:
            original: the network's maps [B,H,W] of the images.
            target: the maps [B,H,W] that a targeted goal drives to; None for other goals.
            surrogate_map: () -> the surrogate's maps [B,H,W] of the images.
            seeds: [B,2], for goals that make random draws.

        Returns:
            [B,...], in a form that the goal itself understands.
        """
        return tf.convert_to_tensor(target if self.targeted else original, tf.float32)

    def value(
        self, a: tf.Tensor, reference: tf.Tensor, x_adv: tf.Tensor, x: tf.Tensor, network: keras.Model
    ) -> tf.Tensor:
        """The value [B] that the attack raises; differentiable by a and by x_adv.

        Args:
            a: maps [B,H,W] of the attacked images.
            reference: what `reference` gave.
            x_adv: attacked images [B,H,W,C].
            x: the original images [B,H,W,C].
            network: logits out.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class TopK(Goal):
    """- sum of a(x') over the k largest positions of the network's map at x (Ghorbani et al., 2019).

    Attributes:
        k: size of the set, in pixels.
    """

    k: int

    name: ClassVar[str] = "IFIA top-k"
    tag: ClassVar[int] = 2

    def __post_init__(self):
        check_whole("k of the attack", self.k, 1)

    def check(self, shape: Sequence[int]) -> None:
        check_top_set(self.k, shape)

    def reference(
        self,
        original: np.ndarray,
        target: np.ndarray | None,
        surrogate_map: Callable[[], tf.Tensor],
        seeds: tf.Tensor | None = None,
    ) -> tf.Tensor:
        return _mask(original, self.k)

    def value(
        self, a: tf.Tensor, reference: tf.Tensor, x_adv: tf.Tensor, x: tf.Tensor, network: keras.Model
    ) -> tf.Tensor:
        return -tf.reduce_sum(a * reference, axis=[1, 2])


@dataclass(frozen=True)
class Target(TopK):
    """Sum of a(x') over the k largest positions of a target map; k is the size of that set, in pixels."""

    name: ClassVar[str] = "IFIA target"
    tag: ClassVar[int] = 8
    targeted: ClassVar[bool] = True

    def reference(
        self,
        original: np.ndarray,
        target: np.ndarray | None,
        surrogate_map: Callable[[], tf.Tensor],
        seeds: tf.Tensor | None = None,
    ) -> tf.Tensor:
        return _mask(target, self.k)

    def value(
        self, a: tf.Tensor, reference: tf.Tensor, x_adv: tf.Tensor, x: tf.Tensor, network: keras.Model
    ) -> tf.Tensor:
        return tf.reduce_sum(a * reference, axis=[1, 2])


@dataclass(frozen=True)
class TopKMargin(TopK):
    """- soft top-k intersection: over the k largest positions of the network's map at x, the mean of
    sigmoid(scale (a_i - t) / s), t the boundary between the k-th and the next value of a(x'), s its standard deviation.

    As the scale grows it tends to minus the intersection.

    Attributes:
        k: size of the set, in pixels.
        scale: steepness of the boundary, per standard deviation of the map.
    """

    scale: float = 5.0

    name: ClassVar[str] = "top-k margin"
    tag: ClassVar[int] = 15

    def __post_init__(self):
        super().__post_init__()
        check_positive("scale", self.scale)

    def check(self, shape: Sequence[int]) -> None:
        check_boundary(self.k, shape)

    def value(
        self, a: tf.Tensor, reference: tf.Tensor, x_adv: tf.Tensor, x: tf.Tensor, network: keras.Model
    ) -> tf.Tensor:
        flat = tf.reshape(a, [tf.shape(a)[0], -1])
        boundary = tf.reduce_mean(tf.math.top_k(flat, self.k + 1).values[:, -2:], axis=1)[:, None, None]
        spread = tf.stop_gradient(tf.math.reduce_std(a, axis=[1, 2], keepdims=True))
        inside = tf.sigmoid(self.scale * tf.math.divide_no_nan(a - boundary, spread))
        return -tf.reduce_sum(inside * reference, axis=[1, 2]) / self.k


@dataclass(frozen=True)
class Cosine(Goal):
    """- cosine of a(x') and the map at x.  Its gradient is zero at x: start at a random point."""

    name: ClassVar[str] = "cosine"
    tag: ClassVar[int] = 44

    def value(
        self, a: tf.Tensor, reference: tf.Tensor, x_adv: tf.Tensor, x: tf.Tensor, network: keras.Model
    ) -> tf.Tensor:
        return -cosine(a, reference)


@dataclass(frozen=True)
class MassCenter(Goal):
    """Squared distance of the center of mass of a(x') from that at x (Ghorbani et al., 2019).

    The center at x is cut to whole pixels, because the squared distance has no gradient where it is zero, which is
    where the attack starts (so does the released RAR code).
    """

    name: ClassVar[str] = "IFIA mass center"
    tag: ClassVar[int] = 3
    needs_normalised: ClassVar[bool] = True

    def reference(
        self,
        original: np.ndarray,
        target: np.ndarray | None,
        surrogate_map: Callable[[], tf.Tensor],
        seeds: tf.Tensor | None = None,
    ) -> tf.Tensor:
        return tf.floor(center_of_mass(surrogate_map()))

    def value(
        self, a: tf.Tensor, reference: tf.Tensor, x_adv: tf.Tensor, x: tf.Tensor, network: keras.Model
    ) -> tf.Tensor:
        return tf.reduce_sum((center_of_mass(a) - reference) ** 2, axis=1)


@dataclass(frozen=True)
class RandomSigns(Goal):
    """No goal: each step goes along random signs (the baseline of Ghorbani et al., 2019)."""

    name: ClassVar[str] = "IFIA random"
    tag: ClassVar[int] = 9
    has_gradient: ClassVar[bool] = False


@dataclass(frozen=True)
class Manipulation(Goal):
    """- |a(x') - target|^2 - output_weight |f(x') - f(x)|^2, both as means (Dombrowski et al., 2019, Eq. 2).

    Attributes:
        output_weight: weight of the change of the logits f, 0 or more.
    """

    output_weight: float = 1.0

    name: ClassVar[str] = "manipulation"
    tag: ClassVar[int] = 10
    targeted: ClassVar[bool] = True

    def __post_init__(self):
        check_number("output_weight", self.output_weight)

    def value(
        self, a: tf.Tensor, reference: tf.Tensor, x_adv: tf.Tensor, x: tf.Tensor, network: keras.Model
    ) -> tf.Tensor:
        change = network(x_adv, training=False) - network(x, training=False)
        distance = tf.reduce_mean((a - reference) ** 2, axis=[1, 2])
        return -distance - self.output_weight * tf.reduce_mean(change**2, axis=1)


def check_top_set(k: int, shape: Sequence[int]) -> None:
    """Raises InputError where images of shape (H, W, C) have fewer than k pixels."""
    if k > shape[0] * shape[1]:
        raise InputError(f"k = {k} of the attack does not fit the {shape[0] * shape[1]} pixels of an image")


def check_boundary(k: int, shape: Sequence[int]) -> None:
    """Raises InputError unless images of shape (H, W, C) have more than k pixels."""
    check_top_set(k, shape)
    if k == shape[0] * shape[1]:
        raise InputError(f"k = {k} of the attack is every pixel of an image: such a set has no boundary")


def center_of_mass(a: tf.Tensor) -> tf.Tensor:
    """The centre of mass (row, column), [B,2] in pixels, of maps a [B,H,W] normalised to mean 1; differentiable."""
    rows = tf.range(a.shape[1], dtype=a.dtype)
    columns = tf.range(a.shape[2], dtype=a.dtype)
    by_row, by_column = tf.reduce_sum(a, axis=2), tf.reduce_sum(a, axis=1)
    center = tf.stack([tf.linalg.matvec(by_row, rows), tf.linalg.matvec(by_column, columns)], axis=1)
    return center / tf.cast(tf.size(a[0]), a.dtype)


def _mask(a, k):
    """[B,H,W] float: 1 at the k largest entries of each map, 0 at the others."""
    return tf.constant(top_k_mask(a, k).reshape(np.shape(a)), tf.float32)

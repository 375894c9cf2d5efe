"""The spatial attack (Engstrom et al., 2019): the worst of a grid of rotations and shifts, which no eps bounds."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfrobust.attacks.prediction import Attacked, PredictionAttack
from tfrobust.checks import check_number
from tfrobust.image_ops import rotate_and_shift

ROTATIONS, SHIFTS = 31, 5  # Points of the grid along each axis, as in the paper: 31 * 5 * 5 images of each.


def grid(degrees: float, pixels: float) -> np.ndarray:
    """The grid of rotations up to `degrees` and shifts up to `pixels`, either way.

    Returns:
        [G,3] float32: degrees, pixels down and pixels right of each point.  The identity is among them; an axis of
        length 0 has one point.
    """
    turns = np.linspace(-degrees, degrees, ROTATIONS if degrees else 1)
    shifts = np.linspace(-pixels, pixels, SHIFTS if pixels else 1)
    return np.array(list(itertools.product(turns, shifts, shifts)), np.float32)


def spatial(goal: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, degrees: float, pixels: float) -> tf.Tensor:
    """Rotates and shifts images over a grid and keeps of each the one with the largest goal.

    Args:
        goal: images [B,H,W,C] -> [B].
        x: images [B,H,W,C] in [0, 1].
        degrees: largest rotation, either way.
        pixels: largest shift along each axis, in pixels.

    Returns:
        Images [B,H,W,C] in [0, 1]; x itself where no other goal exceeds its own.
    """
    points = tf.constant(grid(degrees, pixels))
    size = points.shape[0]

    def step(i, best, best_value):
        turn, down, right = tf.unstack(tf.tile(points[i][tf.newaxis], [tf.shape(x)[0], 1]), axis=1)
        moved = tf.clip_by_value(rotate_and_shift(x, turn, down, right), 0.0, 1.0)
        value = goal(moved)
        better = value > best_value
        return i + 1, tf.where(tf.reshape(better, [-1, 1, 1, 1]), moved, best), tf.maximum(value, best_value)

    return tf.while_loop(lambda i, *_: i < size, step, (0, x, goal(x)), parallel_iterations=1)[1]


@dataclass(frozen=True)
class Spatial(PredictionAttack):
    """The spatial attack on a loss.  No ball bounds it: eps is 0.

    Attributes:
        degrees, pixels: largest rotation and largest shift along each axis.
    """

    degrees: float = 30.0
    pixels: float = 3.0

    name: ClassVar[str] = "spatial"
    eps: ClassVar[float] = 0.0

    def __post_init__(self):
        super().__post_init__()
        check_number("degrees of a spatial attack", self.degrees)
        check_number("pixels of a spatial attack", self.pixels)

    def describe(self) -> str:
        """The attack in words."""
        return f"{self.name} (up to {self.degrees:g} degrees and {self.pixels:g} pixels)"

    def worst(self, attacked: Attacked, x: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
        return spatial(attacked.goal, x, self.degrees, self.pixels)

"""Random changes of training images that keep their class; every draw is a function of a seed and a number.

    projective        turned by up to 15 degrees, moved by up to 2.5 pixels, corners pulled by up to 0.24 of the side
                      (RAR's GTSRB and Flower-17: ambiguous in the paper, the values of its released code)
    crop_flip         moved by up to 4 whole pixels, mirrored (SAT's CIFAR)
    crop_flip_jitter  the same, turned by up to 2 degrees, colours changed by up to a quarter (ART's CIFAR-10)

What leaves the image is lost, what comes in is black.  All of it is one projective map, so pixels are interpolated once
and saliency maps go the way of their images.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfrobust.checks import check_choice
from tfrobust.image_ops import color_jitter, projective_transform
from tfrobust.names import AUGMENTATIONS

DRAWS = 16  # Uniform numbers that one image takes; 0.5 in every place changes nothing.


@dataclass(frozen=True)
class Augmentation:
    """What is changed at random in an image.

    Attributes:
        rotation: by up to so many degrees.
        shift: by up to so many pixels.
        whole_pixels: whether the shift is one of whole pixels.
        warp: pull of the corners as a part of the side, times a strength drawn for each image.
        flip: whether half of the images are mirrored.
        jitter: of brightness, contrast and saturation.
    """

    rotation: float = 0.0
    shift: float = 0.0
    whole_pixels: bool = False
    warp: float = 0.0
    flip: bool = False
    jitter: float = 0.0

    def __call__(self, x: tf.Tensor, s: tf.Tensor | None, draws: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Changes images, and their maps in the same way.

        Args:
            x: images [B,H,W,C] in [0, 1].
            s: maps [B,M,H,W,C], or None.
            draws: [B,16], each in [0, 1); 0.5 in every place changes nothing.

        Returns:
            (x, s), s None where it was.
        """
        transforms = self.transforms(x.shape[1], x.shape[2], draws)
        moved = projective_transform(x, transforms)
        if self.jitter:
            moved = color_jitter(moved, 1 + self.jitter * _signed(draws[:, 13:16]))
        if s is not None:
            stacked = tf.concat(tf.unstack(s, axis=1), axis=-1)
            stacked = projective_transform(stacked, transforms)
            s = tf.stack(tf.split(stacked, s.shape[1], axis=-1), axis=1)
        return moved, s

    def transforms(self, height: int, width: int, draws: tf.Tensor) -> tf.Tensor:
        """The projective maps of the draws, as `image_ops.projective_transform` takes them.

        Args:
            height: of the images, in pixels.
            width: of the images, in pixels.
            draws: [B,16], each in [0, 1).

        Returns:
            [B,8]: from where the pixels of the new image come.
        """
        zero, one = tf.zeros_like(draws[:, 0]), tf.ones_like(draws[:, 0])
        middle_u, middle_v = (width - 1) / 2, (height - 1) / 2
        angle = _signed(draws[:, 0]) * (self.rotation * np.pi / 180)
        cos, sin = tf.cos(angle), tf.sin(angle)
        move = self.shift * _signed(draws[:, 1:3])
        if self.whole_pixels:
            move = tf.floor((2 * self.shift + 1) * draws[:, 1:3]) - self.shift
        mirror = tf.where(draws[:, 3] < 0.5, -one, one) if self.flip else one
        to_middle = _matrix([one, zero, -middle_u - move[:, 0], zero, one, -middle_v - move[:, 1], zero, zero, one])
        turn = _matrix([mirror * cos, -mirror * sin, zero, sin, cos, zero, zero, zero, one])
        back = _matrix([one, zero, one * middle_u, zero, one, one * middle_v, zero, zero, one])
        total = back @ turn @ to_middle
        if self.warp:
            total = self._warp(height, width, draws) @ total
        flat = tf.reshape(total, [-1, 9])
        return flat[:, :8] / flat[:, 8:]

    def _warp(self, height, width, draws):
        """The projective map [B,3,3] that takes the corners of the image to where they were pulled from."""
        side = tf.constant([width, height], tf.float32)
        corners = tf.constant([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], tf.float32)
        pull = self.warp * draws[:, 4, tf.newaxis, tf.newaxis] * _signed(tf.reshape(draws[:, 5:13], [-1, 4, 2]))
        u, v = tf.unstack(tf.broadcast_to(corners, tf.shape(pull)), axis=2)
        a, b = tf.unstack(corners + pull * side, axis=2)
        zero, one = tf.zeros_like(u), tf.ones_like(u)
        # a = (t0 u + t1 v + t2) / (t6 u + t7 v + 1), and b alike, are linear in t.
        first = tf.stack([u, v, one, zero, zero, zero, -a * u, -a * v], axis=2)
        second = tf.stack([zero, zero, zero, u, v, one, -b * u, -b * v], axis=2)
        equations, values = tf.concat([first, second], 1), tf.concat([a, b], 1)[..., tf.newaxis]
        t = tf.linalg.solve(equations, values)[..., 0]
        return tf.reshape(tf.concat([t, tf.ones_like(t[:, :1])], axis=1), [-1, 3, 3])


def _signed(draws):
    return 2 * draws - 1


def _matrix(entries):
    return tf.reshape(tf.stack(entries, axis=1), [-1, 3, 3])


PROJECTIVE = Augmentation(rotation=15.0, shift=2.5, warp=0.24)
CROP_FLIP = Augmentation(shift=4.0, whole_pixels=True, flip=True)
CROP_FLIP_JITTER = Augmentation(shift=4.0, whole_pixels=True, flip=True, rotation=2.0, jitter=0.25)


def filled_up(y: np.ndarray, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """Fills every class up with copies of its images, taken in turn; a class that has more keeps them all.

    Args:
        y: labels [N].
        per_class: how many images a class has at least.

    Returns:
        (rows [n], is_copy [n]): the index of each image, and whether it is a copy.
    """
    rows, copies = [], []
    for label in np.unique(y):
        own = np.flatnonzero(y == label)
        n = max(per_class, len(own))
        rows.append(own[np.arange(n) % len(own)])
        copies.append(np.arange(n) >= len(own))
    return np.concatenate(rows), np.concatenate(copies)


def make_augmentation(name: str) -> Augmentation:
    """The augmentation called `name`; raises InputError where AUGMENTATIONS has none of that name."""
    check_choice("augmentation", name, AUGMENTATIONS)
    return AUGMENTATIONS[name]

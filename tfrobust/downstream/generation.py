"""Images made by a classifier: from a seed of a class, its score is raised by PGD (Santurkar et al., 2019; ART Fig. 4).

A robust network's gradients look like its classes, and so do the images; a plain network's look like noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attacks.pgd import pgd
from tfrobust.balls import make_ball
from tfrobust.data import to_unit
from tfrobust.losses import cross_entropy
from tfrobust.types import InputError

if TYPE_CHECKING:
    import keras


def class_seeds(x: np.ndarray, label: int, n: int, seed: int = 0) -> np.ndarray:
    """Images to start from: draws from the normal distribution with the mean and covariance of the images of a class.

    A draw is mean + X^T z / sqrt(m - 1), X the m centered images and z normal in m dimensions: its covariance is that
    of the images, and no matrix of pixels times pixels is made.

    Args:
        x: the images of the class, [m,H,W,C], m 2 or more.
        label: the class.
        n: how many are drawn.
        seed: of the draws, together with the class.

    Returns:
        [n,H,W,C] float32 in [0, 1].

    Raises:
        InputError: where the class has fewer than two images.
    """
    own = to_unit(x)
    if len(own) < 2:
        raise InputError(f"class {label} has {len(own)} images, and a distribution needs two at least")
    mean = own.mean(axis=0)
    z = np.random.RandomState([seed, label]).randn(n, len(own)).astype(np.float32)
    drawn = mean + np.tensordot(z, own - mean, axes=1) / np.sqrt(len(own) - 1)
    return np.clip(drawn, 0, 1).astype(np.float32)


def generate(
    network: keras.Model, seeds: np.ndarray, y: np.ndarray, *, eps: float, steps: int, step_size: float
) -> np.ndarray:
    """Images that a network takes for a class: from their seeds, PGD lowers the cross-entropy of that class.

    Args:
        network: logits out.
        seeds: [N,H,W,C] in [0, 1].
        y: [N], the class of each image.
        eps: how far an image may go from its seed (l2).
        steps: of PGD.
        step_size: of each step (l2).

    Returns:
        [N,H,W,C] in [0, 1].
    """
    y = tf.constant(y, tf.int32)
    ball = make_ball("l2", eps)
    climb = tf.function(
        lambda x: pgd(
            lambda at: -cross_entropy(y, network(at, training=False)),
            x,
            ball,
            steps,
            step_size,
            seed=tf.constant([0, 0]),
            random_start=False,
        ),
        autograph=False,
    )
    return climb(tf.constant(seeds)).numpy()

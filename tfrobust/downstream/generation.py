"""Images made by a classifier: from a seed of a class, its score is raised by PGD (Santurkar et al., 2019; ART Fig. 4).

A robust network's gradients look like its classes, and so do the images; a plain network's look like noise.
"""

import numpy as np
import tensorflow as tf

from tfrobust.attacks.pgd import pgd
from tfrobust.balls import make_ball
from tfrobust.data import to_unit
from tfrobust.losses import cross_entropy
from tfrobust.types import InputError


def class_seeds(x: np.ndarray, label: int, n: int, seed: int = 0) -> np.ndarray:
    """[n,H,W,C] float32 in [0, 1]: draws from the normal distribution with the mean and covariance of x [m,H,W,C], the
    images of the class `label`.

    A draw is mean + X^T z / sqrt(m - 1), X the m centered images and z normal in m dimensions: its covariance is that
    of the images, and no matrix of pixels times pixels is made.
    """
    own = to_unit(x)
    if len(own) < 2:
        raise InputError(f"class {label} has {len(own)} images, and a distribution needs two at least")
    mean = own.mean(axis=0)
    z = np.random.RandomState([seed, label]).randn(n, len(own)).astype(np.float32)
    drawn = mean + np.tensordot(z, own - mean, axes=1) / np.sqrt(len(own) - 1)
    return np.clip(drawn, 0, 1).astype(np.float32)


def generate(network, seeds: np.ndarray, y: np.ndarray, eps: float, steps: int, step_size: float) -> np.ndarray:
    """Images [N,H,W,C] in [0, 1], at most eps (l2) from their seeds, with the cross-entropy of class y [N] lowered by
    `steps` steps of PGD."""
    y = tf.constant(y, tf.int32)
    ball = make_ball("l2", eps)
    climb = tf.function(
        lambda x: pgd(
            lambda at: -cross_entropy(y, network(at, training=False)),
            x,
            ball,
            steps,
            step_size,
            tf.constant([0, 0]),
            random_start=False,
        ),
        autograph=False,
    )
    return climb(tf.constant(seeds)).numpy()

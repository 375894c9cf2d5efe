"""The plain gradient, also called saliency (Simonyan et al., 2013), its mean over points, and gradient times input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.scores import make_score
from tfrobust.types import Score

if TYPE_CHECKING:
    import keras


def gradient(score: Score, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The gradient of a score by the image, d score(x, y) / dx.

    Args:
        score: (images, classes) -> [B], each entry a function of its own image alone.
        x: images [B,H,W,C].
        y: classes [B].

    Returns:
        [B,H,W,C].  It is differentiable again; for a ReLU network and a logit its derivative by x is exactly zero (see
        `networks.surrogates`).  Zeros where nothing between x and the score has a derivative (rounded pixels).
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = score(x, y)
    return tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def gradients(score: Score, views: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The gradient at several views of every image, computed as one batch.

    Args:
        score: (images, classes) -> one number per image.
        views: S versions of each of B images, [S,B,H,W,C].
        y: classes [B].

    Returns:
        [S,B,H,W,C].
    """
    flat = tf.reshape(views, tf.concat([[-1], tf.shape(views)[2:]], axis=0))
    flat = tf.ensure_shape(flat, [None, *views.shape[2:]])
    return tf.reshape(gradient(score, flat, tf.tile(y, [tf.shape(views)[0]])), tf.shape(views))


def mean_gradient(
    score: Score,
    views: Callable[[slice], tf.Tensor],
    samples: int,
    y: tf.Tensor,
    *,
    factor: Callable[[slice], tf.Tensor] | None = None,
    chunk: int | None = None,
) -> tf.Tensor:
    """The mean gradient over several views of every image, each multiplied by a factor of its own.

    Args:
        score: (images, classes) -> one number per image.
        views: slice of 0..samples -> those views [S,B,H,W,C] of every image.
        samples: number of views.
        y: classes [B].
        factor: slice of 0..samples -> what the gradients at these views are multiplied by; None: 1.
        chunk: views held at once; None: all.

    Returns:
        [B,H,W,C].
    """
    total = 0.0
    for start in range(0, samples, chunk or samples):
        part = slice(start, min(start + (chunk or samples), samples))
        g = gradients(score, views(part), y)
        total += tf.reduce_sum(g if factor is None else factor(part) * g, axis=0)
    return total / samples


def gradient_x_input(score: Score, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Gradient times input, x * d score(x, y) / dx (Shrikumar et al., 2016).

    For a linear score it is what each pixel adds to the score.

    Args:
        score: (x, y) -> [B], what is attributed.
        x: images [B,H,W,C].
        y: classes [B].

    Returns:
        [B,H,W,C].
    """
    return x * gradient(score, x, y)


@dataclass(frozen=True)
class Gradient(Attribution):
    """The gradient as a method; it has no settings."""

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return gradient(make_score(network, score), x, y)


@dataclass(frozen=True)
class GradientTimesInput(Attribution):
    """Gradient times input as a method; it has no settings."""

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return gradient_x_input(make_score(network, score), x, y)

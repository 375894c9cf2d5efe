"""The plain gradient, also called saliency (Simonyan et al., 2013), and what is made of it at one point or several."""

from dataclasses import dataclass

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.scores import make_score


def gradient(score, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """d score(x, y) / dx, [B,H,W,C].

    score: (x, y) -> [B], each entry a function of its own image alone.  The result is differentiable again; for a
    ReLU network and a logit its derivative by x is exactly zero (see `networks.surrogates`).  Zeros where nothing on
    the way from x to the score has a derivative (rounded pixels).
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = score(x, y)
    return tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def gradients(score, views: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The gradient at each of S views of every image, [S,B,H,W,C] -> [S,B,H,W,C]: one batch of S*B images."""
    flat = tf.reshape(views, tf.concat([[-1], tf.shape(views)[2:]], axis=0))
    flat = tf.ensure_shape(flat, [None, *views.shape[2:]])
    return tf.reshape(gradient(score, flat, tf.tile(y, [tf.shape(views)[0]])), tf.shape(views))


def mean_gradient(score, views, samples: int, y: tf.Tensor, factor=None, chunk=None) -> tf.Tensor:
    """The mean over `samples` views of the gradient times factor(part of the samples), [B,H,W,C].

    views: slice -> [S,B,H,W,C], those views of every image.  chunk: views held at once (None: all).
    """
    total = 0.0
    for start in range(0, samples, chunk or samples):
        part = slice(start, min(start + (chunk or samples), samples))
        g = gradients(score, views(part), y)
        total += tf.reduce_sum(g if factor is None else factor(part) * g, axis=0)
    return total / samples


def gradient_x_input(score, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """x * d score(x, y) / dx (Shrikumar et al., 2016): for a linear score its share of it."""
    return x * gradient(score, x, y)


@dataclass(frozen=True)
class Gradient(Attribution):
    """The gradient as a method; it has no settings."""

    def __call__(self, network, score, x, y, chunk=None):
        return gradient(make_score(network, score), x, y)


@dataclass(frozen=True)
class GradientTimesInput(Attribution):
    """Gradient times input as a method; it has no settings."""

    def __call__(self, network, score, x, y, chunk=None):
        return gradient_x_input(make_score(network, score), x, y)

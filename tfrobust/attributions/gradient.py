"""The plain gradient, also called saliency (Simonyan et al., 2013)."""

import tensorflow as tf


def gradient(score, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """d score(x, y) / dx, [B,H,W,C].

    score: (x, y) -> [B], each entry a function of its own image alone.  The result is differentiable again; for a
    ReLU network and a logit its derivative by x is exactly zero (see `networks.twin`).
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = score(x, y)
    return tape.gradient(value, x)

"""Similarities and distances of two maps that training can differentiate.

Everywhere a and b are maps [B,...] of the same shape, and the result is one number per example, [B].
"""

import tensorflow as tf

_TINY = 1e-12


def flat(a: tf.Tensor) -> tf.Tensor:
    """The maps a [B,...] as rows, [B,N]."""
    return tf.reshape(a, [tf.shape(a)[0], -1])


def cosine(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Cosine similarity, <a, b> / (|a| |b|) in [-1, 1]; where a map is zero everywhere it is 0 and has no gradient."""
    a, b = flat(a), flat(b)
    squares = tf.reduce_sum(a * a, axis=1) * tf.reduce_sum(b * b, axis=1)
    return tf.reduce_sum(a * b, axis=1) * tf.math.rsqrt(tf.maximum(squares, _TINY**2))


def pearson(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Pearson's correlation in [-1, 1]; 0 where a map is constant."""
    a, b = flat(a), flat(b)
    return cosine(a - tf.reduce_mean(a, axis=1, keepdims=True), b - tf.reduce_mean(b, axis=1, keepdims=True))


def pearson_loss(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Pearson correlation as a loss: PCL = 1 - (PCC + 1) / 2 in [0, 1] (FAR, Section 4); 0 for equal maps."""
    return 1.0 - (pearson(a, b) + 1.0) / 2.0


def cosine_distance(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Cosine distance of maps, 1 - cos(a, b) in [0, 2] (ART Eq. 5)."""
    return 1.0 - cosine(a, b)


def l1(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """|a - b|_1, the sum of the absolute differences of maps a and b."""
    return tf.reduce_sum(tf.abs(flat(a - b)), axis=1)


def l2(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """|a - b|_2, the Euclidean distance of maps a and b; where they are equal its gradient is 0."""
    square = tf.reduce_sum(flat(a - b) ** 2, axis=1)
    safe = tf.where(square > 0, square, 1.0)
    return tf.where(square > 0, tf.sqrt(safe), 0.0)

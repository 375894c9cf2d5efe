"""Losses and scores per example.

Everywhere y are labels [B], `logits` f are [B,K], and the result is [B]: nothing here reduces over the batch.
"""

import tensorflow as tf

from tfrobust.names import LOSSES as LOSSES


def cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy, -log softmax(f)_y, computed stably (unlike the released RAR code, it clips no probabilities)."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)


def logit(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """f_y, the logit of the class y."""
    return _of_class(y, logits)


def probability(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """softmax(f)_y, the probability of the class y."""
    return _of_class(y, tf.nn.softmax(logits))


def _of_class(y, values):
    """values[b, y[b]], [B].

    `tf.gather` with batch dimensions would do the same, but its gradient has six times as many operations, and tracing
    second derivatives through it took longer than through many a network.
    """
    values = tf.convert_to_tensor(values)
    rows = tf.range(tf.shape(values)[0])
    return tf.gather_nd(values, tf.stack([rows, tf.cast(y, rows.dtype)], axis=1))


def kl(logits: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Kullback-Leibler divergence of two predictions, KL(softmax(logits) || softmax(other)).

    Args:
        logits, other: logits [B,K] of the two; the result is differentiable in both.

    Returns:
        [B], 0 or more.
    """
    p = tf.nn.softmax(logits)
    return tf.reduce_sum(p * (tf.nn.log_softmax(logits) - tf.nn.log_softmax(other)), axis=1)


def runner_up(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The most likely wrong class, argmax over j != y of f_j, [B] of y's type; without a gradient."""
    return tf.argmax(_without(y, logits), axis=1, output_type=y.dtype)


def _without(y, logits):
    """The logits with that of class y replaced by the lowest number of their type."""
    logits = tf.convert_to_tensor(logits)
    is_y = tf.one_hot(y, tf.shape(logits)[1], on_value=True, off_value=False)
    return tf.where(is_y, logits.dtype.min, logits)


def margin(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Margin of the most likely wrong class, max_{j != y} f_j - f_y (Carlini & Wagner, 2017).

    It is positive exactly where the prediction is wrong.
    """
    return tf.reduce_max(_without(y, logits), axis=1) - logit(y, logits)


def negative_logit(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """-f_y; one signed step is SAT's saliency attack, x - eps sign(grad f_y) (Mangla et al., 2020, Section 3.2)."""
    return -logit(y, logits)

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
        logits: [B,K] of the first prediction; the result is differentiable in them.
        other: [B,K] of the second; in these as well.

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


_TINY = 1e-12


def dlr(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Difference-of-logits ratio, (max_{j != y} f_j - f_y) / (f_(1) - f_(3)) (Croce & Hein, 2020).

    f_(1) >= f_(2) >= ... are the sorted logits.  Neither a shift nor a scale of the logits changes it.  It is positive
    exactly where the prediction is wrong.  Two classes have no third logit: there it is the margin, undivided.
    """
    ranked = _ranked(logits, 3)
    return margin(y, logits) if ranked is None else margin(y, logits) / (ranked[:, 0] - ranked[:, 2] + _TINY)


def targeted_dlr(y: tf.Tensor, target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Difference-of-logits ratio towards a class t, (f_t - f_y) / (f_(1) - (f_(3) + f_(4)) / 2) (the same).

    Three classes have no fourth logit: f_(3) takes its place.  Two classes have no third: there it is f_t - f_y.

    Args:
        y: labels [B].
        target: classes [B], which the prediction is driven to.
        logits: [B,K].

    Returns:
        [B].
    """
    gap, ranked = logit(target, logits) - logit(y, logits), _ranked(logits, 3)
    if ranked is None:
        return gap
    fourth = _ranked(logits, 4)
    middle = ranked[:, 2] if fourth is None else (fourth[:, 2] + fourth[:, 3]) / 2
    return gap / (ranked[:, 0] - middle + _TINY)


def _ranked(logits, n):
    """The n largest logits of each image [B,n], the largest first; None where there are fewer classes."""
    return tf.math.top_k(logits, n).values if logits.shape[-1] >= n else None

"""What a network predicts, as it is and under attack."""

import functools
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tfrobust.attacks import PredictionAttack
from tfrobust.distribution import shard_over_replicas


def batches(n: int, size: int) -> Iterator[np.ndarray]:
    """The indices 0..n-1 in rows of at most `size`."""
    return (np.arange(i, min(i + size, n)) for i in range(0, n, size))


# What is traced for a network is kept for its next batch; the last few suffice.
once_traced = functools.lru_cache(maxsize=8)


@once_traced
def classifier(network):
    """x [B,H,W,C] -> the predicted class [B]."""
    return shard_over_replicas(lambda x: tf.argmax(network(x, training=False), axis=1))


def predict(network, x: np.ndarray, batch_size: int) -> np.ndarray:
    """The predicted class [N] of each image."""
    classify = classifier(network)
    return np.concatenate([classify(tf.constant(x[rows])).numpy() for rows in batches(len(x), batch_size)])


@once_traced
def attacked_classifier(network, source, attack: PredictionAttack):
    """(x, y, examples) -> the class [B] that `network` predicts at the images that the attack on `source` finds."""
    attacked = attack.on_predictions(source)

    def classify(x, y, examples):
        return tf.argmax(network(attacked(x, y, examples), training=False), axis=1)

    return shard_over_replicas(classify)


def predict_attacked(
    network,
    x,
    y,
    attack: PredictionAttack,
    batch_size: int,
    examples=None,
    tick: Callable[[], None] = lambda: None,
    source=None,
) -> np.ndarray:
    """The predicted class [N] at the worst images that an attack on predictions finds against the labels y.

    examples: numbers [N] of the images, which seed their draws.  tick: called once a batch.  source: the network that
    is attacked, where it is another one than the one that is asked (transfer).
    """
    classify = attacked_classifier(network, network if source is None else source, attack)
    examples = np.arange(len(x)) if examples is None else examples
    out = []
    for rows in batches(len(x), batch_size):
        numbers = tf.constant(examples[rows], tf.int32)
        out.append(classify(tf.constant(x[rows]), tf.constant(y[rows]), numbers).numpy())
        tick()
    return np.concatenate(out)

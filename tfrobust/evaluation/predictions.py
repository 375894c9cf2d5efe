"""Predictions of a network, with and without an attack."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attacks import PredictionAttack
from tfrobust.distribution import shard_over_replicas

if TYPE_CHECKING:
    import keras


def batches(n: int, size: int) -> Iterator[np.ndarray]:
    """The indices 0..n-1, one array of at most `size` after the other."""
    return (np.arange(i, min(i + size, n)) for i in range(0, n, size))


# Decorator: the traced function of a network is kept for its next batch; those of the last 8 networks suffice.
once_traced = functools.lru_cache(maxsize=8)


@once_traced
def classifier(network: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """The function images [B,H,W,C] -> predicted classes [B]; traced once for each network."""
    return shard_over_replicas(lambda x: tf.argmax(network(x, training=False), axis=1))


def predict(network: keras.Model, x: np.ndarray, batch_size: int) -> np.ndarray:
    """The classes that a network predicts.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        batch_size: images held at once.

    Returns:
        [N] int64.
    """
    classify = classifier(network)
    return np.concatenate([classify(tf.constant(x[rows])).numpy() for rows in batches(len(x), batch_size)])


@once_traced
def attacked_classifier(
    network: keras.Model, source: keras.Model, attack: PredictionAttack
) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """Predictions of one network at the images that an attack on another finds; traced once.

    Args:
        network: that predicts; logits out.
        source: that is attacked; logits out.
        attack: on predictions.

    Returns:
        (images [B,H,W,C], labels [B], numbers of the images [B], which seed their draws) -> classes [B].
    """
    attacked = attack.on_predictions(source)
    if not attack.in_graph:
        own = classifier(network)
        return lambda x, y, examples: own(attacked(x, y, examples))

    def classify(x: tf.Tensor, y: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
        return tf.argmax(network(attacked(x, y, examples), training=False), axis=1)

    return shard_over_replicas(classify)


def predict_attacked(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    attack: PredictionAttack,
    batch_size: int,
    *,
    examples: np.ndarray | None = None,
    tick: Callable[[], None] = lambda: None,
    source: keras.Model | None = None,
) -> np.ndarray:
    """The classes that a network predicts at the worst images that an attack finds.

    Args:
        network: that predicts; logits out.
        x: images [N,H,W,C] in [0, 1].
        y: labels [N], which the attack tries to change.
        attack: on predictions.
        batch_size: images held at once.
        examples: numbers [N] of the images, which seed their draws; None: 0, 1, ...
        tick: called once a batch.
        source: the network that is attacked, where it is another one (transfer); None: `network`.

    Returns:
        Classes [N].
    """
    classify = attacked_classifier(network, network if source is None else source, attack)
    examples = np.arange(len(x)) if examples is None else examples
    out = []
    for rows in batches(len(x), batch_size):
        numbers = tf.constant(examples[rows], tf.int32)
        out.append(classify(tf.constant(x[rows]), tf.constant(y[rows]), numbers).numpy())
        tick()
    return np.concatenate(out)

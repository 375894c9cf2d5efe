"""What a network predicts, as it is and under attack."""

from typing import Callable, Iterator

import numpy as np
import tensorflow as tf

from tfrobust.attacks import AttackSpec, pgd
from tfrobust.losses import LOSSES


def batches(n: int, size: int) -> Iterator[np.ndarray]:
    """The indices 0..n-1 in rows of at most `size`."""
    return (np.arange(i, min(i + size, n)) for i in range(0, n, size))


def predict(network, x: np.ndarray, batch_size: int) -> np.ndarray:
    """The predicted class [N] of each image."""
    images = tf.TensorSpec([None, *x.shape[1:]], tf.float32)

    @tf.function(input_signature=[images])
    def classify(x):
        return tf.argmax(network(x, training=False), axis=1)

    return np.concatenate([classify(tf.constant(x[rows])).numpy() for rows in batches(len(x), batch_size)])


def predict_attacked(
    network, x, y, attack: AttackSpec, batch_size: int, examples=None, tick: Callable[[], None] = lambda: None
) -> np.ndarray:
    """The predicted class [N] at the worst images that a `pgd` attack finds against the labels y.

    With several restarts the one with the largest loss counts.  examples: numbers [N] of the images, which seed their
    random starts.  tick: called once a batch.
    """

    signature = [tf.TensorSpec([None, *x.shape[1:]]), tf.TensorSpec([None], y.dtype), tf.TensorSpec([None], tf.int32)]

    @tf.function(input_signature=signature)
    def attacked(x, y, examples):
        def goal(z):
            return LOSSES[attack.loss](y, network(z, training=False))

        x_adv = pgd(
            goal,
            x,
            attack.ball,
            attack.steps,
            attack.step_size,
            lambda run: attack.seeds(examples, run),
            attack.random_start,
            attack.restarts,
            attack.keep,
        )
        return tf.argmax(network(x_adv, training=False), axis=1)

    examples = np.arange(len(x)) if examples is None else examples
    out = []
    for rows in batches(len(x), batch_size):
        out.append(attacked(x[rows], y[rows], examples[rows].astype(np.int32)).numpy())
        tick()
    return np.concatenate(out)

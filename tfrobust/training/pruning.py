"""Sparse networks by gradual magnitude pruning (Zhu & Gupta, 2017): the sparse teachers of SAT, 95 % zeros.

    s_t = s (1 - (1 - u)^3),    u = how far t is between BEGIN and END of the run, cut to [0, 1]

After each step the smallest weights of every kernel are set to zero, so many that their share is s_t.  Which ones
follows from the weights alone: a run that was killed and resumed prunes the same as a run that was not.
"""

import keras
import numpy as np
import tensorflow as tf

BEGIN, END = 0.2, 0.7  # Parts of the run between which the sparsity grows.


def sparsity_at(step: int, steps: int, sparsity: float) -> float:
    """The share of weights that is zero in the course of a run, s_t above.

    Args:
        step: steps done.
        steps: of the whole run.
        sparsity: the final share s, in [0, 1).

    Returns:
        A share in [0, s].
    """
    u = np.clip((step / steps - BEGIN) / (END - BEGIN), 0.0, 1.0)
    return float(sparsity * (1 - (1 - u) ** 3))


def prune(network: keras.Model, sparsity: float) -> None:
    """Sets the smallest weights of every kernel of the network to zero, in place.

    Args:
        network: whose trainable variables with at least two axes are pruned.
        sparsity: share of the weights of each of them that becomes zero, in [0, 1].
    """
    for kernel in network.trainable_variables:
        if len(kernel.shape) > 1:
            w = tf.convert_to_tensor(kernel)
            size = tf.reshape(tf.abs(w), [-1])
            n = round(sparsity * int(np.prod(kernel.shape)))
            if n:
                kernel.assign(tf.where(tf.abs(w) <= tf.sort(size)[n - 1], 0.0, w))


class Prune(keras.callbacks.Callback):
    """Keras callback that prunes the trainer's network after every step.

    Args:
        sparsity: the share of zero weights at the end of the run.
        steps: of the whole run.
    """

    def __init__(self, sparsity: float, steps: int):
        super().__init__()
        self.sparsity, self.steps = sparsity, steps

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        step = int(tf.convert_to_tensor(self.model.optimizer.iterations))
        if step >= BEGIN * self.steps:
            prune(self.model.network, sparsity_at(step, self.steps, self.sparsity))

"""Sparse networks by gradual magnitude pruning (Zhu & Gupta, 2017): the sparse teachers of SAT, 95 % zeros.

    s_t = s (1 - (1 - u)^3),    u = how far t is between BEGIN and END of the run, cut to [0, 1]

After each step the smallest weights of every kernel are set to zero, so many that their share is s_t.  Which ones
follows from the weights alone: a run that was killed and resumed prunes as the run that was not.
"""

import keras
import numpy as np
import tensorflow as tf

BEGIN, END = 0.2, 0.7  # Parts of the run between which the sparsity grows.


def sparsity_at(step: int, steps: int, sparsity: float) -> float:
    """s_t after `step` of `steps` steps."""
    u = np.clip((step / steps - BEGIN) / (END - BEGIN), 0.0, 1.0)
    return float(sparsity * (1 - (1 - u) ** 3))


def prune(network, sparsity: float) -> None:
    """Sets the smallest weights of every kernel (two axes at least) to zero, in place."""
    for kernel in network.trainable_variables:
        if len(kernel.shape) > 1:
            w = tf.convert_to_tensor(kernel)
            size = tf.reshape(tf.abs(w), [-1])
            n = round(sparsity * int(np.prod(kernel.shape)))
            if n:
                kernel.assign(tf.where(tf.abs(w) <= tf.sort(size)[n - 1], 0.0, w))


class Prune(keras.callbacks.Callback):
    """Prunes the trainer's network after every step."""

    def __init__(self, sparsity: float, steps: int):
        super().__init__()
        self.sparsity, self.steps = sparsity, steps

    def on_train_batch_end(self, batch, logs=None):
        step = int(tf.convert_to_tensor(self.model.optimizer.iterations))
        if step >= BEGIN * self.steps:
            prune(self.model.network, sparsity_at(step, self.steps, self.sparsity))

"""Detects layers whose training output depends on the rest of the batch, such as BatchNormalization."""

import numpy as np
import tensorflow as tf


def trains_image_by_image(network, x: np.ndarray) -> bool:
    """False where a layer looks at the whole batch (BatchNormalization) or draws (Dropout): then the weights depend on
    how a batch is shared out over replicas.

    x: two images or more, [B,H,W,C] in [0, 1].  Calls the network in training, which may move its statistics: hand in
    one that is not needed any more.
    """
    x = tf.convert_to_tensor(x, tf.float32)
    together = network(x, training=True).numpy()
    alone = np.concatenate([network(x[i : i + 1], training=True).numpy() for i in range(len(x))])
    return bool(np.allclose(together, alone, rtol=1e-3, atol=1e-4 * max(1.0, np.abs(together).max())))

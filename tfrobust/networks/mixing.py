"""Detects layers whose training output depends on the rest of the batch, such as BatchNormalization."""

import keras
import numpy as np
import tensorflow as tf

from tfrobust.distribution import Place, at_place
from tfrobust.networks.seeded_draws import drawing, with_seeded_draws


def trains_image_by_image(network: keras.Model, x: np.ndarray) -> bool:
    """Whether the network, in training, gives for each image what it gives for that image alone.

    False where a layer looks at the whole batch (BatchNormalization) or draws in a way of its own (see seeded_draws):
    then the weights depend on how a batch is shared out over replicas.

    Args:
        network: it is called in training, which may move its statistics: hand in one that is not needed any more.
        x: two images or more, [B,H,W,C] in [0, 1].
    """
    x, network = tf.convert_to_tensor(x, tf.float32), with_seeded_draws(network)

    def trained_on(first, own):
        with at_place(Place(first, own, len(x))), drawing(tf.constant([0, 0])):
            return network(x[first : first + own], training=True).numpy()

    together = trained_on(0, len(x))
    alone = np.concatenate([trained_on(i, 1) for i in range(len(x))])
    return bool(np.allclose(together, alone, rtol=1e-3, atol=1e-4 * max(1.0, np.abs(together).max())))

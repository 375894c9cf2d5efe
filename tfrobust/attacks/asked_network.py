"""A network as attacks on predictions ask it that loop outside of graphs: traced once, every image asked is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attacks.pixel_gradient import for_attacks
from tfrobust.distribution import shard_over_replicas

if TYPE_CHECKING:
    import keras


class AskedNetwork:
    """What a search can ask of a network, and what that has cost so far.

    Attributes:
        classes: number of its classes, K.
        queries: images that it was asked about without a gradient.
        gradients: images that it was asked about with a gradient, which also gives their logits.

    Args:
        network: logits out.
    """

    def __init__(self, network: keras.Model):
        self.network, self.classes = network, int(network.output_shape[-1])
        self.queries = self.gradients = 0
        self._logits = shard_over_replicas(lambda x: network(x, training=False))
        self._traced: dict[Callable, Callable] = {}

    def logits(self, x: tf.Tensor) -> np.ndarray:
        """The logits [B,K] of images x [B,H,W,C]."""
        self.queries += len(x)
        return self._logits(tf.convert_to_tensor(x)).numpy()

    def right(self, x: tf.Tensor, y: np.ndarray) -> np.ndarray:
        """Whether images x [B,H,W,C] are predicted as their labels y [B] say, [B] bool."""
        return np.argmax(self.logits(x), axis=1) == y

    def climb(
        self, loss: Callable[..., tf.Tensor], x: tf.Tensor, *classes: np.ndarray, draws: int = 1
    ) -> tuple[np.ndarray, tf.Tensor, np.ndarray]:
        """A loss of images and its gradient.

        Args:
            loss: (*classes, logits [B,K]) -> [B]; traced once for each such function.
            x: images [B,H,W,C].
            *classes: classes [B], such as labels, that the loss depends on.
            draws: how often a random network is asked, for the mean of its answers (Athalye et al., 2018).

        Returns:
            The loss [B], its gradient [B,H,W,C] in x, and the logits [B,K].
        """
        ask = self._traced.setdefault(loss, shard_over_replicas(lambda *args: _climb(self.network, loss, *args)))
        x, classes = tf.convert_to_tensor(x), [tf.convert_to_tensor(each) for each in classes]
        self.gradients += draws * len(x)
        answers = [ask(x, *classes) for _ in range(draws)]
        value, g, f = (tf.add_n(parts) / draws if draws > 1 else parts[0] for parts in zip(*answers))
        return value.numpy(), g, f.numpy()


def _climb(network, loss, x, *classes):
    with tf.GradientTape() as tape:
        tape.watch(x)
        f = for_attacks(network)(x)
        value = loss(*classes, f)
    g = tape.gradient(value, x)
    return value, tf.zeros_like(x) if g is None else g, f  # None: an operation such as rounding cuts the gradient off.

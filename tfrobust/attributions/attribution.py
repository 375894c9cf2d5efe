"""`Attribution`, the base class of attribution methods: frozen dataclasses of their settings that make a map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Attribution:
    """An attribution method with its settings, to be called on a network and a batch of images."""

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        """How much each pixel and channel contributes to the score of a class.

        Args:
            network: logits out.
            score: what is attributed, a name of `names.SCORES`.
            x: images [B,H,W,C].
            y: classes [B].
            chunk: path points or samples held at once; None: all.

        Returns:
            The raw, signed attribution [B,H,W,C], differentiable.
        """
        raise NotImplementedError

    def check_network(self, network: keras.Model) -> None:
        """Raises InputError where the method cannot be applied to the network."""

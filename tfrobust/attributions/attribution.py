"""What every attribution method has in common: a frozen dataclass of its own settings that makes a map."""

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Attribution:
    """A method with its settings.  It is called with what is attributed, and where."""

    def __call__(self, network, score: str, x: tf.Tensor, y: tf.Tensor, chunk=None) -> tf.Tensor:
        """The raw, signed attribution [B,H,W,C] of images x [B,H,W,C] for the classes y [B]; differentiable.

        Args:
            network: logits out.
            score: what is attributed, a name of `names.SCORES`.
            chunk: path points or samples held at once (None: all).
        """
        raise NotImplementedError

    def check_network(self, network) -> None:
        """Raises InputError where the network has no such map."""

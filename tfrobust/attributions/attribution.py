"""`Attribution`, the base class of attribution methods: frozen dataclasses of their settings that make a map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import tensorflow as tf

from tfrobust.errors import InputError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Attribution:
    """An attribution method with its settings, to be called on a network and a batch of images.

    Attributes:
        needs_curvature: whether the map of a network with kinks (ReLU) has no derivative of its own to follow, as it is
          made of gradients; a map that is made of scores alone has one.
    """

    needs_curvature: ClassVar[bool] = True

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        """How much each pixel and channel contributes to the score of a class.

        Args:
            network: logits out.
            score: what is attributed, a name of `names.SCORES`.
            x: images [B,H,W,C].
            y: classes [B].
            chunk: path points, samples or masked copies of each image held at once; None: all.

        Returns:
            The raw, signed attribution [B,H,W,C], differentiable.
        """
        raise NotImplementedError

    @property
    def has_reference(self) -> bool:
        """Whether the map says what an image has that a reference has not, as Integrated Gradients from black do."""
        return type(self).from_reference is not Attribution.from_reference

    def from_reference(
        self,
        network: keras.Model,
        score: str,
        x: tf.Tensor,
        y: tf.Tensor,
        reference: tf.Tensor | float,
        *,
        chunk: int | None = None,
    ) -> tf.Tensor:
        """The map with another reference than the method's own.

        Args:
            network: logits out.
            score: what is attributed, a name of `names.SCORES`.
            x: images [B,H,W,C].
            y: classes [B].
            reference: anything that broadcasts to x, in the pixel range [0, 1].
            chunk: path points or masked copies of each image held at once; None: all.

        Returns:
            The raw, signed attribution [B,H,W,C], differentiable.

        Raises:
            InputError: where the method has no reference.
        """
        raise InputError(f"{type(self).__name__} has no reference: only methods with a baseline have one")

    def check_network(self, network: keras.Model) -> None:
        """Raises InputError where the method cannot be applied to the network."""

"""Natural training: the mean of l(x, y)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfrobust.losses import cross_entropy
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@dataclass(frozen=True)
class Natural:
    """Training without perturbed images: cross-entropy at the images as they are."""

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        return batch.x

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        return {"cross_entropy": cross_entropy(batch.y, network(batch.x, training=True))}

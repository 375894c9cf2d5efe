"""Regularising the attribution of the loss output (RAR Prop. 3):

    mean of  l(x, y) + max_{x'} | l(x', y) - l(x, y) |

It bounds the adversarial loss from above.  attribution_weight 1 is the proposition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.losses import cross_entropy
from tfrobust.objectives.inner import InnerMax
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class LossOutput(InnerMax):
    """Training with a penalty on how far the loss changes within the ball.

    Attributes:
        attribution_weight: weight of the second term.
    """

    attribution_weight: float = 1.0

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        clean = tf.stop_gradient(cross_entropy(batch.y, network(batch.x, training=False)))

        def change(x):
            return tf.abs(cross_entropy(batch.y, network(x, training=False)) - clean)

        return self.maximize(change, batch.x, step)

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        logits = network(tf.concat([batch.x, x_adv], axis=0), training=True)
        clean, adv = (cross_entropy(batch.y, f) for f in tf.split(logits, 2))
        return {"cross_entropy": clean, "loss_change": self.attribution_weight * tf.abs(adv - clean)}

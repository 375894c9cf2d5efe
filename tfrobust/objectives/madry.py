"""Adversarial training (Madry et al., 2018): the mean of max over x' in N(x, eps) of l(x', y).

With adversarial_ratio r < 1: r l(x', y) + (1 - r) l(x, y) (FAR trains its PGD networks with 0.7, not explained there).
RAR Prop. 1: this is Eq. 4 with lambda = 1 and the sum as size of the attribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attacks.pixel_gradient import for_attacks
from tfrobust.checks import check_number
from tfrobust.losses import cross_entropy
from tfrobust.objectives.inner import InnerMax
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Madry(InnerMax):
    """Adversarial training: cross-entropy at the worst images that PGD finds.

    Attributes:
        adversarial_ratio: weight of that term in [0, 1]; the rest is the weight of the cross-entropy at clean images.
    """

    adversarial_ratio: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        check_number("adversarial_ratio", self.adversarial_ratio, most=1)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        attacked = for_attacks(network)
        return self.maximize(lambda x: cross_entropy(batch.y, attacked(x)), batch.x, step)

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        r = self.adversarial_ratio
        if r == 1:
            return {"cross_entropy_adv": cross_entropy(batch.y, network(x_adv, training=True))}
        # One pass over both: the statistics of batch normalization move once.
        logits = network(tf.concat([x_adv, batch.x], axis=0), training=True)
        adversarial, clean = (cross_entropy(batch.y, f) for f in tf.split(logits, 2))
        return {"cross_entropy_adv": r * adversarial, "cross_entropy": (1 - r) * clean}

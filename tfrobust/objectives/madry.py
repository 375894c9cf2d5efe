"""Adversarial training (Madry et al., 2018): the mean of max over x' in N(x, eps) of l(x', y).

RAR Prop. 1: this is Eq. 4 with lambda = 1 and the sum as size of the attribution.
"""

from dataclasses import dataclass

from tfrobust.losses import cross_entropy
from tfrobust.objectives.inner import InnerMax


@dataclass(frozen=True)
class Madry(InnerMax):
    """Cross-entropy at the worst images that PGD finds."""

    def inner(self, network, batch, step):
        return self.maximize(lambda x: cross_entropy(batch.y, network(x, training=False)), batch.x, step)

    def outer(self, network, batch, x_adv, step):
        return {"cross_entropy_adv": cross_entropy(batch.y, network(x_adv, training=True))}

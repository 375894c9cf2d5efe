"""Natural training: the mean of l(x, y)."""

from dataclasses import dataclass

from tfrobust.losses import cross_entropy


@dataclass(frozen=True)
class Natural:
    """Cross-entropy at the images as they are."""

    def inner(self, network, batch, step):
        return batch.x

    def outer(self, network, batch, x_adv, step):
        return {"cross_entropy": cross_entropy(batch.y, network(batch.x, training=True))}

"""What attacks on the prediction have in common.

An image that the network gets wrong is preferred to any that it gets right, whatever the loss says: more steps,
restarts or draws never report a more robust network.
"""

from dataclasses import KW_ONLY, dataclass

import tensorflow as tf

from tfrobust.checks import check_choice
from tfrobust.losses import LOSSES, margin

WRONG = 1e3  # What a wrong prediction adds to the goal: more than any loss, little enough for float32.


class Attacked:
    """A network and the labels y [B] of one batch, as an attack sees them."""

    def __init__(self, network, y: tf.Tensor, loss: str):
        self.network, self.y, self._loss = network, y, LOSSES[loss]

    def logits(self, x) -> tf.Tensor:
        """[B,K]."""
        return self.network(x, training=False)

    def loss(self, x) -> tf.Tensor:
        """The loss that is raised, [B]; smooth."""
        return self._loss(self.y, self.logits(x))

    def goal(self, x) -> tf.Tensor:
        """The loss, [B], that of any wrong prediction above that of every right one."""
        f = self.logits(x)
        return self.preferring_wrong(self._loss(self.y, f), f)

    def preferring_wrong(self, value, f) -> tf.Tensor:
        """value [B], raised where the logits f [B,K] are those of a wrong prediction."""
        return value + tf.where(tf.stop_gradient(margin(self.y, f)) > 0, WRONG, 0.0)


@dataclass(frozen=True)
class PredictionAttack:
    """An attack on the prediction.  loss: that is raised, cross_entropy, margin or negative_logit."""

    _: KW_ONLY
    loss: str = "cross_entropy"

    def __post_init__(self):
        check_choice("loss", self.loss, LOSSES)

    def on_predictions(self, network):
        """(x [B,H,W,C], y [B], examples [B]) -> x' [B,H,W,C]; examples: the numbers of the images, which seed their
        draws.  A function of tensors, to be called within a graph or without."""
        return lambda x, y, examples: tf.stop_gradient(self.worst(Attacked(network, y, self.loss), x, examples))

    def worst(self, attacked: Attacked, x: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
        """x' [B,H,W,C], the worst image that was found for each."""
        raise NotImplementedError


def better_of(goal, x_adv, best, value):
    """(images, goals [B]): x_adv where its goal exceeds `value`, that of best."""
    other = goal(x_adv)
    return tf.where(tf.reshape(other > value, [-1, 1, 1, 1]), x_adv, best), tf.maximum(other, value)

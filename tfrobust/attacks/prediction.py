"""Base classes of attacks on the prediction.

An image that the network gets wrong is preferred to any that it gets right, whatever the loss says: more steps,
restarts or draws never report a more robust network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import tensorflow as tf

from tfrobust.attacks.pixel_gradient import for_attacks
from tfrobust.checks import check_choice
from tfrobust.losses import LOSSES, margin

if TYPE_CHECKING:
    import keras

WRONG = 1e3  # Added to the goal of a wrong prediction: more than any loss, and little enough for float32.


class Attacked:
    """What an attack can ask of a network: logits, loss and goal of perturbed images of one batch.

    Args:
        network: logits out.
        y: labels [B] of the batch.
        loss: the loss that is raised, a name of `names.LOSSES`.
    """

    def __init__(self, network: keras.Model, y: tf.Tensor, loss: str):
        self.network, self.y, self._loss, self._ask = network, y, LOSSES[loss], for_attacks(network)

    def logits(self, x: tf.Tensor) -> tf.Tensor:
        """The logits [B,K] of images x [B,H,W,C]."""
        return self._ask(x)

    def loss(self, x: tf.Tensor) -> tf.Tensor:
        """The loss [B] of images x [B,H,W,C] that the attack raises; smooth."""
        return self._loss(self.y, self.logits(x))

    def goal(self, x: tf.Tensor) -> tf.Tensor:
        """The loss [B] of images x [B,H,W,C], raised for wrong predictions above that of every right one."""
        f = self.logits(x)
        return self.preferring_wrong(self._loss(self.y, f), f)

    def preferring_wrong(self, value: tf.Tensor, f: tf.Tensor) -> tf.Tensor:
        """`value` [B], raised by WRONG where the logits f [B,K] are those of a wrong prediction."""
        return value + tf.where(tf.stop_gradient(margin(self.y, f)) > 0, WRONG, 0.0)


@dataclass(frozen=True)
class PredictionAttack:
    """An attack on the prediction; the base class of the attacks' dataclasses.

    Attributes:
        loss: the loss that is raised: cross_entropy, margin, negative_logit or dlr.
        in_graph: what `on_predictions` returns can be called within a graph.
    """

    _: KW_ONLY
    loss: str = "cross_entropy"

    in_graph: ClassVar[bool] = True
    name: ClassVar[str]

    def __post_init__(self):
        check_choice("loss", self.loss, LOSSES)

    def on_predictions(self, network: keras.Model) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
        """The attack on one network, as a function of tensors to be called within a graph (if `in_graph`) or without.

        Args:
            network: logits out.

        Returns:
            (images [B,H,W,C], labels [B], numbers of the images [B], which seed their draws) -> the worst images
            [B,H,W,C] that were found.
        """
        return lambda x, y, examples: tf.stop_gradient(self.worst(Attacked(network, y, self.loss), x, examples))

    def worst(self, attacked: Attacked, x: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
        """The worst image [B,H,W,C] that the attack finds for each.

        Args:
            attacked: network and labels of the batch.
            x: images [B,H,W,C].
            examples: numbers [B] of the images, which seed their draws.
        """
        raise NotImplementedError


def better_of(
    goal: Callable[[tf.Tensor], tf.Tensor], x_adv: tf.Tensor, best: tf.Tensor, value: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Of two images, for each example, the one with the larger goal.

    Args:
        goal: images [B,H,W,C] -> [B].
        x_adv: images [B,H,W,C] whose goal is computed here.
        best: images [B,H,W,C] whose goal is known.
        value: their goals [B].

    Returns:
        The better images [B,H,W,C] and their goals [B].
    """
    other = goal(x_adv)
    return tf.where(tf.reshape(other > value, [-1, 1, 1, 1]), x_adv, best), tf.maximum(other, value)

"""What is attributed: score(x, y) -> [B], one number per image, made from a network.

RAR and ER attribute the logit of the true class in their evaluation and the loss in their training; ER's regularisers
take the softmax output; FAR takes the logit of the predicted class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfrobust.checks import check_choice
from tfrobust.names import SCORES
from tfrobust.types import Score

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def make_score(network: keras.Model, kind: str, training: bool = False) -> Score:
    """Makes the function that is attributed: the logit, the probability or the cross-entropy of a class.

    Args:
        network: logits out.
        kind: logit, probability or loss.
        training: how the network runs; with False BatchNormalization uses its moving statistics and leaves them.

    Returns:
        (images [B,H,W,C], classes [B]) -> [B].

    Raises:
        InputError: for an unknown kind.
    """
    return NetworkScore(network, kind, training)


@dataclass(frozen=True, eq=False)
class NetworkScore:
    """The score of a network, as `make_score` gives it; attributes as its arguments."""

    network: keras.Model
    kind: str
    training: bool = False

    def __post_init__(self):
        check_choice("score", self.kind, SCORES)

    def __call__(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        return SCORES[self.kind](y, self.network(x, training=self.training))

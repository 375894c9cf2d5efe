"""What is attributed: score(x, y) -> [B], one number per image, made from a network.

RAR and ER attribute the logit of the true class in their evaluation and the loss in their training; ER's regularisers
take the softmax output; FAR takes the logit of the predicted class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfrobust.checks import check_choice
from tfrobust.names import SCORES
from tfrobust.types import Score

if TYPE_CHECKING:
    import keras


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
    check_choice("score", kind, SCORES)
    function = SCORES[kind]
    return lambda x, y: function(y, network(x, training=training))

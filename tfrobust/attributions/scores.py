"""What is attributed: score(x, y) -> [B], one number per image, made from a network.

RAR, ER attribute the logit of the true class in their evaluation and the loss in their training; ER's regularisers take
the softmax output; FAR takes the logit of the predicted class.
"""

from tfrobust.names import SCORES
from tfrobust.types import InputError


def make_score(network, kind: str, training: bool = False):
    """(x [B,H,W,C], y [B]) -> [B]: the logit, the probability or the cross-entropy of class y.

    The network runs with `training=False` by default: BatchNormalization uses its moving statistics and leaves them.
    """
    if kind not in SCORES:
        raise InputError(f"unknown score {kind!r}: choose one of {', '.join(SCORES)}")
    function = SCORES[kind]
    return lambda x, y: function(y, network(x, training=training))

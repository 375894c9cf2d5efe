"""What is attributed: score(x, y) -> [B], one number per image, made from a network.

RAR, ER attribute the logit of the true class in their evaluation and the loss in their training; ER's regularisers take
the softmax output; FAR takes the logit of the predicted class.
"""

from tfrobust.checks import check_choice
from tfrobust.names import SCORES


def make_score(network, kind: str, training: bool = False):
    """(x [B,H,W,C], y [B]) -> [B]: the logit, the probability or the cross-entropy of class y.

    The network runs with `training=False` by default: BatchNormalization uses its moving statistics and leaves them.
    """
    check_choice("score", kind, SCORES)
    function = SCORES[kind]
    return lambda x, y: function(y, network(x, training=training))

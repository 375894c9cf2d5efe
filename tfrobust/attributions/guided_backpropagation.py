"""Guided backpropagation (Springenberg et al., 2015): a ReLU passes only positive gradients back."""

import tensorflow as tf

from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.scores import make_score
from tfrobust.networks.surrogates import guided_twin


def guided_backpropagation(network, score: str, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The gradient of the score (see `scores`) on the guided twin of the network, [B,H,W,C].

    InputError where a ReLU is no layer, or the network has none: PReLU, ELU, GELU and swish have no guided form.

    (The released code of SAT hooks layers that its ResNets do not have, so its
    "guided backpropagation" is the plain gradient.)
    """
    return gradient(make_score(guided_twin(network), score), x, y)

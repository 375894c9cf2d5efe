"""Guided backpropagation (Springenberg et al., 2015): a ReLU passes only positive gradients back."""

from dataclasses import dataclass

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.scores import make_score
from tfrobust.networks.surrogates import guided_surrogate


def guided_backpropagation(network, score: str, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The gradient of the score (see `scores`) on the guided surrogate of the network, [B,H,W,C].

    InputError where a ReLU is no layer, or the network has none: PReLU, ELU, GELU and swish have no guided form.

    (The released code of SAT hooks layers that its ResNets do not have, so its
    "guided backpropagation" is the plain gradient.)
    """
    return gradient(make_score(guided_surrogate(network), score), x, y)


@dataclass(frozen=True)
class GuidedBackpropagation(Attribution):
    """Guided backpropagation as a method; it has no settings."""

    def __call__(self, network, score, x, y, chunk=None):
        return guided_backpropagation(network, score, x, y)

    def check_network(self, network):
        guided_surrogate(network)

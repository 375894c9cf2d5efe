"""Guided backpropagation (Springenberg et al., 2015): a ReLU passes only positive gradients back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.scores import make_score
from tfrobust.networks.surrogates import guided_surrogate

if TYPE_CHECKING:
    import keras


def guided_backpropagation(network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The gradient of a score by the image, where every ReLU of the network passes only positive gradients back.

    (The released code of SAT hooks layers that its ResNets do not have, so its "guided backpropagation" is the plain
    gradient.)

    Args:
        network: logits out.
        score: what is attributed, a name of `names.SCORES`.
        x: images [B,H,W,C].
        y: classes [B].

    Returns:
        [B,H,W,C].

    Raises:
        InputError: where a ReLU is no layer, or the network has none: PReLU, ELU, GELU and swish have no guided form.
    """
    return gradient(make_score(guided_surrogate(network), score), x, y)


@dataclass(frozen=True)
class GuidedBackpropagation(Attribution):
    """Guided backpropagation as a method; it has no settings."""

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return guided_backpropagation(network, score, x, y)

    def check_network(self, network: keras.Model) -> None:
        guided_surrogate(network)

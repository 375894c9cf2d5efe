"""Attention rollout (Abnar & Zuidema, 2020): how much of each patch reaches the token of which the class is read.

With A_l [T,T] the attention of block l, averaged over its heads, and r the token that is read:

    R = r (A_L + I)/2 ... (A_1 + I)/2

The identity stands for the residual connection around each attention layer.  The score and the class do not matter.
Differs from the paper: where the network averages over all patches instead of reading a class token, r is their mean.
The paper writes the matrices in full; only the row of r is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.coarse_map import coarse_map
from tfrobust.networks.attention import attend, image_shape
from tfrobust.networks.tokens import Tokens, tokens_of

if TYPE_CHECKING:
    import keras


def attention_rollout(network: keras.Model, x: tf.Tensor) -> tf.Tensor:
    """Attention rollout of images `x` [B,H,W,C]: [B,H,W,C], the same in every channel, 0 or more.

    Raises:
        InputError: as `tokens_of` does.
    """
    tokens = tokens_of(network, x.shape[1:])
    _, maps = attend(network, x)
    r = tf.tile(tokens.read[tf.newaxis], [tf.shape(x)[0], 1])
    for a in reversed(maps):
        r = (passed_on(r, tf.reduce_mean(a, axis=1)) + r) / 2
    return of_patches(r, tokens, x)


def passed_on(r: tf.Tensor, a: tf.Tensor) -> tf.Tensor:
    """r A [B,T] of weights of tokens `r` [B,T] and A [B,T,T]: the rows of A, each with the weight of its query."""
    return tf.einsum("bq,bqk->bk", r, a)


def of_patches(r: tf.Tensor, tokens: Tokens, x: tf.Tensor) -> tf.Tensor:
    """What tokens have, as a map of the images.

    Args:
        r: [B,T].
        tokens: of the network.
        x: images [B,H,W,C].

    Returns:
        [B,H,W,C], the same in every channel; what class tokens and registers have is left out.
    """
    return coarse_map(tf.reshape(tf.gather(r, tokens.patches, axis=1), [-1, *tokens.grid]), x)


@dataclass(frozen=True)
class AttentionRollout(Attribution):
    """Attention rollout as a method; it has no settings."""

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return attention_rollout(network, x)

    def check_network(self, network: keras.Model) -> None:
        tokens_of(network, image_shape(network))

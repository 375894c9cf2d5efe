"""Gradient-weighted attention rollout (Chefer, Gur & Wolf, 2021, "Generic Attention-model Explainability").

With A_l [n,T,T] the attention of the n heads of block l and s the score of a class:

    B_l = mean over heads of relu(ds/dA_l * A_l)
    R   = (I + B_L) ... (I + B_1)                        the paper's rule R <- R + B_l R, from R = I
    map = r (R - I)

r is the token that is read: the class token, or the mean over the patches where the network averages over them (not in
the paper).  Without the identity that R begins with, an average over patches would add the same to each of them; the
entries of a class token's row that belong to patches do not change by it.  Only the row of r is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions.attention_rollout import AttentionRollout, of_patches, passed_on
from tfrobust.attributions.scores import SCORES
from tfrobust.networks.attention import attend
from tfrobust.networks.tokens import tokens_of

if TYPE_CHECKING:
    import keras


def gradient_rollout(network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Attention rollout with the gradient of the score as the weight of each head and pair of tokens.

    Args:
        network: logits out.
        score: what is attributed, a name of `names.SCORES`.
        x: images [B,H,W,C].
        y: classes [B].

    Returns:
        [B,H,W,C], the same in every channel, 0 or more.

    Raises:
        InputError: as `tokens_of` does.
    """
    tokens = tokens_of(network, x.shape[1:])
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits, maps = attend(network, x)
        value = SCORES[score](y, logits)
    gradients = tape.gradient(value, maps, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    read = r = tf.tile(tokens.read[tf.newaxis], [tf.shape(x)[0], 1])
    for a, g in zip(reversed(maps), reversed(gradients)):
        r += passed_on(r, tf.reduce_mean(tf.nn.relu(g * a), axis=1))
    return of_patches(r - read, tokens, x)


@dataclass(frozen=True)
class GradientRollout(AttentionRollout):
    """Gradient-weighted attention rollout as a method; it has no settings."""

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return gradient_rollout(network, score, x, y)

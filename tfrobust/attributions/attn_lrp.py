"""AttnLRP, relevance through attention (Achtibat et al., ICML 2024, https://arxiv.org/abs/2402.05602).

    map = x * sum_k d score / d logit_k  d z_k / d z_x

with z_k what stands for logit k, and z_x for the image, in the linear network of the rules (`networks.relevance`).
These are the paper's: relevance is kept by a function of each entry and by a normalization, shared by the factors of a
product, and goes through softmax and everything affine as gradient times input does.

On a linear network, and on one of ReLUs, max pooling and affine layers, the map is gradient times input.  Summed over
pixels it is sum_k (d score / d logit_k) logit_k, less what constants absorb: biases, offsets of pixels, f(0) of
functions such as sigmoid; and less what softmax takes, whose rule does not keep what it is given.

Differs from the paper: epsilon of its epsilon rule is 0, as the rules are factors of a gradient and nothing is divided
by an output; there is no gamma rule, which the paper takes for linear layers of vision transformers.  What is
attributed may be a probability or a loss, whose derivative by the logits is then what relevance begins with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.names import SCORES
from tfrobust.networks.relevance import both_passes, rules_of

if TYPE_CHECKING:
    import keras


def attn_lrp(network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The relevance of each pixel and channel for a score, by the rules of AttnLRP.

    Args:
        network: logits out.
        score: what is attributed, a name of `names.SCORES`.
        x: images [B,H,W,C].
        y: classes [B].

    Returns:
        [B,H,W,C], in units of the score.  Its derivatives are exact.

    Raises:
        InputError: where the network has no graph, or a layer has no rule.
    """
    z = tf.zeros_like(x)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(z)
        logits = both_passes(network, x, z)
    with tf.GradientTape(watch_accessed_variables=False) as last:
        last.watch(logits.value)
        value = SCORES[score](y, logits.value)
    start = last.gradient(value, logits.value)
    zero = tf.UnconnectedGradients.ZERO
    return x * tape.gradient(logits.part, z, output_gradients=start, unconnected_gradients=zero)


@dataclass(frozen=True)
class AttnLrp(Attribution):
    """AttnLRP as a method; it has no settings."""

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return attn_lrp(network, score, x, y)

    def check_network(self, network: keras.Model) -> None:
        rules_of(network)

"""Attributional Robustness Training (Singh et al., 2020), Eq. 5, Eq. 6 and Algorithm 1.

    mean of  l(x', y) + lambda L_attr(x', y),    x' = argmax over N(x, eps) of L_attr
    L_attr(x, y) = log(1 + exp(-(d(g^i*(x), x) - d(g^y(x), x)))),   d = 1 - cos,   i* = argmax over i != y of f(x)_i

g^i is the input gradient of the logit i.  L_attr sees the softplus(beta) surrogate, the cross-entropy the network
itself.

The rows of its Table 5 are values of `loss` and `negative`.  `loss` is triplet (ours), cosine or l2 (Eq. 4:
d(g^y(x'), x') alone), or change (Eq. 2: |g^y(x') - g^y(x)|_2); `negative` is runner_up (ours) or least_likely (i* =
argmin).

Differs from the paper: i* is taken at the current point and from the surrogate, as the released code does, not at x.
The gradient passes through the image as anchor in the attack only (code); raw [0, 1] pixels are the anchor.  Options
from the code: `attack_k` restricts the cosine of the inner attack to the k largest |g^y| at its start; `pair` puts the
clean and the perturbed image into the outer loss, each anchored against the harder of the two gradients.
`attack_on="total"` raises L_attr + l (appendix C).  `anchor="signed"` puts 2x - 1 for the image into the cosine (FAR's
Table 1 has both: the method depends on the scale of its input).  `channels="mean"` takes the means over the channels of
image and gradients before they are compared (B.1, on CUB).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.checks import check_choice, check_number, check_positive
from tfrobust.losses import cross_entropy, runner_up
from tfrobust.names import ART_CHOICES
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.objectives.inner import InnerMax
from tfrobust.similarity.differentiable import cosine_distance, l2
from tfrobust.types import Batch, InputError, Step, Terms

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Art(InnerMax):
    """Attributional Robustness Training.

    Attributes:
        attribution_weight: lambda, weight of L_attr in the loss.
        softplus_beta: sharpness of the softplus in the surrogate.
        loss: form of L_attr: triplet, cosine, l2 or change, see above.
        negative: the class i*: runner_up or least_likely.
        attack_on: what the inner attack raises: attribution (L_attr) or total (L_attr plus the cross-entropy).
        attack_k: the inner attack's cosine sees only so many entries with the largest gradient; None: all.
        pair: the outer loss is over the clean and the perturbed image; with the triplet only.
        anchor: how the image enters the cosine: unit (in [0, 1]) or signed (in [-1, 1]).
        channels: what of image and gradients is compared: all entries, or their mean over the channels.
    """

    attribution_weight: float
    softplus_beta: float
    loss: str = "triplet"
    negative: str = "runner_up"
    attack_on: str = "attribution"
    attack_k: int | None = None
    pair: bool = False
    anchor: str = "unit"
    channels: str = "all"

    def __post_init__(self):
        super().__post_init__()
        for name, values in ART_CHOICES.items():
            check_choice(name, getattr(self, name), values)
        check_number("attribution_weight", self.attribution_weight)
        check_positive("softplus_beta", self.softplus_beta)
        if self.pair and self.loss != "triplet":
            raise InputError("pair belongs to the triplet loss")
        if self.attack_k is not None and self.channels == "mean":
            raise InputError("attack_k counts entries of all channels: channels=mean has none of them")

    def gradients(self, network: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The input gradients g^y and g^i* of the surrogate.

        Args:
            network: logits out.
            x: images [B,H,W,C].
            y: labels [B].

        Returns:
            (g^y, g^i*), each [B,H,W,C], or [B,H,W,1] where their channels are averaged.
        """
        surrogate = softplus_surrogate(network, self.softplus_beta)
        logits = surrogate(x, training=False)
        other = runner_up(y, logits)
        if self.negative == "least_likely":
            other = tf.argmin(logits, axis=1, output_type=y.dtype)
        logit = make_score(surrogate, "logit")
        return self._compared(gradient(logit, x, y)), self._compared(gradient(logit, x, other))

    def attribution_loss(
        self, network: keras.Model, batch: Batch, x: tf.Tensor, mask: tf.Tensor | float = 1.0
    ) -> tf.Tensor:
        """L_attr at given images.

        Args:
            network: logits out.
            batch: original images and their labels.
            x: images [B,H,W,C].
            mask: 1 at the entries that the cosine sees and 0 at the others, [B,H,W,C] or one number.

        Returns:
            [B].
        """
        if self.loss == "change":
            logit = make_score(softplus_surrogate(network, self.softplus_beta), "logit")
            return l2(*(self._compared(gradient(logit, each, batch.y)) for each in (x, batch.x)))
        positive, negative = self.gradients(network, x, batch.y)
        x = self._anchored(x)
        if self.loss == "l2":
            return l2(positive, x)
        d_positive = cosine_distance(mask * positive, mask * x)
        if self.loss == "cosine":
            return d_positive
        return tf.nn.softplus(d_positive - cosine_distance(mask * negative, mask * x))

    def paired_loss(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor) -> tf.Tensor:
        """The triplet loss over the pair (x, x'): each image against the farther g^y and the nearer g^i* of the two.

        Args:
            network: logits out.
            batch: original images and their labels.
            x_adv: perturbed images [B,H,W,C].

        Returns:
            [B].
        """
        gradients = [self.gradients(network, x, batch.y) for x in (batch.x, x_adv)]

        def anchored(x):
            x = self._anchored(x)
            farthest = tf.maximum(*(cosine_distance(positive, x) for positive, _ in gradients))
            nearest = tf.minimum(*(cosine_distance(negative, x) for _, negative in gradients))
            return tf.nn.softplus(farthest - nearest)

        return (anchored(batch.x) + anchored(x_adv)) / 2

    def _anchored(self, x):
        return self._compared(2 * x - 1 if self.anchor == "signed" else x)

    def _compared(self, v):
        """What of an image or a gradient [B,H,W,C] is compared: all of it, or its mean [B,H,W,1] over the channels."""
        return tf.reduce_mean(v, axis=3, keepdims=True) if self.channels == "mean" else v

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        mask = self._attack_mask(network, batch)

        def goal(x):
            value = self.attribution_loss(network, batch, x, mask)
            if self.attack_on == "total":
                value += cross_entropy(batch.y, network(x, training=False))
            return value

        return self.maximize(goal, batch.x, step)

    def _attack_mask(self, network, batch):
        """1 at the attack_k largest |g^y(x)| of the network itself; everywhere where attack_k is None."""
        if self.attack_k is None:
            return 1.0
        size = tf.abs(gradient(make_score(network, "logit"), batch.x, batch.y))
        flat = tf.reshape(size, [tf.shape(size)[0], -1])
        entries = size.shape[1] * size.shape[2] * size.shape[3]
        if not 1 <= self.attack_k <= entries:
            raise InputError(f"attack_k = {self.attack_k} does not fit the {entries} entries of an image")
        kth = tf.math.top_k(flat, self.attack_k).values[:, -1]
        return tf.cast(size >= tf.reshape(kth, [-1, 1, 1, 1]), size.dtype)

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        attr = (self.paired_loss if self.pair else self.attribution_loss)(network, batch, x_adv)
        return {
            "cross_entropy_adv": cross_entropy(batch.y, network(x_adv, training=True)),
            "alignment": self.attribution_weight * attr,
        }

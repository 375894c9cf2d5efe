"""Enhanced regularizers, CACR + WACR (Sarkar et al., 2021), Eq. 6, 9, 10 and 12.

    mean of  l(x', y) + lambda (CACR + WACR),   x' = argmax over N(x, eps) of l(x', y) + |IG^l(x, x')|_1          (12)
    CACR = KL(P_ME || P_NCA) - KL(P_ME || P_TCA)                                                                  (6)
    WACR = sum over P1 of |dA| + sum over P2 of |A dA|                                                            (9)

P_TCA, P_NCA: softmax over pixels of IG(0, x') of the true class and of the most likely wrong class; P_ME: uniform.
A = IG(0, x), dA = IG(x, x') of the true class; P2: entries where A and dA have one sign, P1: the others.  All IG of
CACR and WACR are of the softmax output.

Differs from the paper: the change is IG from x to x', not the difference IG(0, x') - IG(0, x), which Eq. 8 equates
with it (IG depends on the path); `change="difference"` is the latter.  Signs are compared with sign(0) = 0, as in the
released code, so a change where A is zero is charged in full; `zeros="p2"` puts zero products into P2.  The wrong
class is that at x', fixed along the path.  CACR sums channels, WACR works on every entry (code).  `temperature`
multiplies the maps before the softmax, which is nearly uniform at the paper's 1.

Options of its Tables 4 to 7 and 10: cacr_weight and wacr_weight (0 leaves one out), contrast=False drops
KL(P_ME || P_NCA), base_attribution=False replaces WACR by |dA|_1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions import make_score
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.checks import check_choice, check_fields, check_number, check_positive
from tfrobust.losses import cross_entropy, runner_up
from tfrobust.names import ER_CHOICES
from tfrobust.objectives.inner import IgInnerMax
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class CacrWacr(IgInnerMax):
    """Training with the regularizers CACR and WACR.

    Attributes:
        attribution_weight: lambda, weight of both regularizers.
        cacr_weight, wacr_weight: weights of the two within lambda.
        contrast: keep the term KL(P_ME || P_NCA) of CACR.
        base_attribution: weigh changes by A (Eq. 9); without it WACR is |dA|_1.
        change: dA: path (IG from x to x') or difference (IG(0, x') - IG(0, x)).
        zeros: the set that entries with A dA = 0 belong to: p1 or p2, see above.
        temperature: multiplies maps before their softmax.
    """

    attribution_weight: float
    cacr_weight: float = 1.0
    wacr_weight: float = 1.0
    contrast: bool = True
    base_attribution: bool = True
    change: str = "path"
    zeros: str = "p1"
    temperature: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        for name, values in ER_CHOICES.items():
            check_choice(name, getattr(self, name), values)
        check_fields(check_number, self, "attribution_weight", "cacr_weight", "wacr_weight")
        check_positive("temperature", self.temperature)

    def ig(self, network: keras.Model, x: tf.Tensor, y: tf.Tensor, baseline: tf.Tensor | None = None) -> tf.Tensor:
        """Integrated Gradients of the softmax output of a class.

        Args:
            network: logits out.
            x: images [B,H,W,C].
            y: classes [B].
            baseline: images [B,H,W,C] where the path begins; None: black.

        Returns:
            [B,H,W,C].
        """
        return integrated_gradients(make_score(network, "probability"), x, y, baseline, self.ig_steps, chunk=self.chunk)

    def cacr(self, true: tf.Tensor, negative: tf.Tensor) -> tf.Tensor:
        """CACR (Eq. 6 and 11), [B], from the maps [B,H,W,C] at x' of the true and of the most likely wrong class."""
        to_true = kl_from_uniform(self.temperature * true)
        return kl_from_uniform(self.temperature * negative) - to_true if self.contrast else -to_true

    def wacr(self, base: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
        """WACR (Eq. 9), [B], from `base`, which is A, and `change`, which is dA, both [B,H,W,C].

        The sets P1 and P2 are constants; gradients flow through A and dA.
        """
        size = tf.abs(change)
        if self.base_attribution:
            same = tf.equal(tf.sign(base), tf.sign(change))
            if self.zeros == "p2":
                same |= base * change == 0
            size = tf.where(same, tf.abs(base * change), size)
        return tf.reduce_sum(size, axis=[1, 2, 3])

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        loss = make_score(network, "loss")

        def goal(x, seed=None):
            ig = integrated_gradients(loss, x, batch.y, batch.x, self.ig_steps_attack, chunk=self.chunk, seed=seed)
            return loss(x, batch.y) + tf.reduce_sum(tf.abs(ig), axis=[1, 2, 3])

        return self.maximize(goal, batch.x, step, goal_seed=self.points_seed(step))

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        negative = runner_up(batch.y, network(x_adv, training=False))
        true_adv = self.ig(network, x_adv, batch.y)
        base = self.ig(network, batch.x, batch.y)
        change = true_adv - base if self.change == "difference" else self.ig(network, x_adv, batch.y, batch.x)
        cacr = self.cacr(true_adv, self.ig(network, x_adv, negative))
        return {
            "cross_entropy_adv": cross_entropy(batch.y, network(x_adv, training=True)),
            "cacr": self.attribution_weight * self.cacr_weight * cacr,
            "wacr": self.attribution_weight * self.wacr_weight * self.wacr(base, change),
        }


def kl_from_uniform(a: tf.Tensor) -> tf.Tensor:
    """How far a map is from uniform: KL(uniform || softmax over pixels of the channel sum of a [B,H,W,C]), [B]."""
    flat = tf.reshape(tf.reduce_sum(a, axis=-1), [tf.shape(a)[0], -1])
    b = flat - tf.reduce_mean(flat, axis=1, keepdims=True)
    # log mean exp(b).  b is tiny at the paper's temperature, and this form keeps the digits log-softmax would lose.
    tiny = tf.math.log1p(tf.reduce_mean(tf.math.expm1(tf.minimum(b, 1.0)), axis=1))
    n = tf.cast(tf.shape(flat)[1], a.dtype)
    return tf.where(tf.reduce_max(b, axis=1) < 1.0, tiny, tf.reduce_logsumexp(b, axis=1) - tf.math.log(n))

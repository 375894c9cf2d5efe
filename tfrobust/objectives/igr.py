"""IGR (Wang & Kong, 2022): align the Integrated Gradients of x and x' in angle, because expected Kendall correlation
grows with their cosine.

    mean of  l + lambda (1 - s(IG(x), IG(x'))),   x' = argmax over N(x, eps) of l(x', y)

The paper's s is the cosine; `similarity` takes Pearson's correlation in its place, or one that counts the order of
pixels, as the measures do: Kendall's or Spearman's, softened (`similarity.soft_ranks`).  The user chooses the first
term: `base` natural takes l(x, y), madry l(x', y).  IG is of the logit of the true class from black.

Differs from the paper: no code of the authors was found; x' is that of adversarial training.  Similarities other than
the cosine are none of the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfrobust.attacks.pixel_gradient import for_attacks
from tfrobust.attributions import make_score
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.checks import check_choice, check_number, check_whole
from tfrobust.losses import cross_entropy
from tfrobust.names import IGR_BASES, IGR_SIMILARITIES
from tfrobust.objectives.inner import PIXELS, InnerMax
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class Igr(InnerMax):
    """Training with a penalty on the angle, or the change of order, between the Integrated Gradients of x and x'.

    Attributes:
        attribution_weight: lambda, weight of the penalty.
        ig_steps: path points of each Integrated Gradients.
        similarity: s, one of names.IGR_SIMILARITIES.
        base: the loss beside the penalty: madry (at x') or natural (at x).
        chunk: path points held at once; None: all.
    """

    attribution_weight: float
    ig_steps: int
    similarity: str = "cosine"
    base: str = "madry"
    chunk: int | None = None

    def __post_init__(self):
        super().__post_init__()
        check_choice("base", self.base, IGR_BASES)
        check_choice("similarity", self.similarity, IGR_SIMILARITIES)
        check_number("attribution_weight", self.attribution_weight)
        check_whole("ig_steps", self.ig_steps, 1)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        attacked = for_attacks(network)
        return self.maximize(lambda x: cross_entropy(batch.y, attacked(x)), batch.x, step)

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        logit = make_score(network, "logit")
        a, a_adv = (
            integrated_gradients(logit, x, batch.y, steps=self.ig_steps, chunk=self.chunk) for x in (batch.x, x_adv)
        )
        name, x = ("cross_entropy_adv", x_adv) if self.base == "madry" else ("cross_entropy", batch.x)
        return {
            name: cross_entropy(batch.y, network(x, training=True)),
            f"ig_{self.similarity}": self.attribution_weight * (1.0 - self._alike(a, a_adv, step)),
        }

    def _alike(self, a, a_adv, step):
        measure = IGR_SIMILARITIES[self.similarity]
        return measure(a, a_adv, step.draw_for_batch(PIXELS)) if "soft" in self.similarity else measure(a, a_adv)

"""IGR (Wang & Kong, 2022): align the Integrated Gradients of x and x' in angle, because expected Kendall correlation
grows with their cosine.

    mean of  l + lambda (1 - cos(IG(x), IG(x'))),   x' = argmax over N(x, eps) of l(x', y)

The term is added to a base of the reader's choice: `base` natural takes l(x, y), madry l(x', y).  IG is of the logit
of the true class from black.  Differs from the paper: no code of the authors was found; x' is that of adversarial
training.
"""

from dataclasses import dataclass
from typing import Optional

from tfrobust.attributions import integrated_gradients, make_score
from tfrobust.checks import check_choice
from tfrobust.losses import cross_entropy
from tfrobust.names import IGR_BASES
from tfrobust.objectives.inner import InnerMax
from tfrobust.similarity.differentiable import cosine_distance
from tfrobust.types import InputError


@dataclass(frozen=True, kw_only=True)
class Igr(InnerMax):
    """attribution_weight: lambda.  ig_steps: points of each IG.  base: madry or natural.  chunk: points at once."""

    attribution_weight: float
    ig_steps: int
    base: str = "madry"
    chunk: Optional[int] = None

    def __post_init__(self):
        super().__post_init__()
        check_choice("base", self.base, IGR_BASES)
        if self.attribution_weight < 0 or self.ig_steps < 1:
            raise InputError("attribution_weight must be 0 or more, ig_steps 1 or more")

    def inner(self, network, batch, step):
        return self.maximize(lambda x: cross_entropy(batch.y, network(x, training=False)), batch.x, step)

    def outer(self, network, batch, x_adv, step):
        logit = make_score(network, "logit")
        a, a_adv = (
            integrated_gradients(logit, x, batch.y, steps=self.ig_steps, chunk=self.chunk) for x in (batch.x, x_adv)
        )
        name, x = ("cross_entropy_adv", x_adv) if self.base == "madry" else ("cross_entropy", batch.x)
        return {
            name: cross_entropy(batch.y, network(x, training=True)),
            "ig_angle": self.attribution_weight * cosine_distance(a, a_adv),
        }

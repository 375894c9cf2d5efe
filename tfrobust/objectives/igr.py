"""IGR (Wang & Kong, 2022): align the Integrated Gradients of x and x' in angle, because expected Kendall correlation
grows with their cosine.

    mean of  l + lambda (1 - cos(IG(x), IG(x'))),   x' = argmax over N(x, eps) of l(x', y)

The term is added to a base of the reader's choice: `base` natural takes l(x, y), madry l(x', y).  IG is of the logit
of the true class from black.  Differs from the paper: no code of the authors was found; x' is that of adversarial
training.
"""

from dataclasses import dataclass

from tfrobust.attributions import make_score
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.checks import check_choice, check_number, check_whole
from tfrobust.losses import cross_entropy
from tfrobust.names import IGR_BASES
from tfrobust.objectives.inner import InnerMax
from tfrobust.similarity.differentiable import cosine_distance


@dataclass(frozen=True, kw_only=True)
class Igr(InnerMax):
    """attribution_weight: lambda.  ig_steps: points of each IG.  base: madry or natural.  chunk: points at once."""

    attribution_weight: float
    ig_steps: int
    base: str = "madry"
    chunk: int | None = None

    def __post_init__(self):
        super().__post_init__()
        check_choice("base", self.base, IGR_BASES)
        check_number("attribution_weight", self.attribution_weight)
        check_whole("ig_steps", self.ig_steps, 1)

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

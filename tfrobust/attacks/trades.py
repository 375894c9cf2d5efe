"""PGD on the divergence KL(f(x) || f(x')), as TRADES trains with (Zhang et al., 2019)."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfrobust.attacks.pgd import Pgd
from tfrobust.attacks.prediction import Attacked
from tfrobust.distribution import draw_by_image
from tfrobust.losses import kl

# Standard deviation of the noise at the start: at x itself the divergence has no gradient.
START_DEVIATION = 1e-3


@dataclass(frozen=True)
class TradesAttack(Pgd):
    """PGD on the divergence from the prediction at x instead of a loss; the first run starts close to x."""

    name: ClassVar[str] = "TRADES"
    tag: ClassVar[int] = 5

    def worst(self, attacked: Attacked, x: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
        clean = attacked.logits(x)
        normal = lambda seed: tf.random.stateless_normal(x.shape[1:], seed)  # noqa: E731
        noise = draw_by_image(normal, self.seeds(examples, 0), dtype=x.dtype)

        def goal(z):
            f = attacked.logits(z)
            return attacked.preferring_wrong(kl(clean, f), f)

        return self.climb(goal, x, examples, False, self.ball.project(x + START_DEVIATION * noise, x))

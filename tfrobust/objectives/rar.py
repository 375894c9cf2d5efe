"""Robust Attribution Regularization (Chen et al., 2019), Sections 3 and 4.

    IG-NORM      mean of  l(x, y) + lambda max_{x'} || IG^l(x, x') ||_1
    IG-SUM-NORM  mean of  max_{x'} { l(x', y) + beta || IG^l(x, x') ||_1 }
    Eq. 7        mean of  l(x, y) + lambda max_{x'} { || IG^l(x, x') ||_1 - gamma |x' - x|_2^2 },  x' any image

IG^l(x, x') attributes the change of the loss l(., y) from x to x' on the straight line, label fixed; with `layer` to
the outputs of an intermediate layer instead of the pixels (Lemma 1).  Eq. 7 is the Lagrangian form of the Wasserstein
ball.

Differs from the paper: the mean over the batch where the released code sums (under Adam only the ratio of the terms
counts; a momentum rate must be multiplied by the batch size).  Right end points where Eq. 3 prints left ones, as the
code does; `rule="left"` is the paper's.  The loss inside IG is the stable cross-entropy, not the clipped logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attacks.pgd import pgd
from tfrobust.attributions import make_score
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.layer_attributions import layer_integrated_gradients
from tfrobust.attributions.quadrature import quadrature
from tfrobust.balls import LinfBall
from tfrobust.checks import check_number
from tfrobust.losses import cross_entropy
from tfrobust.objectives.inner import START, IgInnerMax
from tfrobust.types import Batch, Step, Terms

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class IgRegularized(IgInnerMax):
    """Training with the norm of Integrated Gradients from x to x' as regularizer; the base class of the three forms.

    Attributes:
        attribution_weight: lambda of IG-NORM and of Eq. 7, beta of IG-SUM-NORM.
        rule: where path points that are not drawn lie: right, left, trapezoid or gauss_legendre.
        layer: name of the layer whose outputs are attributed; None: the pixels.
    """

    attribution_weight: float
    rule: str = "right"
    layer: str | None = None

    def __post_init__(self):
        super().__post_init__()
        quadrature(self.rule, self.ig_steps)
        check_number("attribution_weight", self.attribution_weight)

    def ig_norm(
        self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, steps: int, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The regularizer || IG^l(x, x') ||_1.

        Args:
            network: logits out.
            batch: images x and their labels.
            x_adv: x', [B,H,W,C].
            steps: path points.
            seed: [2], of path points that are drawn; None: those of the rule.

        Returns:
            [B].
        """
        if self.layer:
            ig = layer_integrated_gradients(
                network, self.layer, "loss", x_adv, batch.y, baseline=batch.x, steps=steps, rule=self.rule, seed=seed
            )
        else:
            loss = make_score(network, "loss")
            ig = integrated_gradients(loss, x_adv, batch.y, batch.x, steps, rule=self.rule, chunk=self.chunk, seed=seed)
        return tf.reduce_sum(tf.abs(tf.reshape(ig, [tf.shape(ig)[0], -1])), axis=1)


@dataclass(frozen=True, kw_only=True)
class IgNorm(IgRegularized):
    """IG-NORM: cross-entropy at x plus the largest norm of Integrated Gradients in the ball."""

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        def goal(x, seed=None):
            return self.ig_norm(network, batch, x, self.ig_steps_attack, seed)

        return self.maximize(goal, batch.x, step, goal_seed=self.points_seed(step))

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        return {
            "cross_entropy": cross_entropy(batch.y, network(batch.x, training=True)),
            "ig_norm": self.attribution_weight * self.ig_norm(network, batch, x_adv, self.ig_steps),
        }


@dataclass(frozen=True, kw_only=True)
class IgSumNorm(IgRegularized):
    """IG-SUM-NORM: cross-entropy plus norm of Integrated Gradients, both at the x' where their sum is largest."""

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        def goal(x, seed=None):
            loss = cross_entropy(batch.y, network(x, training=False))
            return loss + self.attribution_weight * self.ig_norm(network, batch, x, self.ig_steps_attack, seed)

        return self.maximize(goal, batch.x, step, goal_seed=self.points_seed(step))

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        return {
            "cross_entropy_adv": cross_entropy(batch.y, network(x_adv, training=True)),
            "ig_norm": self.attribution_weight * self.ig_norm(network, batch, x_adv, self.ig_steps),
        }


@dataclass(frozen=True, kw_only=True)
class IgWasserstein(IgRegularized):
    """Eq. 7: IG-NORM with a price on distance instead of a ball; eps only bounds the random start.

    Attributes:
        gamma: price of a squared unit of Euclidean distance between x and x'.
    """

    gamma: float

    def _gain(self, network, batch, x, steps, seed=None):
        cost = tf.reduce_sum((x - batch.x) ** 2, axis=[1, 2, 3])
        return self.ig_norm(network, batch, x, steps, seed) - self.gamma * cost

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        start = self.ramped(step)[0].sample(batch.x, step.draw(START)) if self.random_start else batch.x
        anywhere = LinfBall(step.eps_scale)

        def goal(x, seed=None):
            return self._gain(network, batch, x, self.ig_steps_attack, seed)

        size, seed = self.step_size * step.eps_scale, self.points_seed(step)
        return pgd(goal, batch.x, anywhere, self.attack_steps, size, random_start=False, start=start, goal_seed=seed)

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        return {
            "cross_entropy": cross_entropy(batch.y, network(batch.x, training=True)),
            "ig_gain": self.attribution_weight * self._gain(network, batch, x_adv, self.ig_steps),
        }

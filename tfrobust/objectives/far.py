"""FAR, a general framework for attributional robustness (Ivankay et al., 2021), Eq. 5, 6, 10 and 11.

    Eq. 5     mean of  l(x, y) + lambda max_{x'} d(S(x'), S^T(x))                       inner: IFIA (Algorithm 1)
    Eq. 6     mean of  max_{x'} { l(x', y) + lambda d(S(x'), S^T(x)) }                  inner: adversarial IFIA (2)
    AAT       Eq. 5 with S = IG from black, d = PCL, S^T = S(x)                         (10)
    AdvAAT    Eq. 6 with the same                                                       (11)

S is any attribution, d any smooth dissimilarity, S^T the map of the clean image or one that is given.  Section 3.2 of
the paper (Madry, IG-NORM, IG-SUM-NORM and ART as cases of the general form) is tested.

Differs from the paper: the released code is not public, so these are choices.  Maps are of the class predicted at x,
the loss of the true class.  Algorithm 1 stops when the label changes; here its last label-keeping iterate is kept.
S^T is a constant in the attack and differentiated in the outer step.  Second derivatives of ReLU are those of
softplus(softplus_beta) in both steps, maps and first derivatives stay ReLU's; softplus_beta=None leaves ReLU as it is.
PCL has no gradient where x' = x, where the printed algorithms start: random_start is true unless given.  The paper's
rows start there and have three runs, of which two begin elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions import IntegratedGradients, MapSpec, attribute
from tfrobust.checks import check_choice, check_number, check_positive, check_whole
from tfrobust.losses import cross_entropy
from tfrobust.names import DISSIMILARITIES
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.objectives.inner import InnerMax
from tfrobust.types import Batch, InputError, Step, Terms

if TYPE_CHECKING:
    import keras

TARGETS = ("clean", "given", "none")


@dataclass(frozen=True, kw_only=True)
class Far(InnerMax):
    """The general framework of FAR: Eq. 5, or Eq. 6.

    Attributes:
        attribution_weight: lambda, weight of the dissimilarity.
        attribution: S, a MapSpec (its raw, signed map) or a function (network, x, batch, predicted classes) -> map.
        dissimilarity: d, a name of names.DISSIMILARITIES or a function (map, target) -> [B].
        adversarial: Eq. 6 instead of Eq. 5.
        target: S^T: clean (the map of the clean image), given (the first saliency map of the batch) or none (zeros).
        softplus_beta: sharpness of the softplus whose second derivative stands for ReLU's; None: ReLU as it is.
        chunk: path points held at once; None: all.
        attack_restarts: runs of the attack, the best of which counts; from the second on each starts at a random point,
          whatever random_start says (the paper's A.2: 3).
    """

    attribution_weight: float
    attribution: MapSpec | Callable
    dissimilarity: str | Callable = "pearson"
    adversarial: bool = False
    target: str = "clean"
    softplus_beta: float | None = 1.0
    chunk: int | None = None
    attack_restarts: int = 1

    @property
    def uses_saliency(self) -> bool:
        """Whether batches must hold saliency maps."""
        return self.target == "given"

    def __post_init__(self):
        super().__post_init__()
        for name, values in {"dissimilarity": DISSIMILARITIES, "target": TARGETS}.items():
            value = getattr(self, name)
            if not callable(value):
                check_choice(name, value, values)
        check_number("attribution_weight", self.attribution_weight)
        check_whole("attack_restarts", self.attack_restarts, 1)
        if self.softplus_beta is not None:
            check_positive("softplus_beta", self.softplus_beta)

    def maps(self, network: keras.Model, x: tf.Tensor, batch: Batch, predicted: tf.Tensor) -> tf.Tensor:
        """The attribution S(x), which can be differentiated twice.

        Args:
            network: logits out.
            x: images [B,H,W,C], clean or perturbed.
            batch: the clean images and their labels.
            predicted: classes [B] predicted at the clean images.

        Returns:
            [B,H,W,C].
        """
        surrogate = softplus_surrogate(network, self.softplus_beta, curvature_only=True)
        if callable(self.attribution):
            return self.attribution(surrogate, x, batch, predicted)
        return attribute(surrogate, self.attribution, x, predicted, self.chunk)

    def distance(
        self, network: keras.Model, x: tf.Tensor, batch: Batch, predicted: tf.Tensor, target: tf.Tensor
    ) -> tf.Tensor:
        """The dissimilarity d(S(x), S^T) of the map at x and the target map.

        Args:
            network: logits out.
            x: images [B,H,W,C], clean or perturbed.
            batch: the clean images and their labels.
            predicted: classes [B] predicted at the clean images.
            target: S^T, [B,H,W,C].

        Returns:
            [B].
        """
        name = self.dissimilarity
        return (name if callable(name) else DISSIMILARITIES[name])(self.maps(network, x, batch, predicted), target)

    def _predicted(self, network, batch):
        return tf.argmax(network(batch.x, training=False), axis=1, output_type=batch.y.dtype)

    def _target(self, network, batch, predicted):
        if self.target == "clean":
            return self.maps(network, batch.x, batch, predicted)
        if self.target == "none":
            return tf.zeros_like(batch.x)
        if batch.s is None:
            raise InputError("target=given needs a saliency map beside each image")
        return batch.s[:, 0]

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        predicted = self._predicted(network, batch)
        target = tf.stop_gradient(self._target(network, batch, predicted))

        def goal(x):
            distance = self.distance(network, x, batch, predicted, target)
            if not self.adversarial:
                return distance
            return cross_entropy(batch.y, network(x, training=False)) + self.attribution_weight * distance

        def keeps_label(x):
            return tf.argmax(network(x, training=False), axis=1, output_type=batch.y.dtype) == predicted

        return self.maximize(goal, batch.x, step, None if self.adversarial else keeps_label, self.attack_restarts)

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        predicted = self._predicted(network, batch)
        distance = self.distance(network, x_adv, batch, predicted, self._target(network, batch, predicted))
        name, x = ("cross_entropy_adv", x_adv) if self.adversarial else ("cross_entropy", batch.x)
        return {
            name: cross_entropy(batch.y, network(x, training=True)),
            "attribution": self.attribution_weight * distance,
        }


@dataclass(frozen=True, kw_only=True)
class Aat(Far):
    """AAT (Eq. 10): Eq. 5 with Integrated Gradients as attribution and Pearson's correlation as similarity.

    Attributes:
        ig_steps: path points of Integrated Gradients from black.
    """

    ig_steps: int
    attribution: MapSpec = field(init=False)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "attribution", MapSpec(IntegratedGradients(self.ig_steps)))


@dataclass(frozen=True, kw_only=True)
class AdvAat(Aat):
    """AdvAAT (Eq. 11): Eq. 6 with the attribution and the similarity of AAT."""

    adversarial: bool = True

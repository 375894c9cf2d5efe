"""The dual attack: the prediction flips and the map stays (ADV2, Zhang et al., 2020).

Attacks on maps keep the prediction and move the explanation; this one wants a wrong prediction that is explained as the
right one was, so that whoever looks at the map sees nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, ClassVar

import tensorflow as tf

from tfrobust.attacks.pgd import Pgd
from tfrobust.attacks.prediction import Attacked
from tfrobust.attributions import MapSpec, make_map, saliency_map
from tfrobust.checks import check_number, check_positive
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.similarity.differentiable import cosine

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Dual(Pgd):
    """PGD on loss(x', y) + map_weight [c != y] cos(a(x', c), a(x, y)), c the class that is predicted at x'.

    The map counts once the prediction is wrong, so that as many predictions flip as under PGD, and any wrong one counts
    more than every right one; the weight decides which of the wrong ones.  `evaluation.dual` measures how alike the
    maps are.

    Attributes:
        map_weight: weight of the cosine, 0 or more; with 0 it is PGD.
        map: the map that is to stay.
        softplus_beta: sharpness of the softplus whose second derivative takes the place of ReLU's along the map.
    """

    _: KW_ONLY
    map_weight: float = 10.0
    map: MapSpec = field(default_factory=lambda: make_map("gradient"))
    softplus_beta: float = 30.0

    name: ClassVar[str] = "dual"
    tag: ClassVar[int] = 43

    def __post_init__(self):
        super().__post_init__()
        check_number("map_weight", self.map_weight)
        check_positive("softplus_beta", self.softplus_beta)

    def on_predictions(self, network: keras.Model) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
        surrogate = softplus_surrogate(network, self.softplus_beta, True)
        return lambda x, y, examples: tf.stop_gradient(
            self.worst(AttackedWithMap(network, y, self.loss, x, attack=self, surrogate=surrogate), x, examples)
        )


class AttackedWithMap(Attacked):
    """As Attacked, with the cosine of the maps in the loss.

    Args:
        network, y, loss: as for `Attacked`.
        x: images [B,H,W,C], whose maps are to stay.
        attack: with weight and map.
        surrogate: whose maps have a second derivative.
    """

    def __init__(
        self, network: keras.Model, y: tf.Tensor, loss: str, x: tf.Tensor, *, attack: Dual, surrogate: keras.Model
    ):
        super().__init__(network, y, loss)
        self._attack, self._surrogate = attack, surrogate
        self._a = saliency_map(network, attack.map, x, y)

    def goal(self, x: tf.Tensor) -> tf.Tensor:
        f = self.logits(x)
        value = self._loss(self.y, f)
        if self._attack.map_weight:
            predicted = tf.stop_gradient(tf.cast(tf.argmax(f, axis=1), self.y.dtype))
            a = saliency_map(self._surrogate, self._attack.map, x, predicted)
            value += self._attack.map_weight * tf.where(predicted == self.y, 0.0, cosine(a, self._a))
        return self.preferring_wrong(value, f)

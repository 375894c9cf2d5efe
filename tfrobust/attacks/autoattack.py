"""AutoAttack (Croce & Hein, 2020): four attacks on predictions that fail for different reasons, without a parameter.

Its parts run one after the other, each on the images that are still predicted correctly:

    standard   APGD on cross-entropy; APGD on the targeted DLR loss and targeted FAB, for 9 classes each; Square Attack
    plus       APGD on cross-entropy and on DLR, and FAB, with 5 restarts each; Square; both targeted ones of standard
    rand       for networks with random answers: APGD on cross-entropy and on DLR, each step the mean of 20 answers
    quick      not the paper's: APGD on cross-entropy and on DLR, one run each, for a first look
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import tensorflow as tf

from tfrobust.attacks.apgd import Apgd
from tfrobust.attacks.asked_network import AskedNetwork
from tfrobust.attacks.fab import Fab
from tfrobust.attacks.prediction_search import PredictionSearch
from tfrobust.attacks.square_attack import SquareAttack
from tfrobust.checks import check_choice, check_whole
from tfrobust.names import AUTOATTACK_VERSIONS

if TYPE_CHECKING:
    import keras

NONE, BEFORE = -1, -2  # In the place of a part's number: fooled by none, predicted wrongly before any.


@dataclass(frozen=True)
class AutoAttack(PredictionSearch):
    """AutoAttack; `restarts` are runs of the whole.

    Attributes:
        steps: of each run of APGD and FAB.
        version: standard, plus, rand or quick; see the module.
        queries: of Square Attack.
        targets: classes of the targeted parts, those with the largest logits; at most K - 1.
        draws: answers of the network at each step of the version rand.
    """

    steps: int = 100
    _: KW_ONLY
    version: str = "standard"
    queries: int = 5000
    targets: int = 9
    draws: int = 20

    name: ClassVar[str] = "AutoAttack"
    tag: ClassVar[int] = 25

    def __post_init__(self):
        super().__post_init__()
        check_choice("version of AutoAttack", self.version, AUTOATTACK_VERSIONS)
        check_whole("queries of AutoAttack", self.queries)
        check_whole("targets of AutoAttack", self.targets, 1)
        check_whole("draws of AutoAttack", self.draws, 1)

    @property
    def parts(self) -> Mapping[str, PredictionSearch]:
        """The attacks by name, in their order."""
        ball: dict[str, Any] = {"norm": self.norm, "seed": self.seed}
        apgd = lambda **more: Apgd(self.eps, self.steps, **ball, **more)  # noqa: E731
        fab = lambda **more: Fab(self.eps, self.steps, **ball, **more)  # noqa: E731
        targeted = {
            "APGD-DLR, targeted": apgd(loss="dlr", targets=self.targets, restarts=self.restarts),
            "FAB, targeted": fab(targets=self.targets, restarts=self.restarts),
        }
        square = {"Square": SquareAttack(self.eps, self.queries, restarts=self.restarts, **ball)}
        if self.version == "standard":
            return {"APGD-CE": apgd(restarts=self.restarts), **targeted, **square}
        restarts = {"restarts": (5 if self.version == "plus" else 1) * self.restarts}
        more = {"draws": self.draws, **restarts} if self.version == "rand" else restarts
        both = {"APGD-CE": apgd(**more), "APGD-DLR": apgd(loss="dlr", **more)}
        return {**both, "FAB": fab(**restarts), **square, **targeted} if self.version == "plus" else both

    @property
    def rounds(self) -> int:
        return sum(part.rounds for part in self.parts.values())

    def describe(self) -> str:
        return f"{self.name} ({self.version}, {self.norm}, eps {self.eps:.4g})"

    def on_predictions(self, network: keras.Model) -> AutoAttackOnNetwork:
        return AutoAttackOnNetwork(self, network)


@dataclass(frozen=True)
class Fooled:
    """What AutoAttack found on N images.

    Attributes:
        x_adv: images [N,H,W,C], predicted wrongly where `part` is not NONE; or else what the last part found.
        part: numbers [N] of the parts that fooled the network; NONE, or BEFORE for x that are predicted wrongly.
        gradients: answers with a gradient [N,P] that each part took for each image, on the average of its batch.
        queries: the same [N,P] of answers without a gradient.
        seconds: that each part spent [N,P] on each image.
    """

    x_adv: np.ndarray
    part: np.ndarray
    gradients: np.ndarray
    queries: np.ndarray
    seconds: np.ndarray


class AutoAttackOnNetwork:
    """AutoAttack on one network, whose parts share what is traced.

    Args:
        attack: with its settings.
        network: logits out.
    """

    def __init__(self, attack: AutoAttack, network: keras.Model):
        self.attack, self.asked = attack, AskedNetwork(network)

    def __call__(self, x: tf.Tensor, y: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
        """The images [B,H,W,C] of `fool`."""
        return tf.constant(self.fool(np.asarray(x), np.asarray(y), np.asarray(examples)).x_adv)

    def fool(
        self, x: np.ndarray, y: np.ndarray, examples: np.ndarray, tick: Callable[[], None] = lambda: None
    ) -> Fooled:
        """Makes all attacks on a batch, each on the images that no part before it has fooled.

        Args:
            x: images [B,H,W,C] in [0, 1].
            y: labels [B].
            examples: numbers [B] of the images, which seed their draws.
            tick: called once a step.
        """
        parts, x_adv = self.attack.parts.values(), np.array(x)
        part = np.where(self.asked.right(x, y), NONE, BEFORE)
        cost = np.zeros((3, len(x), len(parts)))
        for i, attack in enumerate(parts):
            left = np.flatnonzero(part == NONE)
            if not len(left):
                break
            before = self._spent()
            found = attack.search(self.asked, x[left], y[left], examples[left], tick)
            cost[:, left, i] = ((self._spent() - before) / len(left))[:, None]
            x_adv[left] = found
            part[left[~self.asked.right(found, y[left])]] = i
        return Fooled(x_adv, part, *cost)

    def _spent(self):
        return np.array([self.asked.gradients, self.asked.queries, time.perf_counter()])

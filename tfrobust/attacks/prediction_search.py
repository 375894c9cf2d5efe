"""Base class of attacks that look for a wrong prediction and leave an image as soon as they have one.

Their loop runs outside of graphs, over batches that shrink; what they ask of the network is traced (`AskedNetwork`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import tensorflow as tf

from tfrobust.attacks.asked_network import AskedNetwork
from tfrobust.attacks.attack import Attack
from tfrobust.attacks.prediction import PredictionAttack
from tfrobust.checks import check_whole

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class PredictionSearch(PredictionAttack, Attack):
    """A search for a wrong prediction within the ball; the base class of the dataclasses of AutoAttack's parts.

    Attributes:
        steps: of each run.
        follows_gradient: it asks for gradients, and not for predictions alone.
    """

    steps: int
    _: KW_ONLY

    in_graph: ClassVar[bool] = False
    follows_gradient: ClassVar[bool] = True

    def __post_init__(self):
        Attack.__post_init__(self)
        PredictionAttack.__post_init__(self)
        check_whole("steps of an attack", self.steps)

    @property
    def rounds(self) -> int:
        """Steps of all its runs, for a progress bar."""
        return self.restarts * self.steps

    def on_predictions(self, network: keras.Model) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
        """The attack on one network; what it returns is to be called outside of graphs.  See `PredictionAttack`."""
        asked = AskedNetwork(network)
        return lambda x, y, examples: tf.constant(
            self.search(asked, np.asarray(x), np.asarray(y), np.asarray(examples))
        )

    def search(
        self,
        asked: AskedNetwork,
        x: np.ndarray,
        y: np.ndarray,
        examples: np.ndarray,
        tick: Callable[[], None] = lambda: None,
    ) -> np.ndarray:
        """Makes all runs, each on the images that are still predicted correctly.

        Args:
            asked: the network.
            x: images [B,H,W,C] in [0, 1].
            y: labels [B].
            examples: numbers [B] of the images, which seed their draws.
            tick: called once a step.

        Returns:
            The worst images [B,H,W,C] that were found; x itself where the prediction is wrong already.
        """
        x_adv, logits = np.array(x), asked.logits(x)
        left = np.flatnonzero(np.argmax(logits, axis=1) == y)
        for run in range(self.runs(asked.classes)):
            if not len(left):
                break
            seeds = self.seeds(examples[left], run)
            found, fooled = self.run(asked, x[left], y[left], logits[left], seeds, run=run, tick=tick)
            x_adv[left] = found
            left = left[~fooled]
        return x_adv

    def runs(self, classes: int) -> int:
        """Number of runs on a network of so many classes."""
        return self.restarts

    def run(
        self,
        asked: AskedNetwork,
        x: np.ndarray,
        y: np.ndarray,
        logits: np.ndarray,
        seeds: tf.Tensor,
        *,
        run: int,
        tick: Callable[[], None],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Makes one run.

        Args:
            asked: the network.
            x: images [B,H,W,C] in [0, 1], which are predicted correctly.
            y: their labels [B].
            logits: of the images, [B,K].
            seeds: [B,2], of the draws of this run.
            run: its number, from 0 on.
            tick: called once a step.

        Returns:
            The worst images [B,H,W,C] that were found, and for which of them the prediction is wrong, [B] bool.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class TargetedSearch(PredictionSearch):
    """A search that may drive to one class after the other.

    Attributes:
        targets: number of classes that each restart drives to, in runs of their own: those with the largest logits at
          x, the label left out; at most K - 1.  0: untargeted.
    """

    _: KW_ONLY
    targets: int = 0

    def __post_init__(self):
        super().__post_init__()
        check_whole("targets of an attack", self.targets)

    @property
    def rounds(self) -> int:
        return max(self.targets, 1) * super().rounds

    def runs(self, classes: int) -> int:
        return self.restarts * self._targets(classes)

    def _targets(self, classes):
        return max(min(self.targets, classes - 1), 1)

    def target(self, y: np.ndarray, logits: np.ndarray, run: int) -> np.ndarray:
        """The classes [B] that run number `run` drives images to, of labels y [B] and logits [B,K] at x."""
        others = np.array(logits)
        others[np.arange(len(y)), y] = -np.inf
        ranked = np.argsort(-others, axis=1, kind="stable")
        return ranked[:, run % self._targets(logits.shape[1])].astype(y.dtype)

"""Base classes of attacks on attribution maps: their settings, and their loop over runs on one network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attacks.attack import Attack
from tfrobust.attacks.attacked_maps import AttackedMaps
from tfrobust.attacks.best_iterate import BestIterate, Judge, judge_of
from tfrobust.attributions import MapSpec
from tfrobust.errors import InputError
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import keras


class MapAttack(Attack):
    """An attack on the maps of a network; the base class of the attacks' dataclasses.

    Attributes:
        criterion: by which an iterate is chosen: kendall, spearman, intersection, center or target.
    """

    criterion: str

    @property
    def k(self) -> int | None:
        """Size in pixels of the top-k set that it attacks; None where it has no such set."""
        return None

    @property
    def targeted(self) -> bool:
        """Whether it drives the maps towards others that are given."""
        return False

    @property
    def rounds(self) -> int:
        """Iterations of all its runs, for a progress bar."""
        raise NotImplementedError

    @property
    def gradients(self) -> int:
        """Gradients of a goal that it takes for each image, which cost most of its time; 0 where it follows none."""
        return 0

    def check(self, shape: Sequence[int]) -> None:
        """Raises InputError where it does not fit images of shape (H, W, C)."""

    def control(self, draws: int = 1) -> MapAttack:
        """Random noise with the ball, the seed and the criterion of the attack, as a control.

        Args:
            draws: of each image, of which the one with the least alike map counts.
        """
        raise NotImplementedError

    def on_maps(self, network: keras.Model, spec: MapSpec, comparison: Comparison, chunk: int | None = None) -> Search:
        """The attack on one network, which is called batch by batch.

        Args:
            network: logits out.
            spec: of the map that is attacked and measured.
            comparison: gives k and ties of the criterion that chooses the iterate.
            chunk: path points held at once; None: all.

        Raises:
            InputError: where the attack does not fit such maps.
        """
        raise NotImplementedError


class BlackBoxAttack(MapAttack):
    """An attack that asks for maps and predictions alone; the base class of such attacks' dataclasses.

    What they ask need not be a network: see `on_judge`.
    """

    def on_judge(self, judge: Judge, comparison: Comparison) -> Search:
        """The attack on whatever the judge asks for maps and predictions.

        Args:
            judge: has the methods `maps` and `labels` of `best_iterate.Judge`.
            comparison: gives k and ties of the criterion that chooses the iterate.
        """
        raise NotImplementedError

    def on_maps(self, network: keras.Model, spec: MapSpec, comparison: Comparison, chunk: int | None = None) -> Search:
        return self.on_judge(judge_of(network, spec, chunk), comparison)


class Search:
    """An attack on maps, called batch by batch.

    Args:
        judge: gives maps and predictions.
        comparison: gives k and ties of the criterion that chooses the iterate.
        attack: with its settings.
    """

    def __init__(self, judge: Judge, comparison: Comparison, attack: MapAttack):
        self._judge, self.comparison, self.attack, self.ball = judge, comparison, attack, attack.ball

    def __call__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        examples: np.ndarray | None = None,
        tick: Callable[[], None] = lambda: None,
        target: np.ndarray | None = None,
    ) -> AttackedMaps:
        """Attacks a batch of images, and keeps of each the iterate that is best by the attack's own criterion.

        Args:
            x: images [B,H,W,C] in [0, 1].
            y: labels [B] that are attributed and to be kept.
            examples: numbers [B] of the images, which seed their draws; None: 0, 1, ...
            tick: called once an iteration.
            target: the maps [B,H,W] that a targeted attack drives to; None for other attacks.

        Raises:
            InputError: without targets, for an attack that needs them.
        """
        best = self.keeper(x, y, (self.attack.criterion,), target=target)
        return best.found_maps(None, *self.search(best, examples, tick, target))

    def keeper(
        self,
        x: np.ndarray,
        y: np.ndarray,
        criteria: Iterable[str],
        *,
        target: np.ndarray | None = None,
        k: int | None = None,
        original_map: np.ndarray | None = None,
    ) -> BestIterate:
        """A `BestIterate` for these images that holds no iterate yet.

        Args:
            x: images [B,H,W,C].
            y: labels [B] that are attributed and to be kept.
            criteria: kendall, spearman, intersection, center or target; for each of them an iterate is kept.
            target: the maps [B,H,W] that the criterion target compares with; None where it is not among them.
            original_map: the network's maps [B,H,W] of x; None: they are computed.
            k: of the criterion intersection; None: the attack's own, or else that of the comparison.
        """
        return BestIterate(
            self._judge, x, y, criteria, self.comparison, k=k or self.attack.k, target=target, original_map=original_map
        )

    def search(
        self,
        best: BestIterate,
        examples: np.ndarray | None = None,
        tick: Callable[[], None] = lambda: None,
        target: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Makes all runs on the images of `best`, and offers every iterate to it.

        Args:
            best: holds the images and labels, and keeps the best iterates.
            examples: numbers [B] of the images, which seed their draws; None: 0, 1, ...
            tick: called once an iteration.
            target: the maps [B,H,W] that a targeted attack drives to; None for other attacks.

        Returns:
            had_gradient, goal_rose: of each image, [B] bool; see `AttackedMaps`.

        Raises:
            InputError: without targets, for an attack that needs them.
        """
        if self.attack.targeted and target is None:
            raise InputError(f"{self.attack.name} needs target maps")
        x, y = tf.convert_to_tensor(best.x, tf.float32), tf.convert_to_tensor(best.y)
        examples = tf.range(len(x)) if examples is None else tf.convert_to_tensor(examples)
        fates = np.zeros((2, len(x)), bool)
        for run in range(self.attack.restarts):
            fates |= self.run(best, x, y, self.attack.seeds(examples, run), run, tick=tick, target=target)
        return fates[0], fates[1]

    def run(
        self,
        best: BestIterate,
        x: tf.Tensor,
        y: tf.Tensor,
        seeds: tf.Tensor,
        run: int,
        *,
        tick: Callable[[], None],
        target: np.ndarray | None,
    ) -> np.ndarray:
        """Makes one run from its start, and offers every iterate to `best`.

        Args:
            best: keeps the best iterates.
            x: images [B,H,W,C].
            y: labels [B] that are attributed and to be kept.
            seeds: [B,2], of the draws of this run.
            run: its number, from 0 on.
            tick: called once an iteration.
            target: the maps [B,H,W] that a targeted attack drives to; None for other attacks.

        Returns:
            [2,B] bool: had_gradient and goal_rose of each image.
        """
        raise NotImplementedError


class AttackOnNetwork(Search):
    """An attack on the maps of one network: traced once, then called batch by batch.

    Args:
        network: logits out.
        spec: of the map that is attacked and measured.
        comparison: gives k and ties of the criterion that chooses the iterate.
        attack: with its settings.
        chunk: path points held at once; None: all.
    """

    def __init__(
        self, network: keras.Model, spec: MapSpec, comparison: Comparison, attack: MapAttack, chunk: int | None
    ):
        super().__init__(judge_of(network, spec, chunk), comparison, attack)
        self.network = network

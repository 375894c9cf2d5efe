"""What attacks on attribution maps have in common."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfrobust.attacks.attacked_maps import AttackedMaps
from tfrobust.attacks.best_iterate import BestIterate, judge_of
from tfrobust.attributions import MapSpec
from tfrobust.errors import InputError
from tfrobust.similarity import Comparison


class MapAttack:
    """An attack on the maps of a network; a base class of dataclasses.

    Attributes:
        k: size of the set of pixels that it moves; None where it has no such set.
        targeted: it wants to get near to maps that are given.
        rounds: iterations of all its runs, for a progress bar.
        gradients: of a goal that it takes for each image, the second derivatives that most of its time goes into.
        criterion: by which an iterate is chosen: kendall, spearman, intersection, center or target.
    """

    criterion: str
    k: int | None = None
    targeted = False
    rounds: int

    @property
    def gradients(self) -> int:
        """None of it, for attacks that ask for predictions and maps alone."""
        return 0

    def check(self, shape) -> None:
        """Raises InputError where it does not fit images of shape (H, W, C)."""

    def control(self, draws: int = 1) -> "MapAttack":
        """Noise with the ball, the seed and the criterion of the attack; draws: of which the least alike map counts."""
        raise NotImplementedError

    def on_maps(self, network, spec: MapSpec, comparison: Comparison, chunk: int | None = None) -> "AttackOnNetwork":
        """The attack on one network, which is called batch by batch.

        Args:
            network: logits out.
            spec: of the map that is attacked and measured.
            comparison: whose k and ties the criterion has that chooses the iterate.
            chunk: path points held at once.
        """
        raise NotImplementedError


class AttackOnNetwork:
    """An attack on the maps of one network: traced once, then called batch by batch.

    Args:
        network: logits out.
        spec: of the map that is attacked and measured.
        comparison: whose k and ties the criterion has that chooses the iterate.
        attack: with its settings.
        chunk: path points held at once.
    """

    def __init__(self, network, spec: MapSpec, comparison: Comparison, attack: MapAttack, chunk: int | None):
        self.network, self.comparison, self.attack, self.ball = network, comparison, attack, attack.ball
        self._judge = judge_of(network, spec, chunk)

    def __call__(self, x, y, examples=None, tick: Callable[[], None] = lambda: None, target=None) -> AttackedMaps:
        """What the attack finds by its own criterion.

        Args:
            x: images [B,H,W,C].
            y: labels [B] that are attributed and to be kept.
            examples: numbers [B] of the images, which seed their draws.
            tick: called once an iteration.
            target: the maps [B,H,W] that a targeted attack wants to get near to.

        Raises:
            InputError: without targets, for an attack that needs them.
        """
        best = self.keeper(x, y, (self.attack.criterion,), target)
        return best.found_maps(None, *self.search(best, examples, tick, target))

    def keeper(self, x, y, criteria, target=None, k: int | None = None, original_map=None) -> BestIterate:
        """An empty keeper of the best iterates of these images by these criteria; arguments as those of BestIterate."""
        return BestIterate(self._judge, x, y, criteria, self.comparison, k or self.attack.k, target, original_map)

    def search(
        self, best: BestIterate, examples=None, tick: Callable[[], None] = lambda: None, target=None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Offers every iterate to `best`, whose images and labels are attacked.

        Returns:
            had_gradient, goal_rose: of each image, [B] bool; see `AttackedMaps`.
        """
        if self.attack.targeted and target is None:
            raise InputError(f"{self.attack.name} needs target maps")
        x, y = tf.convert_to_tensor(best.x, tf.float32), tf.convert_to_tensor(best.y)
        examples = tf.range(len(x)) if examples is None else tf.convert_to_tensor(examples)
        fates = np.zeros((2, len(x)), bool)
        for run in range(self.attack.restarts):
            fates |= self.run(best, x, y, self.attack.seeds(examples, run), run, tick, target)
        return fates[0], fates[1]

    def run(self, best: BestIterate, x, y, seeds, run: int, tick, target):
        """One run from its start: [2,B] bool, had_gradient and goal_rose.  seeds: [B,2]."""
        raise NotImplementedError

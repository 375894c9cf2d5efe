"""Random noise of the same budget: the control that every attack has to beat.

A map that moves as much under noise as under attack is unstable, not attacked; a number under attack says little
without the one under noise beside it.
"""

from typing import Callable, Optional

import tensorflow as tf

from tfrobust.attacks.best import BestIterate, Outcome, judge_of
from tfrobust.attacks.spec import AttackSpec
from tfrobust.attributions.spec import AttributionSpec


class NoiseControl:
    """Draws uniformly from the ball `restarts` times and keeps what an attack would: the least alike of the draws that
    keep the label.  One draw (the default) is noise; many are a random search."""

    def __init__(self, network, attribution: AttributionSpec, attack: AttackSpec, chunk: Optional[int] = None):
        self.attribution, self.attack = attribution, attack
        self._judge = judge_of(network, attribution, chunk)

    def __call__(self, x, y, examples=None, tick: Callable[[], None] = lambda: None) -> Outcome:
        """x [B,H,W,C] and the labels y [B] to be kept.
        examples: their numbers [B], which seed their draws.  tick: called once a draw."""
        x, attack = tf.convert_to_tensor(x, tf.float32), self.attack
        examples = tf.range(len(x)) if examples is None else examples
        best = BestIterate(self._judge, x, y, attack.criterion, attack.k, self.attribution.ties)
        for run in range(attack.restarts):
            best.offer(attack.ball.sample(x, attack.seeds(examples, run)))
            tick()
        return best.outcome()

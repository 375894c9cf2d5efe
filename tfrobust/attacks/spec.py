"""The exact meaning of an attack: everything that changes a number measured under it."""

from dataclasses import dataclass
from typing import Optional

import tensorflow as tf

from tfrobust.balls import Ball, make_ball
from tfrobust.checks import check_choice
from tfrobust.names import ATTACKS, BALLS, CRITERIA, KEEP, LOSSES
from tfrobust.types import InputError


@dataclass(frozen=True)
class AttackSpec:
    """Which attack, within which ball, for how long.

    method: pgd, trades, spsa, spatial on the prediction; ifia_* and manipulation on the attribution; noise as control.
    eps, norm: the ball, in units of the pixel range [0, 1].  steps, step_size: iterations and length of one.
    random_start: start at a point of the ball instead of x.  restarts: runs (noise: draws), the best is kept; all but
      the first start at a random point.  seed: of every draw; each example draws by its own number, so that batches do
      not matter.
    keep (pgd): "best" iterate by loss, or the "last" as in the released code.
    loss (pgd, spsa, spatial): cross_entropy, margin or negative_logit.
    samples, delta (spsa): pairs of points per step and their distance from x.
    degrees, pixels (spatial): largest rotation and shift.
    k (ifia_top_k, ifia_target): size of the set whose mass is driven down or up.
    softplus_beta (on attributions): of the twin whose second derivative gives the direction; None: the network itself.
    curvature_only (on attributions): only the second derivative is softplus' (FAR), maps stay the network's.
    keep_label (on attributions): a step that changes the predicted class is taken back and its length halved.
    output_weight (manipulation): of the change of the logits.
    criterion (on attributions, noise): chooses the iterate: kendall, spearman, intersection (of the k of the attack),
      center, or target (nearness to the target map).
    """

    method: str
    eps: float
    norm: str = "linf"
    steps: int = 0
    step_size: float = 0.0
    random_start: bool = False
    restarts: int = 1
    seed: int = 0
    loss: str = "cross_entropy"
    keep: str = "best"
    k: int = 100
    softplus_beta: Optional[float] = 1.0
    criterion: str = "kendall"
    samples: int = 64
    delta: float = 0.01
    degrees: float = 30.0
    pixels: float = 3.0
    curvature_only: bool = False
    keep_label: bool = False
    output_weight: float = 1.0

    def __post_init__(self):
        make_ball(self.norm, self.eps)
        for name, values in {
            "method": ATTACKS,
            "norm": BALLS,
            "loss": LOSSES,
            "keep": KEEP,
            "criterion": CRITERIA,
        }.items():
            check_choice(name, getattr(self, name), values)
        if self.samples < 1 or not self.delta > 0 or self.output_weight < 0:
            raise InputError("an attack needs samples >= 1, delta > 0 and output_weight >= 0")
        if self.degrees < 0 or self.pixels < 0:
            raise InputError("degrees and pixels of a spatial attack must be 0 or more")
        if self.criterion == "target" and self.method not in ("ifia_target", "manipulation"):
            raise InputError(f"criterion target needs a target map, which {self.method} has not")
        if self.steps < 0 or self.restarts < 1 or self.step_size < 0:
            raise InputError("an attack needs steps >= 0, step_size >= 0 and restarts >= 1")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"the seed of an attack must lie in [0, 2^31); got {self.seed}")
        if self.softplus_beta is not None and not self.softplus_beta > 0:
            raise InputError(f"softplus_beta must be above 0; got {self.softplus_beta}")

    @property
    def ball(self) -> Ball:
        """The ball of `norm` and `eps`; InputError where there is none."""
        return make_ball(self.norm, self.eps)

    def seeds(self, examples, run: int) -> tf.Tensor:
        """Seeds [B,2] of the examples with these numbers [B], in one run; attacks of different methods draw apart."""
        own = (self.seed + 7919 * (ATTACKS.index(self.method) + 1) + 104729 * run) % 2**31
        examples = tf.cast(examples, tf.int32)
        return tf.stack([tf.fill(tf.shape(examples), tf.constant(own, tf.int32)), examples], axis=1)

    def check(self, shape) -> None:
        """Raises InputError where k is used and does not fit images of shape (H, W, C)."""
        if self.method not in ("ifia_top_k", "ifia_target") and self.criterion != "intersection":
            return
        if self.k < 1 or self.k > shape[0] * shape[1]:
            raise InputError(f"k = {self.k} of the attack does not fit the {shape[0] * shape[1]} pixels of an image")

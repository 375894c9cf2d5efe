"""The exact meaning of an attack: everything that changes a number measured under it."""

from dataclasses import dataclass
from typing import Optional

import tensorflow as tf

from tfrobust.balls import BALLS, Ball, make_ball
from tfrobust.losses import LOSSES
from tfrobust.types import InputError

METHODS = ("pgd", "ifia_top_k", "ifia_mass_center", "noise")
KEEP = ("best", "last")
CRITERIA = ("kendall", "spearman", "intersection", "center")


@dataclass(frozen=True)
class AttackSpec:
    """Which attack, within which ball, for how long.

    method: pgd on the prediction, ifia_top_k or ifia_mass_center on the attribution, noise as their control.
    eps, norm: the ball, in units of the pixel range [0, 1].  steps, step_size: iterations and length of one.
    random_start: start at a point of the ball instead of x.  restarts: runs (noise: draws), the best is kept; all but
      the first start at a random point.  seed: of every draw; each example draws by its own number, so that batches do
      not matter.
    keep (pgd): "best" iterate by loss, or the "last" as in the released code.
    loss (pgd): cross_entropy or margin.
    k (ifia_top_k): size of the set whose mass is driven down.
    softplus_beta (ifia): of the twin whose second derivative gives the direction; None: the network itself.
    criterion (ifia, noise): chooses the iterate: kendall, spearman, intersection (of the k of the attack) or center.
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

    def __post_init__(self):
        make_ball(self.norm, self.eps)
        for name, values in {
            "method": METHODS,
            "norm": BALLS,
            "loss": LOSSES,
            "keep": KEEP,
            "criterion": CRITERIA,
        }.items():
            if getattr(self, name) not in values:
                raise InputError(f"unknown {name} {getattr(self, name)!r}: choose one of {', '.join(values)}")
        if self.steps < 0 or self.restarts < 1 or self.step_size < 0:
            raise InputError("an attack needs steps >= 0, step_size >= 0 and restarts >= 1")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"the seed of an attack must lie in [0, 2^31); got {self.seed}")
        if self.softplus_beta is not None and not self.softplus_beta > 0:
            raise InputError(f"softplus_beta must be above 0; got {self.softplus_beta}")

    @property
    def ball(self) -> Ball:
        return make_ball(self.norm, self.eps)

    def seeds(self, examples, run: int) -> tf.Tensor:
        """Seeds [B,2] of the examples with these numbers [B], in one run; attacks of different methods draw apart."""
        own = (self.seed + 7919 * (METHODS.index(self.method) + 1) + 104729 * run) % 2**31
        examples = tf.cast(examples, tf.int32)
        return tf.stack([tf.fill(tf.shape(examples), tf.constant(own, tf.int32)), examples], axis=1)

    def check(self, shape) -> None:
        """Raises InputError where k is used and does not fit images of shape (H, W, C)."""
        if self.method != "ifia_top_k" and self.criterion != "intersection":
            return
        if self.k < 1 or self.k > shape[0] * shape[1]:
            raise InputError(f"k = {self.k} of the attack does not fit the {shape[0] * shape[1]} pixels of an image")

"""What every attack has in common: a frozen dataclass of its ball, its runs, its seed and settings of its own."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import tensorflow as tf

from tfrobust.balls import Ball, make_ball
from tfrobust.checks import check_number, check_seed, check_whole


@dataclass(frozen=True)
class Attack:
    """An attack within a ball; the base class of the attacks' dataclasses.

    Attributes:
        eps: radius of the ball, in units of the pixel range [0, 1].
        norm: of the ball, linf or l2.
        restarts: number of runs, of which the best counts; all but the first start at a random point.
        seed: of every draw; each example draws by its own number, so that batches do not matter.
        name: what the attack is called in tables.
        tag: sets its draws apart from those of other attacks with the same seed.
        unit: what `steps` counts, where an attack has them: steps or queries.
    """

    eps: float
    _: KW_ONLY
    norm: str = "linf"
    restarts: int = 1
    seed: int = 0

    name: ClassVar[str]
    tag: ClassVar[int]
    unit: ClassVar[str] = "steps"

    def __post_init__(self):
        make_ball(self.norm, self.eps)
        check_whole("restarts of an attack", self.restarts, 1)
        check_seed("the seed of an attack", self.seed)

    @property
    def ball(self) -> Ball:
        """The ball of `norm` and `eps`."""
        return make_ball(self.norm, self.eps)

    def seeds(self, examples: tf.Tensor, run: int) -> tf.Tensor:
        """Seeds [B,2] for run number `run`, of the images whose numbers in the data set are `examples` [B]."""
        own = (self.seed + 7919 * self.tag + 104729 * run) % 2**31
        examples = tf.cast(examples, tf.int32)
        return tf.stack([tf.fill(tf.shape(examples), tf.constant(own, tf.int32)), examples], axis=1)

    def describe(self) -> str:
        """The attack in words: its name, ball, steps and top-k set."""
        parts = [self.norm, f"eps {self.eps:.4g}"]
        own: Any = self  # Not every attack has steps or a top-k set.
        if hasattr(own, "steps"):
            length = f" of {own.step_size:.3g}" if hasattr(own, "step_size") else ""
            parts.append(f"{own.steps} {self.unit}{length}")
        if self.restarts > 1:
            parts.append(f"best of {self.restarts} runs")
        if getattr(own, "k", None):
            parts.append(f"k {own.k}")
        return f"{self.name} ({', '.join(parts)})"


def check_steps(steps: int, step_size: float) -> None:
    """Raises InputError unless `steps` is a whole number and `step_size` a finite one, both 0 or more."""
    check_whole("steps of an attack", steps)
    check_number("step_size of an attack", step_size)

"""How long, how fast, and from which seed a network is trained."""

from dataclasses import dataclass, replace
from typing import Sequence

from tfrobust.types import InputError

OPTIMIZERS = ("adam", "sgd")


@dataclass(frozen=True)
class TrainingSpec:
    """steps: batches.  batch_size: images in one, over all replicas.
    learning_rates: one rate, or one for each stretch between `boundaries` (in steps).
    optimizer: adam, or sgd with `momentum`.  seed: of weights, data order and every draw.
    eps_ramp_steps: eps and the attack's step size grow linearly from 0 over so many steps (0: full from the start).
    checkpoint_every: steps between checkpoints, beside the one at the end.
    sparsity: share of each kernel's weights that ends as zero (see `pruning`).
    """

    steps: int
    batch_size: int
    learning_rates: Sequence[float]
    boundaries: Sequence[int] = ()
    optimizer: str = "adam"
    momentum: float = 0.9
    seed: int = 0
    eps_ramp_steps: int = 0
    checkpoint_every: int = 500
    sparsity: float = 0.0

    def __post_init__(self):
        if self.steps < 1 or self.batch_size < 1 or self.checkpoint_every < 1:
            raise InputError("steps, batch_size and checkpoint_every must be at least 1")
        if self.optimizer not in OPTIMIZERS:
            raise InputError(f"unknown optimizer {self.optimizer!r}: choose one of {', '.join(OPTIMIZERS)}")
        if not self.learning_rates or not all(rate > 0 for rate in self.learning_rates):
            raise InputError("learning rates must be above 0, one at least")
        if len(self.learning_rates) != len(self.boundaries) + 1:
            raise InputError(
                f"{len(self.learning_rates)} learning rates need {len(self.learning_rates) - 1} boundaries "
                f"between them; got {len(self.boundaries)}"
            )
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise InputError("the boundaries of the learning rates must increase")
        if self.eps_ramp_steps < 0 or not 0 <= self.seed < 2**31:
            raise InputError("eps_ramp_steps must be 0 or more, seed in [0, 2^31)")
        if not 0 <= self.sparsity < 1:
            raise InputError("sparsity, the share of weights that become zero, must lie in [0, 1)")

    def lasting(self, steps: int) -> "TrainingSpec":
        """The same plan stretched or shortened to `steps`: boundaries and ramp keep their place in it."""
        factor = steps / self.steps
        return replace(
            self,
            steps=steps,
            boundaries=tuple(round(b * factor) for b in self.boundaries),
            eps_ramp_steps=round(self.eps_ramp_steps * factor),
        )

"""`TrainingSpec`: the plan of a training run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tfrobust.checks import check_choice, check_fields, check_number, check_positive, check_seed, check_whole
from tfrobust.errors import InputError
from tfrobust.names import JIT, OPTIMIZERS, PRECISIONS, REDUCTIONS


@dataclass(frozen=True)
class TrainingSpec:
    """Plan of a training run: its length, optimizer, learning rates, precision and seed.

    Attributes:
        steps: length in batches; None: that of `epochs`.  With both, the plan of so many epochs is shortened to so many
          steps.
        batch_size: images of a batch, over all replicas.
        learning_rates: one rate, or one for each stretch between `boundaries`.
        boundaries: where the learning rate changes, counted in steps, or in epochs where `epochs` is given (see
          `in_steps`).
        optimizer: adam or sgd.
        momentum: of sgd.
        seed: of weights, data order and every draw.
        eps_ramp_steps: eps and the attack's step size grow linearly from 0 over so many steps (0: full from the start).
        checkpoint_every: steps between checkpoints, beside the one at the end.
        sparsity: share of each kernel's weights that ends as zero, in [0, 1) (see `training.pruning`).
        epochs: length in passes over the images; None: that of `steps`.
        nesterov: sgd takes Nesterov's momentum.
        weight_decay: the loss gains weight_decay / 2 times the squared norm of all kernels, biases left out.
        reduction: the loss is the mean over the batch, or its sum (RAR's released code for its two losses).
        precision: float32; bfloat16_attack: the inner maximisation runs on a bfloat16 copy of the network; bfloat16:
          the network itself does (see `tfrobust.networks.bfloat16`).
        jit: on: steps are compiled by XLA; auto: where there is a GPU or a TPU; off: never.

    Raises:
        InputError: where the values make no plan.
    """

    steps: int | None
    batch_size: int
    learning_rates: Sequence[float]
    boundaries: Sequence[float] = ()
    optimizer: str = "adam"
    momentum: float = 0.9
    seed: int = 0
    eps_ramp_steps: int = 0
    checkpoint_every: int = 500
    sparsity: float = 0.0
    epochs: float | None = None
    nesterov: bool = False
    weight_decay: float = 0.0
    reduction: str = "mean"
    precision: str = "float32"
    jit: str = "auto"

    def __post_init__(self):
        if self.steps is None and self.epochs is None:
            raise InputError("a plan needs its length: give steps or epochs")
        if self.steps is not None:
            check_whole("steps", self.steps, 1)
        check_fields(check_whole, self, "batch_size", "checkpoint_every", least=1)
        if self.epochs is not None:
            check_positive("epochs", self.epochs)
        check_fields(check_number, self, "weight_decay", "momentum")
        for name, known in {"reduction": REDUCTIONS, "precision": PRECISIONS, "jit": JIT}.items():
            check_choice(name, getattr(self, name), known)
        for boundary in self.boundaries:
            (check_whole if self.epochs is None else check_number)("a boundary of the learning rates", boundary)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        if not self.learning_rates:
            raise InputError("a plan needs a learning rate: give one at least")
        for rate in self.learning_rates:
            check_positive("a learning rate", rate)
        if len(self.learning_rates) != len(self.boundaries) + 1:
            raise InputError(
                f"{len(self.learning_rates)} learning rates need {len(self.learning_rates) - 1} boundaries "
                f"between them; got {len(self.boundaries)}"
            )
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise InputError("the boundaries of the learning rates must increase")
        check_whole("eps_ramp_steps", self.eps_ramp_steps)
        check_seed("seed", self.seed)
        check_number("sparsity", self.sparsity)
        if self.sparsity >= 1:
            raise InputError("sparsity, the share of weights that become zero, must lie in [0, 1)")

    def lasting(self, steps: int) -> "TrainingSpec":
        """The same plan stretched or shortened to `steps`: boundaries and ramp keep their relative place in it."""
        factor = steps / self.steps
        rates, boundaries = [self.learning_rates[0]], []
        for boundary, rate in zip(self.boundaries, self.learning_rates[1:]):
            at = round(boundary * factor)
            if boundaries and at <= boundaries[-1]:  # The stretch has become shorter than a step.
                rates[-1] = rate
            else:
                boundaries.append(at)
                rates.append(rate)
        return replace(
            self,
            steps=steps,
            learning_rates=tuple(rates),
            boundaries=tuple(boundaries),
            eps_ramp_steps=round(self.eps_ramp_steps * factor),
        )

    def in_steps(self, images: int) -> "TrainingSpec":
        """The same plan counted in steps instead of epochs; `images` is the number of training images."""
        if self.epochs is None:
            return self
        each = images / self.batch_size
        steps, boundaries = max(1, round(self.epochs * each)), tuple(round(b * each) for b in self.boundaries)
        plan = replace(self, epochs=None, steps=steps, boundaries=boundaries)
        return plan.lasting(self.steps) if self.steps else plan

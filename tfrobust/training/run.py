"""`train`: a training run that goes on from its last checkpoint after an interruption."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

from tfrobust.distribution import is_chief
from tfrobust.kernels import check_precision, say_hint
from tfrobust.progress import SILENT, Progress
from tfrobust.training.callbacks import NanGuard, Save, Scalars
from tfrobust.training.checkpoints import Checkpoints
from tfrobust.training.loop import Batches, run_steps
from tfrobust.training.optimizers import make_optimizer
from tfrobust.training.pruning import Prune
from tfrobust.training.trainer import Trainer
from tfrobust.training_spec import TrainingSpec
from tfrobust.types import InputError, Objective

if TYPE_CHECKING:
    import keras

LOG_EVERY = 10  # Steps between the points of a TensorBoard curve.


def _compiled(jit: str) -> bool:
    """Whether XLA compiles the steps; on a CPU it makes most of them slower."""
    accelerated = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU")
    return jit == "on" or (jit == "auto" and bool(accelerated))


class Trained(NamedTuple):
    """What `train` returns.

    Attributes:
        network: the trained network.
        seconds: that its training took in all, over every interruption.
        resumed_at: the step at which this call began.
    """

    network: keras.Model
    seconds: float
    resumed_at: int


def train(
    network: keras.Model,
    objective: Objective,
    batches: Batches,
    images: int,
    spec: TrainingSpec,
    *,
    directory: str | None = None,
    callbacks: Callable[[int], Sequence[keras.callbacks.Callback]] = lambda start: (),
    progress: Progress = SILENT,
) -> Trained:
    """Trains a network in place by the plan of a TrainingSpec.

    Within the scope of a strategy, in which the network was made, every replica takes its part of each batch.

    Args:
        network: logits out.
        objective: the training method.
        batches: (step, part, parts) -> an endless data set of (x, y) that begins with that step, and has of each batch
          the part-th of `parts` equal parts (several machines read one each).
        images: number of training images, which makes the epoch.
        spec: length, optimizer, precision and seed.
        directory: for checkpoints and TensorBoard.  A run that finds its checkpoint there goes on from it, and ends
          with the same weights as a run that was never stopped.  None: nothing is written.
        callbacks: step at which the run begins -> further Keras callbacks.
        progress: is told of damaged checkpoints that were passed over.  With a directory it is also asked after each
          step whether to stop.

    Returns:
        The network, the seconds its training took, and the step this call began at.

    Raises:
        InputError: where the directory holds a longer run, or only damaged checkpoints, or this machine cannot compute
          in the precision.
        TrainingDivergedError: when a term or the gradient is no longer finite.
        TrainingStoppedError: when `progress` asks to stop; that step is saved.
        OSError: where a checkpoint cannot be written; the last good one stays.
    """
    check_precision(spec.precision)
    say_hint()
    spec = spec.in_steps(images)
    trainer = make_trainer(network, objective, images, spec)
    start, before, own = 0, 0.0, []
    prune = [Prune(spec.sparsity, spec.steps)] if spec.sparsity else []
    if directory:
        checkpoints = Checkpoints(directory, network, trainer.optimizer)
        start = checkpoints.restore(progress.say) or 0
        before = float(checkpoints.seconds.numpy())
        scalars = [Scalars(os.path.join(directory, "tensorboard"), start, LOG_EVERY)] if is_chief() else []
        own = [*scalars, Save(checkpoints, start, spec.checkpoint_every, progress.stopped)]
    if start > spec.steps:
        raise InputError(f"{directory} holds a run of {start} steps, more than the {spec.steps} asked for")
    began = time.perf_counter()
    if start < spec.steps:
        hooks = [NanGuard(start), *prune, *own, *callbacks(start)]
        run_steps(trainer, batches, spec.batch_size, start=start, steps=spec.steps, callbacks=hooks)
        if directory and int(checkpoints.step.numpy()) != spec.steps:
            checkpoints.save(spec.steps, before + time.perf_counter() - began)
    return Trained(network, before + time.perf_counter() - began, start)


def make_trainer(network: keras.Model, objective: Objective, images: int, spec: TrainingSpec) -> Trainer:
    """The compiled trainer of a plan.

    Args:
        network: logits out.
        objective: the training method.
        images: number of training images, which makes the epoch.
        spec: the plan, in steps.
    """
    trainer = Trainer(
        network,
        objective,
        seed=spec.seed,
        images=images,
        batch_size=spec.batch_size,
        eps_ramp_steps=spec.eps_ramp_steps,
        weight_decay=spec.weight_decay,
        reduction=spec.reduction,
        precision=spec.precision,
    )
    trainer.compile(optimizer=make_optimizer(spec), jit_compile=_compiled(spec.jit))
    return trainer

"""A training run: from where it stands to its last step, whatever happened in between."""

import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

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
from tfrobust.types import InputError

LOG_EVERY = 10


def _compiled(jit: str) -> bool:
    """Whether XLA compiles the steps; on a CPU it makes most of them slower."""
    accelerated = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU")
    return jit == "on" or (jit == "auto" and bool(accelerated))


class Trained(NamedTuple):
    """The network, the seconds its training took in all, and the step this call began at."""

    network: object
    seconds: float
    resumed_at: int


def train(
    network,
    objective,
    batches: Batches,
    images: int,
    spec: TrainingSpec,
    directory: str | None = None,
    callbacks: Callable[[int], Sequence] = lambda start: (),
    progress: Progress = SILENT,
) -> Trained:
    """Trains `network` in place for spec.steps in all, and returns it.

    batches: (step, part, parts) -> an endless data set of (x, y) that begins with that step, and has of each batch the
      part-th of `parts` equal parts (several machines read one each).
    images: number of training images, which makes the epoch.
    Within the scope of a strategy, in which the network was made, every replica takes its part of each batch.
    directory: for checkpoints and TensorBoard; a run that finds its checkpoint there goes on from it, and ends with the
      weights of the run that was never stopped.  None: nothing is written.
    callbacks: step the run begins at -> further Keras callbacks.
    progress: is told of checkpoints that are damaged and passed over.  Of a run with a directory it is asked after each
      step; where it says stop, that step is saved and TrainingStoppedError raised.
    Raises InputError where the directory holds a longer run or damaged checkpoints alone, or this machine has no units
    for the precision, TrainingDivergedError when a term
    or the gradient is no longer finite, OSError where a checkpoint cannot be written; the last good one stays.
    """
    check_precision(spec.precision)
    say_hint()
    optimizer = make_optimizer(spec)
    spec = spec.in_steps(images)
    trainer = Trainer(
        network,
        objective,
        spec.seed,
        images,
        spec.batch_size,
        spec.eps_ramp_steps,
        spec.weight_decay,
        spec.reduction,
        spec.precision,
    )
    trainer.compile(optimizer=optimizer, jit_compile=_compiled(spec.jit))
    start, before, own = 0, 0.0, []
    prune = [Prune(spec.sparsity, spec.steps)] if spec.sparsity else []
    if directory:
        checkpoints = Checkpoints(directory, network, optimizer)
        start = checkpoints.restore(progress.say) or 0
        before = float(checkpoints.seconds.numpy())
        scalars = [Scalars(os.path.join(directory, "tensorboard"), start, LOG_EVERY)] if is_chief() else []
        own = [*scalars, Save(checkpoints, start, spec.checkpoint_every, progress.stopped)]
    if start > spec.steps:
        raise InputError(f"{directory} holds a run of {start} steps, more than the {spec.steps} asked for")
    began = time.perf_counter()
    if start < spec.steps:
        hooks = [NanGuard(start), *prune, *own, *callbacks(start)]
        run_steps(trainer, batches, spec.batch_size, start, spec.steps, hooks)
        if directory and int(checkpoints.step.numpy()) != spec.steps:
            checkpoints.save(spec.steps, before + time.perf_counter() - began)
    return Trained(network, before + time.perf_counter() - began, start)

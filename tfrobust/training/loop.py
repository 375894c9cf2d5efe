"""The loop over steps: the trainer's `train_step` on every replica of the strategy, then the callbacks.

Keras has a loop of its own, `fit`, which Keras 3 does not offer for several machines; this one is the same for every
strategy and for both versions.
"""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfrobust.training.trainer import Trainer
from tfrobust.types import InputError

# (step, part, parts) -> an endless data set that begins with that step and has the part-th of `parts` of each batch.
Batches = Callable[[int, int, int], tf.data.Dataset]


def run_steps(
    trainer: Trainer,
    batches: Batches,
    batch_size: int,
    *,
    start: int,
    steps: int,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Makes the training steps after `start` up to `steps`.

    Args:
        trainer: compiled.
        batches: of the training images.
        batch_size: images of the global batch, of which each replica gets an equal part.
        start: steps done before.
        steps: steps in all.
        callbacks: Keras callbacks; `batch` counts from 0 at `start`, logs are floats, those of the global batch.

    Raises:
        InputError: where the batch cannot be shared out evenly.
    """
    strategy = tf.distribute.get_strategy()
    iterator = iter(_dealt_out(strategy, batches, batch_size, start))

    compiled = tf.function(trainer.train_step, jit_compile=True, autograph=False)
    train_step = compiled if trainer.jit_compile else trainer.train_step

    # The iterator is an argument, so that it ends with this call. The graph of a step lives on, and with a handle to
    # the iterator in it threads would read ahead to the end of the process and, from a file, beyond that of Python.
    @tf.function(autograph=False, reduce_retracing=True)
    def step(iterator):
        logs = strategy.run(train_step, (next(iterator),))
        # All replicas have the same logs.
        return {name: strategy.experimental_local_results(value)[0] for name, value in logs.items()}

    trainer.optimizer.build(trainer.network.trainable_variables)
    trainer.stop_training = False
    hooks = keras.callbacks.CallbackList(list(callbacks), model=trainer, epochs=1, steps=steps - start, verbose=0)
    hooks.on_train_begin()
    hooks.on_epoch_begin(0)
    logs = {}
    for i in range(steps - start):
        hooks.on_train_batch_begin(i)
        logs = {name: float(value) for name, value in step(iterator).items()}
        hooks.on_train_batch_end(i, logs)
        if trainer.stop_training:
            break
    hooks.on_epoch_end(0, logs)
    hooks.on_train_end(logs)


def _dealt_out(strategy, batches, batch_size, start):
    """The batches shared out over the replicas: replica r takes the r-th part of each."""
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise InputError(
            f"a batch of {batch_size} cannot be shared out evenly: make it a multiple of {replicas} replicas"
        )
    if replicas == 1:
        return batches(start, 0, 1)

    def of_worker(context):
        workers = context.num_input_pipelines
        own = batches(start, context.input_pipeline_id, workers)
        return own if workers == replicas else own.rebatch(batch_size // replicas)

    return strategy.distribute_datasets_from_function(of_worker)

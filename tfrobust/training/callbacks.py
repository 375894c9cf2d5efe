"""Keras callbacks of a training run: stop at NaN, write TensorBoard curves, save checkpoints."""

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfrobust.errors import TrainingDivergedError, TrainingStoppedError
from tfrobust.training.checkpoints import Checkpoints


class NanGuard(keras.callbacks.Callback):
    """Stops a run at the first term that is not finite, with TrainingDivergedError.

    It comes first among the callbacks, so that no checkpoint is saved after that step.

    Args:
        start: steps done before the run begins.
    """

    def __init__(self, start: int):
        super().__init__()
        self.start = start

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        bad = [name for name, value in logs.items() if not np.isfinite(value)]
        if bad:
            raise TrainingDivergedError(f"{', '.join(bad)} became NaN or infinite at step {self.start + batch + 1}")


class Scalars(keras.callbacks.Callback):
    """Writes the logs of a step to TensorBoard now and then, as train/NAME.

    Args:
        directory: of the TensorBoard files.
        start: steps done before the run begins.
        every: the logs of every so many-th step are written.
    """

    def __init__(self, directory: str, start: int, every: int):
        super().__init__()
        self.writer = tf.summary.create_file_writer(directory)
        self.start, self.every = start, every

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        step = self.start + batch + 1
        if step % self.every == 0:
            with self.writer.as_default(step):
                for name, value in logs.items():
                    tf.summary.scalar(f"train/{name}", value)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.writer.flush()


class Save(keras.callbacks.Callback):
    """Saves checkpoints, with the seconds trained so far; also when the run is stopped, by TrainingStoppedError.

    Args:
        checkpoints: of the run.
        start: steps done before the run begins.
        every: steps between checkpoints.
        stop: asked after each step, whether the run is to stop.
    """

    def __init__(self, checkpoints: Checkpoints, start: int, every: int, stop: Callable[[], bool]):
        super().__init__()
        self.checkpoints, self.start, self.every, self.stop = checkpoints, start, every, stop
        self.before = float(checkpoints.seconds.numpy())

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        step, stop = self.start + batch + 1, self.stop()
        if stop or step % self.every == 0:
            self.checkpoints.save(step, self.before + time.perf_counter() - self.began)
        if stop:
            raise TrainingStoppedError(
                f"stopped after step {step}, which is saved: the same command goes on from there"
            )

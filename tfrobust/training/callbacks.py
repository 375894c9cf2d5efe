"""What happens after each step: a look for NaN, a TensorBoard curve per term, a checkpoint now and then."""

import time

import keras
import numpy as np
import tensorflow as tf

from tfrobust.errors import TrainingDivergedError, TrainingStoppedError


class NanGuard(keras.callbacks.Callback):
    """Stops a run at the first term that is not finite.  Comes first among the callbacks, so that nothing is saved
    after it."""

    def __init__(self, start: int):
        super().__init__()
        self.start = start

    def on_train_batch_end(self, batch, logs=None):
        bad = [name for name, value in logs.items() if not np.isfinite(value)]
        if bad:
            raise TrainingDivergedError(f"{', '.join(bad)} became NaN or infinite at step {self.start + batch + 1}")


class Scalars(keras.callbacks.Callback):
    """Writes each log of every `every`-th step to TensorBoard, as train/NAME."""

    def __init__(self, directory: str, start: int, every: int):
        super().__init__()
        self.writer = tf.summary.create_file_writer(directory)
        self.start, self.every = start, every

    def on_train_batch_end(self, batch, logs=None):
        step = self.start + batch + 1
        if step % self.every == 0:
            with self.writer.as_default(step):
                for name, value in logs.items():
                    tf.summary.scalar(f"train/{name}", value)

    def on_train_end(self, logs=None):
        self.writer.flush()


class Save(keras.callbacks.Callback):
    """Saves a checkpoint every `every` steps, with the seconds trained so far; and one more, before it raises
    TrainingStoppedError, once `stop` says so."""

    def __init__(self, checkpoints, start: int, every: int, stop):
        super().__init__()
        self.checkpoints, self.start, self.every, self.stop = checkpoints, start, every, stop
        self.before = float(checkpoints.seconds.numpy())

    def on_train_begin(self, logs=None):
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        step, stop = self.start + batch + 1, self.stop()
        if stop or step % self.every == 0:
            self.checkpoints.save(step, self.before + time.perf_counter() - self.began)
        if stop:
            raise TrainingStoppedError(
                f"stopped after step {step}, which is saved: the same command goes on from there"
            )

"""A run's flags in TensorBoard's HParams tab, beside its last curves: the runs of a folder as one table."""

import os
from typing import Any

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api


class Hyperparameters(keras.callbacks.Callback):
    """Writes the flags of a run when it begins.

    Args:
        directory: of the run.
        values: plain, by name.
    """

    def __init__(self, directory: str, values: dict[str, object]):
        super().__init__()
        self.name = os.path.normpath(directory)
        self.writer = tf.summary.create_file_writer(os.path.join(directory, "tensorboard"))
        self.values = {
            name: value if isinstance(value, (bool, int, float)) else str(value) for name, value in values.items()
        }

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Writes the flags to TensorBoard."""
        with self.writer.as_default(0):
            api.hparams(self.values, trial_id=self.name)
        self.writer.flush()

"""The bar of a training run."""

from typing import Any

import keras

from tfrobust.progress import Progress


class TrainingBar(keras.callbacks.Callback):
    """Shows each step of a training run, with its loss, as a bar of a Progress.

    Args:
        progress: makes the bar.
        total: the steps of the run.
        what: how the bar is called.
        start: the step that the run begins at.
    """

    def __init__(self, progress: Progress, total: int, what: str, start: int):
        super().__init__()
        self.progress, self.total, self.what, self.start = progress, total, what, start

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.bar = self.progress.bar(self.total, self.what, self.start)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.note(f"loss={float(logs['loss']):.3f}")
        self.bar.update()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.bar.close()

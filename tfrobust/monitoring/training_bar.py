"""The bar of a training run."""

import keras

from tfrobust.progress import Progress


class TrainingBar(keras.callbacks.Callback):
    """Shows each step of a training run, with its loss, as a bar of `progress`."""

    def __init__(self, progress: Progress, total: int, what: str, start: int):
        super().__init__()
        self.progress, self.total, self.what, self.start = progress, total, what, start

    def on_train_begin(self, logs=None):
        self.bar = self.progress.bar(self.total, self.what, self.start)

    def on_train_batch_end(self, batch, logs=None):
        self.bar.note(f"loss={float(logs['loss']):.3f}")
        self.bar.update()

    def on_train_end(self, logs=None):
        self.bar.close()

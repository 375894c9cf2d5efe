"""The bar of a training run."""

import keras

from launch.command_line.progress import SCREEN


class TrainingBar(keras.callbacks.Callback):
    """The bar of a training run, with its loss."""

    def __init__(self, total: int, what: str, start: int):
        super().__init__()
        self.total, self.what, self.start = total, what, start

    def on_train_begin(self, logs=None):
        self.bar = SCREEN.bar(self.total, self.what, self.start)

    def on_train_batch_end(self, batch, logs=None):
        self.bar.set_postfix(loss=f"{float(logs['loss']):.3f}", refresh=False)
        self.bar.update()

    def on_train_end(self, logs=None):
        self.bar.close()

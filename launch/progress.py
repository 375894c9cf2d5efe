"""Progress on the screen: a bar with the time left, or, where nobody watches, a line now and then."""
import sys

import keras
from tqdm import tqdm

_WATCHED = sys.stderr.isatty()


def bar(total: int, what: str, initial: int = 0) -> tqdm:
    """A bar of `total` steps; closed, it stays on the screen."""
    return tqdm(
        total=total, desc=what, initial=initial, mininterval=0.2 if _WATCHED else 10, dynamic_ncols=_WATCHED
    )


class TrainingBar(keras.callbacks.Callback):
    """The bar of a training run, with its loss."""

    def __init__(self, total: int, what: str, start: int):
        super().__init__()
        self.total, self.what, self.start = total, what, start

    def on_train_begin(self, logs=None):
        self.bar = bar(self.total, self.what, self.start)

    def on_train_batch_end(self, batch, logs=None):
        self.bar.set_postfix(loss=f"{float(logs['loss']):.3f}", refresh=False)
        self.bar.update()

    def on_train_end(self, logs=None):
        self.bar.close()

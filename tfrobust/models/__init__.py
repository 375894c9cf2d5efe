"""Networks by name: (shape, classes, width) -> keras.Model with logits out."""

from tfrobust.models.digits_cnn import digits_cnn
from tfrobust.models.mnist_cnn import mnist_cnn
from tfrobust.types import InputError

MODELS = {"digits_cnn": digits_cnn, "mnist_cnn": mnist_cnn}


def make_model(name: str, shape, classes: int, width: float = 1.0):
    """The network called `name` for images of `shape` (H, W, C); raises InputError where there is none."""
    if name not in MODELS:
        raise InputError(f"unknown model {name!r}: choose one of {', '.join(MODELS)}")
    if not width > 0:
        raise InputError(f"the width of a model must be above 0; got {width}")
    try:
        return MODELS[name](shape, classes, width)
    except ValueError as e:
        raise InputError(f"model {name} cannot be built for images of shape {tuple(shape)}: {e}") from e

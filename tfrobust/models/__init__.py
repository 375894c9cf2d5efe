"""Networks by name: (shape, classes, width) -> keras.Model with logits out."""

import tfrobust.models.adl
import tfrobust.models.normalization  # noqa: F401  Both register layers that a saved network may have.
from tfrobust.checks import check_choice
from tfrobust.models.initializations import initialize
from tfrobust.names import INITIALIZATIONS, MODELS
from tfrobust.types import InputError

__all__ = ["INITIALIZATIONS", "MODELS", "initialize", "make_model"]


def make_model(name: str, shape, classes: int, width: float = 1.0):
    """The network called `name` for images of `shape` (H, W, C); raises InputError where there is none."""
    check_choice("model", name, MODELS)
    if not width > 0:
        raise InputError(f"the width of a model must be above 0; got {width}")
    try:
        return MODELS[name](shape, classes, width)
    except ValueError as e:
        raise InputError(f"model {name} cannot be built for images of shape {tuple(shape)}: {e}") from e

"""Networks by name: (shape, classes, width) -> keras.Model with logits out."""

from collections.abc import Sequence

import keras

import tfrobust.models.adl  # noqa: F401  Registers a layer that a saved network may have; so does normalization.
from tfrobust.checks import check_choice
from tfrobust.models.initializations import initialize
from tfrobust.models.normalization import standardized_by
from tfrobust.names import INITIALIZATIONS, MODELS
from tfrobust.types import InputError

__all__ = ["INITIALIZATIONS", "MODELS", "initialize", "make_model", "standardized_by"]


def make_model(name: str, shape: Sequence[int], classes: int, width: float = 1.0) -> keras.Model:
    """A new network, with logits out.

    Args:
        name: one of MODELS.
        shape: (H, W, C) of its images.
        classes: K, the number of logits.
        width: factor for the number of filters and units of its layers, above 0.

    Raises:
        InputError: for an unknown name, a width that is not above 0, and images that the network cannot take.
    """
    check_choice("model", name, MODELS)
    if not width > 0:
        raise InputError(f"the width of a model must be above 0; got {width}")
    try:
        return MODELS[name](shape, classes, width)
    except ValueError as e:
        raise InputError(f"model {name} cannot be built for images of shape {tuple(shape)}: {e}") from e

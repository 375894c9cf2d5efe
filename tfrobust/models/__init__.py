"""Networks by name: (shape, classes, width) -> keras.Model with logits out."""

import inspect
from collections.abc import Sequence

import keras

import tfrobust.models.adl  # noqa: F401  Registers a layer that a saved network may have; so do others.
import tfrobust.models.vit  # noqa: F401
from tfrobust.checks import check_choice
from tfrobust.models.initializations import initialize
from tfrobust.models.normalization import standardized_by
from tfrobust.models.smoothing import GaussianSmoothing
from tfrobust.names import INITIALIZATIONS, MODELS
from tfrobust.types import InputError

__all__ = ["INITIALIZATIONS", "MODELS", "GaussianSmoothing", "initialize", "make_model", "standardized_by"]

_HAS_NOT = {
    "bias": "has no form without biases, as it takes a mean out of the pixels",
    "smoothing": "has no place for feature-map smoothing, as its activations precede its convolutions",
}


def make_model(
    name: str,
    shape: Sequence[int],
    classes: int,
    width: float = 1.0,
    *,
    bias: bool = True,
    feature_smoothing: float | None = None,
) -> keras.Model:
    """A new network, with logits out.

    Args:
        name: one of MODELS.
        shape: (H, W, C) of its images.
        classes: K, the number of logits.
        width: factor for the number of filters and units of its layers, above 0.
        bias: False: without biases, for the networks that are then nonnegatively homogeneous (see
          `networks.homogeneity`): digits_cnn and mnist_cnn.
        feature_smoothing: deviation of a Gaussian filter behind the first activation, in pixels of the feature map
          (see `models.smoothing`), for all networks but those whose activations precede their convolutions; None:
          no filter.

    Raises:
        InputError: for an unknown name, a width that is not above 0, an option that the network has not, and images
          that it cannot take.
    """
    check_choice("model", name, MODELS)
    if not width > 0:
        raise InputError(f"the width of a model must be above 0; got {width}")
    options: dict[str, float] = {} if bias else {"bias": False}
    if feature_smoothing is not None:
        options["smoothing"] = feature_smoothing
    for option in options:
        if option not in inspect.signature(MODELS[name]).parameters:
            raise InputError(f"model {name} {_HAS_NOT[option]}: digits_cnn and mnist_cnn can have this")
    try:
        return MODELS[name](shape, classes, width, **options)
    except ValueError as e:
        raise InputError(f"model {name} cannot be built for images of shape {tuple(shape)}: {e}") from e

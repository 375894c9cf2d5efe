"""Attribution maps as heat maps, from which boxes and masks are read (ART, Section 4.2; class maps: Zhou et al., 2016).

ART's way from a map to a heat map: grey, normalised, mean filter of 3x3.  The paper says no more; percentiles 2 and 98
and a Gaussian filter of 3 pixels (of 224) are those of its released code.  That code takes minimum and maximum over a
batch, here they are those of each map: an image's box does not depend on its neighbours.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import ndimage

from tfrobust.attributions.grad_cam import grad_cam
from tfrobust.evaluation.predictions import batches, once_traced
from tfrobust.labels import check_labels
from tfrobust.networks import check_images
from tfrobust.types import InputError

_LINEAR_END = (keras.layers.Flatten, keras.layers.Reshape, keras.layers.Dropout)


def check_maps(maps: Any, name: str = "heat", axes: str = "N,H,W") -> np.ndarray:
    """Checks maps, and converts them to float64.

    Args:
        maps: an array.
        name: how a message calls it.
        axes: the axes that it must have, separated by commas.

    Raises:
        InputError: unless it has these axes, at least one entry and only finite ones.
    """
    maps = np.asarray(maps)
    if maps.ndim != axes.count(",") + 1 or maps.dtype.kind not in "buif" or not maps.size:
        raise InputError(f"{name} must be numbers [{axes}], at least one map; got {maps.dtype} {list(maps.shape)}")
    if not np.isfinite(maps).all():
        raise InputError(f"{name} holds NaN or infinite entries (first in map {np.argwhere(~np.isfinite(maps))[0][0]})")
    return maps.astype(np.float64)


def grey(a: Any) -> np.ndarray:
    """The mean over channels of |a|, for attributions `a` [N,H,W,C], [N,H,W]."""
    return np.abs(check_maps(a, "a", "N,H,W,C")).mean(axis=-1)


def normalized(heat: Any, low: float = 2.0, high: float = 98.0) -> tuple[np.ndarray, np.ndarray]:
    """Heat maps scaled to [0, 1].

    Each map is clipped to its percentiles `low` and `high` and then shifted and scaled from 0 to 1 (0 and 100: by
    minimum and maximum alone).  A map is flat, and becomes zeros, where the two percentiles are equal: a constant, or a
    map whose few other entries lie outside them.

    Args:
        heat: [N,H,W].
        low: the percentile, 0 to 100, that becomes 0.
        high: the percentile, 0 to 100, that becomes 1.

    Returns:
        (heat maps [N,H,W] in [0, 1], which of them are flat [N] bool).

    Raises:
        InputError: for heat that is no such array, and percentiles that are none.
    """
    heat = check_maps(heat)
    if not 0 <= low < high <= 100:
        raise InputError(f"percentiles must be 0 <= low < high <= 100; got {low} and {high}")
    bottom, top = np.percentile(heat, [low, high], axis=(1, 2), keepdims=True)
    # A map that is constant but for rounding is flat, too, and is not scaled up to [0, 1].
    flat = top - bottom <= 1e-12 * np.maximum(np.abs(top), np.abs(bottom))
    heat = (np.clip(heat, bottom, top) - bottom) / np.where(flat, 1.0, top - bottom)
    return np.where(flat, 0.0, heat), flat[:, 0, 0]


def mean_filtered(heat: Any) -> np.ndarray:
    """The maps `heat` [N,H,W] with the mean of its 3x3 neighbourhood in each place.

    At the edges the image is reflected, its edge pixels repeated.
    """
    # Not uniform_filter: its running sums leave roundings where there should be zeros.
    return ndimage.correlate(check_maps(heat), np.full((1, 3, 3), 1 / 9), mode="reflect")


def gaussian_filtered(heat: Any, sigma: float) -> np.ndarray:
    """The maps `heat` [N,H,W] under a Gaussian of `sigma` pixels, edges as in `mean_filtered`; sigma 0 leaves them."""
    heat = check_maps(heat)
    if not 0 <= sigma < np.inf:
        raise InputError(f"sigma of the Gaussian filter must be 0 (none) or more pixels; got {sigma}")
    return ndimage.gaussian_filter(heat, (0, sigma, sigma), mode="reflect") if sigma else heat


def heat_maps(a: Any, sigma: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Heat maps of attributions, ART's way: grey, normalized, mean filter, Gaussian filter.

    Args:
        a: [N,H,W,C].
        sigma: of the Gaussian filter, in pixels; 0: none.

    Returns:
        (heat maps [N,H,W] in [0, 1], which of them are flat [N] bool).
    """
    heat, flat = normalized(grey(a))
    return gaussian_filtered(mean_filtered(heat), sigma), flat


def check_cam(network: keras.Model) -> None:
    """Raises InputError unless the network ends in global average pooling and one linear Dense layer."""
    layers = [each for each in getattr(network, "layers", []) if not isinstance(each, _LINEAR_END)]
    ends = len(layers) > 2 and isinstance(layers[-2], keras.layers.GlobalAveragePooling2D)
    if not ends or not isinstance(layers[-1], keras.layers.Dense) or not _is_linear(layers[-1]):
        raise InputError(
            f"network {network.name!r} has no class activation maps: it must end in GlobalAveragePooling2D and one "
            "linear Dense layer; use Grad-CAM or the gradient instead"
        )


def _is_linear(dense) -> bool:
    return keras.activations.serialize(dense.activation) == "linear"


@once_traced
def _class_map(network):
    def mapped(x, y):
        return grad_cam(network, "logit", x, y, positive=False)[..., 0]

    return tf.function(mapped, reduce_retracing=True, autograph=False)


def cam(network: keras.Model, x: Any, y: Any, batch_size: int = 64) -> np.ndarray:
    """Class activation maps (Zhou et al., 2016, Eq. 2).

    CAM is sum_k w_ky A_k, with w the final Dense layer's weights and A the feature maps before global average pooling;
    its gradient by A_k is w_ky / (h w) in each of the h w places.  So Grad-CAM without its ReLU is CAM divided by h w,
    resized to the image (bilinear): that is returned, signed; `normalized` removes the factor.

    Args:
        network: it must end in global average pooling and one linear Dense layer.
        x: images [N,H,W,C] in [0, 1].
        y: the classes [N].
        batch_size: images held at once.

    Returns:
        [N,H,W], signed.

    Raises:
        InputError: where the network, the images or the classes are others.
    """
    check_cam(network)
    check_images(x)
    x = np.asarray(x, np.float32)
    mapped, y = _class_map(network), check_labels(y, len(x), network.output_shape[-1])
    return np.concatenate([mapped(tf.constant(x[r]), tf.constant(y[r])).numpy() for r in batches(len(x), batch_size)])

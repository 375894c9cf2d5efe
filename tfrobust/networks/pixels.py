"""The ranges in which networks expect their pixels, and which of them a network was trained for."""

from typing import Dict, Sequence

import numpy as np
import tensorflow as tf
from keras import layers

from tfrobust.types import InputError

PIXELS = ("0..1", "0..255", "-1..1", "imagenet_caffe", "imagenet_torch")
_BGR_MEAN = (103.939, 116.779, 123.68)
_RGB_MEAN, _RGB_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH = 32


def in_range(pixels: str, x):
    """x [B,H,W,C] in [0, 1] in the range that the network expects, by layers of Keras without weights."""

    def scaled(scale, offset=0.0):
        return layers.Rescaling(scale, offset, dtype="float32", name="pixels")(x)

    if pixels == "0..255":
        return scaled(255.0)
    if pixels == "-1..1":
        return scaled(2.0, -1.0)
    if pixels == "imagenet_torch":
        return scaled([1 / std for std in _RGB_STD], [-mean / std for mean, std in zip(_RGB_MEAN, _RGB_STD)])
    if pixels == "imagenet_caffe":
        # BGR by cutting and joining: a slice would be an operation, and a Lambda does not load in safe mode.
        x = layers.Permute((1, 3, 2), name="pixels_channels_first")(x)
        cut = [
            layers.Cropping2D(((0, 0), (c, 2 - c)), data_format="channels_last", name=f"pixels_{'rgb'[c]}")(x)
            for c in (2, 1, 0)
        ]
        x = layers.Permute((1, 3, 2), name="pixels_bgr")(layers.Concatenate(axis=2, name="pixels_joined")(cut))
        return scaled(255.0, [-mean for mean in _BGR_MEAN])
    return x


def guess_pixels(network, x: np.ndarray, y: np.ndarray, ranges: Sequence[str] = PIXELS) -> Dict[str, float]:
    """Range -> the share of the images x [N,H,W,C] in [0, 1] that the network predicts as the labels y [N] say, best
    first; of equal shares, the one with the surer predictions.

    network: as it was trained, with or without a softmax at its end.  ImageNet's ranges are tried on RGB images only.
    InputError where its outputs are not one row of finite numbers per image.
    """
    found = {}
    for pixels in ranges:
        if x.shape[-1] == 3 or not pixels.startswith("imagenet"):
            p = _probabilities(network, pixels, x)
            found[pixels] = float(np.mean(p.argmax(axis=1) == y)), float(np.mean(p[np.arange(len(y)), y]))
    return {pixels: found[pixels][0] for pixels in sorted(found, key=found.get, reverse=True)}


def _probabilities(network, pixels: str, x: np.ndarray) -> np.ndarray:
    """[N,K], of logits and of probabilities alike; [N,2] of a single number, taken for that of class 1."""
    rows = []
    for start in range(0, len(x), _BATCH):
        part = in_range(pixels, tf.constant(x[start : start + _BATCH], tf.float32))
        rows.append(np.asarray(tf.nest.flatten(network(part, training=False))[0], np.float64))
    p = np.concatenate(rows)
    if p.ndim != 2 or not np.isfinite(p).all():
        raise InputError(f"network {network.name!r} must give a row of finite numbers per image; got {list(p.shape)}")
    if p.shape[1] == 1:
        return np.concatenate([1 - p, p], axis=1)
    if (p >= 0).all() and np.allclose(p.sum(axis=1), 1, atol=1e-3):
        return p
    return np.asarray(tf.nn.softmax(p))

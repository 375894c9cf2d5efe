"""The ranges in which networks expect their pixels, and which of them a network was trained for."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfrobust.names import PIXELS
from tfrobust.networks.inspection import CHANNELS_FIRST, NetworkInput, inspect_network
from tfrobust.types import InputError

_BGR_MEAN = (103.939, 116.779, 123.68)
_RGB_MEAN, _RGB_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH = 32


def in_range(pixels: str, x: Any) -> Any:
    """Images in the range that a network expects, by layers of Keras without weights.

    Args:
        pixels: the range, one of PIXELS.
        x: [B,H,W,C] in [0, 1], a tensor or a symbolic one.
    """

    def scaled(scale, offset=0.0):
        return layers.Rescaling(scale, offset, dtype="float32", name="pixels")(x)

    if pixels == "0..255":
        return scaled(255.0)
    if pixels == "-1..1":
        return scaled(2.0, -1.0)
    if pixels == "imagenet_torch":
        return scaled([1 / std for std in _RGB_STD], [-mean / std for mean, std in zip(_RGB_MEAN, _RGB_STD)])
    if pixels == "imagenet_caffe":
        # Layers cut and join the channels: a slice would be an operation, and a Lambda does not load in safe mode.
        x = layers.Permute((1, 3, 2), name="pixels_channels_first")(x)
        cut = [
            layers.Cropping2D(((0, 0), (c, 2 - c)), data_format="channels_last", name=f"pixels_{'rgb'[c]}")(x)
            for c in (2, 1, 0)
        ]
        x = layers.Permute((1, 3, 2), name="pixels_bgr")(layers.Concatenate(axis=2, name="pixels_joined")(cut))
        return scaled(255.0, [-mean for mean in _BGR_MEAN])
    return x


def as_taken(found: NetworkInput, pixels: str, x: Any) -> Any:
    """Images as a network takes them, in its range and layout, by layers without weights; the numbers stay float32.

    Args:
        found: what the network takes.
        pixels: its range, one of PIXELS.
        x: [B,H,W,C] in [0, 1], a tensor or a symbolic one.
    """
    x = in_range(pixels, x)
    if found.layout == CHANNELS_FIRST:
        x = layers.Permute((3, 1, 2), dtype="float32", name="pixels_to_channels_first")(x)
    if found.flat:
        x = layers.Reshape(found.flat, dtype="float32", name="pixels_in_a_row")(x)
    return x


def outputs(network: keras.Model, found: NetworkInput, pixels: str, x: Any, index: int = 0) -> np.ndarray:
    """What the network gives for images, whatever it takes.

    Args:
        network: called on one batch after the other, not in training.
        found: what it takes; a network that takes so many images at once is called with that many.
        pixels: its range, one of PIXELS.
        x: images [N,H,W,C] in [0, 1].
        index: of the output.

    Returns:
        That output, float32, N rows.
    """
    rows, size = [], found.images or _BATCH
    for start in range(0, len(x), size):
        part = tf.convert_to_tensor(x[start : start + size], tf.float32)
        n = len(part)
        if found.images:
            part = tf.repeat(part, [1] * (n - 1) + [1 + found.images - n], axis=0)
        part = as_taken(found, pixels, part)
        part = tf.cast(tf.round(part), found.dtype) if found.is_integer else part
        y = network(part, training=False)
        rows.append(np.asarray(_outputs(network, y)[index], np.float32)[:n])
    return np.concatenate(rows)


def _outputs(network, y) -> list:
    """The outputs in the order of their names: a model may give them as a dict, whose order is another."""
    return [y[name] for name in network.output_names] if isinstance(y, dict) else tf.nest.flatten(y)


def guess_pixels(
    network: keras.Model, x: np.ndarray, y: np.ndarray, ranges: Sequence[str] = PIXELS, output: int = 0
) -> dict[str, float]:
    """Tries ranges of pixels on labelled images, to find the one that a network was trained for.

    Args:
        network: as it was trained, with or without a softmax at its end.
        x: images [N,H,W,C] in [0, 1].
        y: their labels [N].
        ranges: the ones that are tried, of PIXELS.  ImageNet's are tried on RGB images only; of a network of whole
          numbers, the range of its dtype alone.
        output: the index of the output that gives the classes, of a network with several.

    Returns:
        Range -> the share of the images that the network predicts as the labels say, best first; of equal shares, the
        one with the surer predictions.

    Raises:
        InputError: where its outputs are not one row of finite numbers per image.
    """
    takes, found = inspect_network(network), {}
    for pixels in [takes.pixels] if takes.is_integer else ranges:
        if x.shape[-1] == 3 or not pixels.startswith("imagenet"):
            p = _probabilities(network, takes, pixels, x, output)
            found[pixels] = float(np.mean(p.argmax(axis=1) == y)), float(np.mean(p[np.arange(len(y)), y]))
    return {pixels: found[pixels][0] for pixels in sorted(found, key=found.__getitem__, reverse=True)}


def _probabilities(network, found, pixels: str, x: np.ndarray, output: int = 0) -> np.ndarray:
    """Probabilities [N,K], of logits and of probabilities alike; a single number is taken for that of class 1 of 2."""
    p = outputs(network, found, pixels, x, output).astype(np.float64)
    if p.ndim != 2 or not np.isfinite(p).all():
        raise InputError(f"network {network.name!r} must give a row of finite numbers per image; got {list(p.shape)}")
    if p.shape[1] == 1:
        return np.concatenate([1 - p, p], axis=1)
    if (p >= 0).all() and np.allclose(p.sum(axis=1), 1, atol=1e-3):
        return p
    return np.asarray(tf.nn.softmax(p))

"""Checks that a network follows the contract on which the other packages of tfrobust rely.

The contract: a Keras model from images [B,H,W,C] in [0, 1] to logits [B,K].  Normalization is a layer inside.
"""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.layout import reads_channels_first
from tfrobust.networks.inspection import (
    CHANNELS_FIRST,
    NetworkInput,
    end_activation,
    holds_pixels,
    inspect_network,
    several_sigmoids,
)
from tfrobust.networks.pixels import PIXELS
from tfrobust.networks.walk import graph_of
from tfrobust.types import InputError

TOLERANCE = 1e-5  # Pixels may lie outside [0, 1] by this much.


def input_shape(network: keras.Model) -> tuple:
    """The shape (H, W, C) of the images that a network takes, None where a size is free."""
    return inspect_network(network).shape


def unfolded(x: Any, shape: tuple) -> Any:
    """Images as [N,H,W,C], whichever way they were laid out.

    Args:
        x: an array or a tensor.  Grey images may come without channels, [N,H,W], and all images as rows of numbers,
          [N,H*W*C].
        shape: (H, W, C) of an image, None where a size is free; rows are unfolded only where all three are known.

    Returns:
        x as [N,H,W,C]; x itself where it has another form.
    """
    rank = len(x.shape)
    if rank == 3:
        return x[..., np.newaxis]
    if rank == 2 and None not in shape and x.shape[1] == math.prod(shape):
        return tf.reshape(x, [-1, *shape]) if tf.is_tensor(x) else np.reshape(x, [-1, *shape])
    return x


def check_images(x: Any, name: str = "x") -> None:
    """Checks that `x` is a float array of images [N,H,W,C], finite and in [0, 1].

    Args:
        x: the images; pixels may leave [0, 1] by TOLERANCE.
        name: how a message calls them.

    Raises:
        InputError: where they are anything else.
    """
    x = np.asarray(x)
    if x.ndim != 4 or not np.issubdtype(x.dtype, np.floating):
        raise InputError(f"{name} must be float images [N,H,W,C]; got {x.dtype} {list(x.shape)}")
    if not x.size:
        raise InputError(f"{name} holds no image")
    if reads_channels_first(x.shape[1:]):
        raise InputError(
            f"{name} of shape {list(x.shape)} reads as images with their channels first, [N,C,H,W], and images here "
            "are [N,H,W,C]: give x.transpose(0, 2, 3, 1)"
        )
    low, high = x.min(), x.max()
    if not np.isfinite(low) or not np.isfinite(high):
        raise InputError(f"{name} holds NaN or infinite pixels (first in image {np.argwhere(~np.isfinite(x))[0][0]})")
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        raise InputError(
            f"{name} must lie in [0, 1] and spans [{low:.4g}, {high:.4g}]: divide by 255, "
            "and put any mean/std normalization into the network as a layer"
        )


def check_network(network: keras.Model, x: Any, found: NetworkInput | None = None) -> None:
    """Checks that the network maps images to finite logits [B,K], K >= 2.

    What the network itself says of its input is looked at, too: one that is made for pixels in 0..255, for whole
    numbers or for channels first would give numbers for x, and wrong ones.
    Softmax outputs are refused: attacks and attributions on probabilities are not those of the papers, and the same
    network scores quite differently (adversarial accuracy looks better, gradients vanish).

    Args:
        network: with one output.
        x: images [N,H,W,C] in [0, 1]; the first 64 are given to the network.
        found: what `inspect_network` says of the network, where it was asked already.

    Raises:
        InputError: where the network or the images are anything else.
    """
    check_images(x)
    output_index(network, None)
    found = found or inspect_network(network)
    _check_contract(network, found)
    check_shape(network, found, x)
    check_logits(network, x)


def output_index(network: Any, head: str | None) -> int:
    """The index of the output that gives the classes.

    Args:
        network: a keras.Model; anything else is refused.
        head: the name of the output; None for a network with one output.

    Raises:
        InputError: where there is no output of that name, or no name and several outputs, and where the network is no
          Keras model with a graph.
    """
    if not isinstance(network, keras.Model):
        raise InputError(f"a {type(network).__name__} is no keras.Model: load one with keras.models.load_model(FILE)")
    graph_of(network)
    names = list(getattr(network, "output_names", ["output"]))  # A Sequential of Keras 3 has one, without a name.
    if head is not None and head not in names:
        raise InputError(f"network {network.name!r} has no output {head!r}: choose one of {', '.join(names)}")
    if head is None and len(names) > 1:
        raise InputError(
            f"network {network.name!r} has {len(names)} outputs: choose the one of the classes by head=NAME, or --head "
            f"on a command line ({', '.join(names)})"
        )
    return 0 if head is None else names.index(head)


def _check_contract(network, found: NetworkInput) -> None:
    """Raises InputError unless the network takes any number of float images [H,W,C] in [0, 1], as far as it says."""
    check_adoptable(network, found)
    pixels = found.pixels or "0..1"
    adopt = (
        f"networks.adopt(network, pixels={pixels!r}), or --pixels={pixels} on a command line, makes a copy that takes "
        "any number of float32 images [H,W,C] in [0, 1]"
    )
    if found.layout == CHANNELS_FIRST:
        raise InputError(
            f"network {network.name!r} takes images {list(found.own_shape)} with their channels first (layer "
            f"{found.layout_layer!r} moves them): {adopt}"
        )
    if found.flat:
        raise InputError(f"network {network.name!r} takes {list(found.flat)} for an image {list(found.shape)}: {adopt}")
    if found.dtype not in ("float32", "float64"):
        raise InputError(f"network {network.name!r} takes {found.dtype} images: {adopt}")
    if found.half == "float16":  # bfloat16 has the range of float32, and networks are trained in it here.
        raise InputError(f"network {network.name!r} computes in float16, whose gradients vanish: {adopt}")
    if found.images is not None:
        raise InputError(f"network {network.name!r} takes {found.images} images at once, no more and no less: {adopt}")
    if pixels != "0..1":
        raise InputError(
            f"network {network.name!r} is made for pixels in {pixels} (its layer {found.pixels_layer!r} is): {adopt}"
        )


def check_adoptable(network: keras.Model, found: NetworkInput, pixels: str | None = None) -> None:
    """Checks that a network can be adopted.

    Args:
        network: it is only named in messages.
        found: what it takes.
        pixels: the range of pixels that it is to be adopted with, one of PIXELS; None: the one that its layers say.

    Raises:
        InputError: where its kind of numbers, its layout or its pixels do not allow that.
    """
    name, own, shape = network.name, list(found.own_shape), list(found.shape)
    dtype = tf.as_dtype(found.dtype)
    if not holds_pixels(dtype):
        raise InputError(f"network {name!r} takes {dtype.name} images: give its keras.Input dtype='float32'")
    if found.layout == CHANNELS_FIRST and not found.transposed:
        if found.layout_layer:
            raise InputError(
                f"network {name!r} takes images {own} with their channels first (layer {found.layout_layer!r} has "
                "data_format='channels_first'): build it with data_format='channels_last', which its weights fit"
            )
        raise InputError(
            f"network {name!r} takes images {own}, which reads as channels first, and images here are {shape}: put a "
            f"layer in front, keras.Sequential([keras.Input({found.shape}), keras.layers.Permute((3, 1, 2)), network])"
        )
    if found.pixels not in (None, *PIXELS):
        raise InputError(
            f"layer {found.pixels_layer!r} of network {name!r} is made for pixels in {found.pixels}: put "
            f"keras.layers.Rescaling({float(found.pixels.split('..')[1]):g}) in front, so that it takes [0, 1]"
        )
    if pixels is not None and found.pixels not in (None, pixels):
        who = f"layer {found.pixels_layer!r} is made for" if found.pixels_layer else f"{dtype.name} images have"
        copy = "" if dtype.is_floating else ", for a copy that takes float32 images"
        raise InputError(f"{who} pixels in {found.pixels}: pass pixels={found.pixels!r}{copy}")


def check_shape(network: keras.Model, found: NetworkInput, x: Any) -> None:
    """Checks that images have the size that a network takes.

    Args:
        network: it is only named in the message.
        found: what it takes.
        x: images [N,H,W,C].

    Raises:
        InputError: where they have another size.
    """
    if any(e is not None and e != s for e, s in zip(found.shape, x.shape[1:])):
        raise InputError(
            f"network {network.name!r} takes images {list(found.shape)}, the data have {list(x.shape[1:])}"
        )


def check_logits(network: keras.Model, x: Any) -> None:
    """Raises InputError unless the network gives finite logits [B,K], K >= 2, for the images `x` [N,H,W,C]."""
    f = np.asarray(network(tf.convert_to_tensor(x[:64], tf.float32), training=False))
    if f.ndim != 2 or f.shape[1] < 2:
        raise InputError(f"network {network.name!r} must give logits [B,K] with K >= 2; it gives {list(f.shape)}")
    if not np.isfinite(f).all():
        raise InputError(f"network {network.name!r} gives NaN or infinite logits")
    end = end_activation(network)
    if end == "sigmoid":
        raise several_sigmoids(f"network {network.name!r}", f.shape[1])
    if end != "linear" and (f >= 0).all() and np.allclose(f.sum(axis=1), 1.0, atol=1e-3):
        raise InputError(
            f"network {network.name!r} gives probabilities (rows sum to 1), not logits: remove its final softmax, as "
            "networks.adopt(network) and --pixels on a command line do"
        )

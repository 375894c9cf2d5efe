"""Adoption: makes of any Keras classifier a copy that follows the contract of `networks`.

The graph is traced anew with a copy of every layer: what comes out is flat (no models within), takes images in [0, 1],
gives logits, and has its ReLUs where a surrogate finds them.  The network that was given stays as it is.
"""

import contextlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.networks.contract import (
    check_adoptable,
    check_images,
    check_logits,
    check_network,
    check_shape,
    output_index,
)
from tfrobust.networks.files import load_network
from tfrobust.networks.graph_copy import Copier, first_line
from tfrobust.networks.inspection import NetworkInput, inspect_network
from tfrobust.networks.pixels import PIXELS, as_taken, outputs
from tfrobust.networks.relus import relu_operations
from tfrobust.progress import SILENT, Progress
from tfrobust.types import InputError


def adopt(network: keras.Model, pixels: str | None = "0..1", x: Any = None, head: str | None = None) -> keras.Model:
    """A functional model from images [B,H,W,C] in [0, 1] to logits [B,K], with a copy of every weight of the network.

    A final softmax is left out; a single final sigmoid, the probability of class 1, becomes the logits [0, z] of two
    classes.  ReLUs of every form become layers of their own.  A network of whole numbers (uint8), of a fixed number of
    images, or one that puts its channels last itself becomes one of any number of float32 images [H,W,C].

    Args:
        network: a Sequential or functional model; it stays as it is.
        pixels: the range that the network expects: "0..1", "0..255", "-1..1", "imagenet_caffe" (0..255, BGR, minus
          ImageNet's mean) or "imagenet_torch" (minus ImageNet's mean, divided by its deviation); None: what its first
          layers are made for, [0, 1] where they do not say.  What makes it of [0, 1] comes first in the model.
        x: images [N,H,W,C] in [0, 1] to check the model with; None: it is checked with noise.
        head: the name of the output that gives the classes, of a network with several; None for a network with one.

    Raises:
        InputError: where this cannot be: a network without a graph (subclassed) or with several inputs or outputs, an
          end in several sigmoids or in probabilities of another make, pixels that do not fit the preprocessing inside,
          channels first throughout.
    """
    return _adopted(network, None, pixels, x, head)


def _adopted(network, found: NetworkInput | None, pixels, x, head) -> keras.Model:
    """As `adopt`; found: what `inspect_network` says of the network, None where it was not asked."""
    with _float32_policy():
        output = output_index(network, head)
        found = found or inspect_network(network)
        _check_input(network, found, pixels, output)
        return _copied(network, found, output, pixels, x)


def _copied(network, found: NetworkInput, output: int, pixels, x) -> keras.Model:
    pixels = pixels or found.pixels or "0..1"
    images = keras.Input(found.shape, dtype="float32", name="images")
    copier = Copier(images, as_taken(found, pixels, images))
    try:
        adopted, end = copier.adopted(network, output)
    except InputError:
        raise
    except (AttributeError, NotImplementedError, TypeError, ValueError) as e:
        raise InputError(f"network {network.name!r} cannot be copied ({first_line(e)})") from e
    if x is None:
        x = _noise(found)
    check_images(x)
    check_shape(network, found, x)
    check_logits(adopted, x)
    _compare(network, output, adopted, end, found, pixels=pixels, x=np.asarray(x[:4], np.float32))
    return adopted


@contextlib.contextmanager
def _float32_policy():
    """Sets Keras' global policy to float32 while the block runs, whatever policy the user has set."""
    before = keras.config.dtype_policy() if hasattr(keras, "ops") else keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)


def in_float32(network: keras.Model) -> keras.Model:
    """The network itself, or a copy that computes in float32 where it computes with 16 bits.

    Every function and verb measures the network that this gives.
    """
    return network if inspect_network(network).half is None else adopt(network)


def contracted(network: keras.Model, pixels: str | None = None, x: Any = None, head: str | None = None) -> keras.Model:
    """A network under the contract of this library and open to surrogates and Grad-CAM: the network itself, or a copy.

    The network itself where it is both already (no models within, no ReLU that is no layer); an adopted copy of any
    other.

    Args:
        network: any Keras model.
        pixels: see `adopt`; None: what the first layers of the network are made for.
        x: images [N,H,W,C] in [0, 1] to check a copy with; None: it is checked with noise.
        head: the name of the output that gives the classes, of a network with several; None for a network with one.

    Raises:
        InputError: where it is not under the contract and cannot be adopted.
    """
    fits, found = False, None
    if isinstance(network, keras.Model) and pixels in (None, "0..1") and head is None:
        try:
            found = inspect_network(network)
            check_network(network, _noise(found) if x is None else x, found)
            fits = True
            if not _is_closed(network, found):
                return network
        except InputError:
            pass
    try:
        return _adopted(network, found, pixels, x, head)
    except InputError:
        # Some maps and attacks will refuse this network and say why; the others work.
        if fits and found is not None and found.half is None:
            return network
        raise


def _is_closed(network, found: NetworkInput) -> bool:
    if any(isinstance(layer, keras.Model) for layer in network.layers) or relu_operations(network):
        return True
    return found.half is not None


def _noise(found: NetworkInput):
    return np.random.RandomState(0).rand(2, *(size or 224 for size in found.shape)).astype(np.float32)


def _check_input(network, found: NetworkInput, pixels: str | None, index: int) -> None:
    """Raises InputError unless the network maps images, and nothing else, to [B,K] by the output of that index, and can
    have the pixels."""
    if pixels is not None and pixels not in PIXELS:
        raise InputError(f"pixels {pixels!r}: must be one of {', '.join(PIXELS)}")
    output = tuple(network.outputs[index].shape)
    check_adoptable(network, found, pixels)
    if pixels is not None and pixels.startswith("imagenet") and found.shape[-1] != 3:
        raise InputError(
            f"pixels {pixels!r} are those of RGB images, and network {network.name!r} takes {list(found.shape)}"
        )
    if len(output) != 2:
        raise InputError(f"network {network.name!r} must give logits [B,K]; it gives {list(output)}")


def _compare(network, output: int, adopted, end, found: NetworkInput, *, pixels: str, x) -> None:
    """Raises InputError where the two differ on the images x in [0, 1]."""
    if found.is_integer:
        x = np.round(255 * x) / np.float32(255)
    want = outputs(network, found, pixels, x, output)
    got = adopted(tf.constant(x), training=False)
    got = np.asarray(end(got[:, -want.shape[1] :]) if end else got, np.float32)
    tolerance = 5e-2 if found.half else 1e-3
    if np.abs(got - want).max() > tolerance * np.abs(want).max():
        raise InputError(
            f"network {network.name!r} does something beside its layers or draws random numbers: "
            f"copies of its layers give other outputs (by {np.abs(got - want).max():.2g})"
        )


def load_fitting_network(path: str, progress: Progress = SILENT) -> keras.Model:
    """The network in a file: images in [0, 1] in, logits out.

    Args:
        path: of a `.keras` file.
        progress: where it is said that a network was adopted, because it was not made for this library.

    Raises:
        InputError: where the file cannot be loaded, or its network not be adopted.
    """
    network = load_network(path)
    fitting = contracted(network)
    if fitting is not network:
        pixels = inspect_network(network).pixels or "0..1"
        progress.say(f"{path} is adopted: images in [0, 1] become pixels in {pixels}, and it gives logits")
    return fitting

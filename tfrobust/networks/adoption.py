"""Networks of people who never read the contract of `networks`, brought under it.

The graph is traced anew with a copy of every layer: what comes out is flat (no models within), takes images in [0, 1],
gives logits, and has its ReLUs where a twin finds them.  The network that was given stays as it is.
"""

import keras
import numpy as np
import tensorflow as tf

from tfrobust.networks.contract import check_network, input_shape
from tfrobust.networks.graph_copy import Copier, first_line, graph_of
from tfrobust.networks.pixels import PIXELS, in_range
from tfrobust.types import InputError


def adopt(network: keras.Model, pixels: str = "0..1", x=None) -> keras.Model:
    """A functional model from images [B,H,W,C] in [0, 1] to logits [B,K], with a copy of every weight of the network.

    A final softmax is left out; a single final sigmoid, the probability of class 1, becomes the logits [0, z] of two
    classes.  ReLUs of every form become layers of their own.
    pixels: the range that the network expects: "0..1", "0..255", "-1..1", "imagenet_caffe" (0..255, BGR, minus
      ImageNet's mean) or "imagenet_torch" (minus ImageNet's mean, divided by its deviation).  What makes it of [0, 1]
      comes first in the model.
    x: images [N,H,W,C] in [0, 1] to check the model with; without them it is checked with noise.
    InputError where this cannot be: a network without a graph (subclassed) or with several inputs or outputs, an end
    in several sigmoids or in probabilities of another make, pixels that do not fit the preprocessing inside.
    """
    shape = _image_shape(network, pixels)
    images = keras.Input(shape, dtype="float32", name="images")
    copier = Copier(images, in_range(pixels, images), pixels == "0..255")
    try:
        adopted, end = copier.adopted(network)
    except InputError:
        raise
    except (AttributeError, NotImplementedError, TypeError, ValueError) as e:
        raise InputError(f"network {network.name!r} cannot be copied ({first_line(e)})") from e
    if x is None:
        x = np.random.RandomState(0).rand(2, *(size or 224 for size in shape)).astype(np.float32)
    check_network(adopted, x)
    _compare(network, adopted, end, pixels, tf.convert_to_tensor(x[:4], tf.float32))
    return adopted


def _image_shape(network, pixels: str) -> tuple:
    """(H, W, C) of the network's images; InputError unless it maps such images, and nothing else, to one [B,K]."""
    if pixels not in PIXELS:
        raise InputError(f"pixels {pixels!r}: must be one of {', '.join(PIXELS)}")
    if not isinstance(network, keras.Model):
        raise InputError(f"a {type(network).__name__} is no keras.Model: load one with keras.models.load_model(FILE)")
    graph = graph_of(network)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        ends = f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
        raise InputError(f"network {network.name!r} has {ends}: choose one of each with keras.Model(input, output)")
    shape, dtype, output = input_shape(network), tf.as_dtype(graph.inputs[0].dtype), tuple(graph.outputs[0].shape)
    if not dtype.is_floating:
        raise InputError(f"network {network.name!r} takes {dtype.name} images: give its keras.Input dtype='float32'")
    if pixels.startswith("imagenet") and shape[-1] != 3:
        raise InputError(f"pixels {pixels!r} are those of RGB images, and network {network.name!r} takes {list(shape)}")
    if len(output) != 2:
        raise InputError(f"network {network.name!r} must give logits [B,K]; it gives {list(output)}")
    return shape


def _compare(network, adopted, end, pixels: str, x) -> None:
    """Raises InputError where the two differ on the images x in [0, 1]."""
    want = np.asarray(tf.nest.flatten(network(in_range(pixels, x), training=False))[0], np.float32)
    got = adopted(x, training=False)
    got = np.asarray(end(got[:, -want.shape[1] :]) if end else got, np.float32)
    if np.abs(got - want).max() > 1e-3 * np.abs(want).max():
        raise InputError(
            f"network {network.name!r} does something beside its layers or draws random numbers: "
            f"copies of its layers give other outputs (by {np.abs(got - want).max():.2g})"
        )

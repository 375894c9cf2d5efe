"""A network cut in two behind one of its layers."""

import weakref

import keras
import tensorflow as tf

from tfrobust.types import InputError

_split = weakref.WeakKeyDictionary()


def split_at(network: keras.Model, layer: str):
    """(head, tail) with network(x) = tail(head(x)), cut behind the layer of that name; weights are shared.

    The layer must be one that every path through the network passes; InputError where it is not.
    """
    pieces = _split.setdefault(network, {})
    if layer not in pieces:
        with tf.init_scope():
            try:
                h = network.get_layer(layer).output
                pieces[layer] = keras.Model(network.input, h), keras.Model(h, network.output)
            except ValueError as e:
                names = ", ".join(each.name for each in network.layers)
                raise InputError(f"cannot cut the network behind layer {layer!r} (its layers: {names})") from e
    return pieces[layer]


def last_feature_map(network: keras.Model) -> str:
    """The name of the last layer whose output is a stack of feature maps [B,h,w,K] with more than one place."""
    for layer in reversed(network.layers):
        shape = getattr(getattr(layer, "output", None), "shape", ())
        if len(shape) == 4 and not isinstance(layer, keras.layers.InputLayer) and tuple(shape[1:3]) != (1, 1):
            return layer.name
    raise InputError(f"network {network.name!r} has no feature maps for Grad-CAM")

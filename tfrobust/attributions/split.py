"""Cuts a network in two behind one of its layers."""

import weakref
from typing import Any

import keras
import tensorflow as tf

from tfrobust.networks.masked_max_pool import MaskedMaxPool, can_be_masked
from tfrobust.types import InputError

_taps = weakref.WeakKeyDictionary()


class Tap(keras.layers.Layer):
    """Wraps a layer under the same name, so that it has a single output.

    Surrogates share layers with their network, and a shared layer has one output in each of these models.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, *args: Any, **kwargs: Any) -> tf.Tensor:
        return self.layer(*args, **kwargs)


def _tap(layer):
    # A model within the network stays whole: Keras finds its place in the graph by its being a model.
    if isinstance(layer, keras.Model):
        return keras.models.clone_model(layer, clone_function=lambda each: each)
    if not isinstance(layer, keras.layers.Layer):  # An operation of Keras 3, which has no weights to share.
        return type(layer).from_config(layer.get_config())
    if can_be_masked(layer):
        layer = MaskedMaxPool(name=layer.name, dtype=layer.compute_dtype)
    return Tap(layer, name=layer.name)


def _tapped(network: keras.Model):
    """(the network with every layer tapped and all weights shared, the (head, tail) of each layer cut so far)."""
    if network not in _taps:
        with tf.init_scope():
            try:
                tapped = keras.models.clone_model(network, clone_function=_tap)
            except (ValueError, TypeError, AttributeError) as e:
                raise InputError(f"network {network.name!r} cannot be cut: only Sequential and functional do") from e
        _taps[network] = tapped, {}
    return _taps[network]


def split_at(network: keras.Model, layer: str) -> tuple[keras.Model, keras.Model]:
    """Cuts a network behind a layer into a head and a tail: network(x) = tail(head(x)).

    Args:
        network: Sequential or functional.
        layer: the name of a layer of the network itself, not of a model within it, that every path passes.

    Returns:
        (head, tail), which share their weights with the network.

    Raises:
        InputError: where the network cannot be cut, or not behind that layer.
    """
    tapped, pieces = _tapped(network)
    if layer not in pieces:
        with tf.init_scope():
            try:
                inputs = [each.name for each in network.layers if isinstance(each, keras.layers.InputLayer)]
                # Keras 3 gives the input layer of a clone another name.
                h = tapped.inputs[0] if layer in inputs else tapped.get_layer(layer).output
                pieces[layer] = keras.Model(tapped.inputs, h), keras.Model(h, tapped.outputs[0])
            except ValueError as e:
                names = ", ".join(each.name for each in tapped.layers)
                raise InputError(f"cannot cut the network behind layer {layer!r} (its layers: {names})") from e
    return pieces[layer]


def last_feature_map(network: keras.Model) -> str:
    """The name of the last layer whose output is a stack of feature maps [B,h,w,K] of more than one pixel.

    Raises:
        InputError: where the network has no such layer.
    """
    for layer in reversed(_tapped(network)[0].layers):
        if isinstance(layer, Tap) and len(layer.output.shape) == 4 and tuple(layer.output.shape[1:3]) != (1, 1):
            return layer.name
    raise InputError(
        f"network {network.name!r} has no feature maps for Grad-CAM (those of a model within it do not count; "
        "networks.adopt(network), or --pixels on a command line, makes a copy without models within)"
    )

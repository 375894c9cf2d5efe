"""Finds networks that are nonnegatively homogeneous: f(a x) = a f(x) for every image x and every a >= 0.

So are ReLU networks without biases ("X-DNNs": Hesse, Schaub-Meyer and Roth, 2021, arXiv 2111.07668).  What tells them
is the graph: every layer must be one that is known to be homogeneous, on tensors of the graph alone.  The values of
weights do not count: a bias that happens to be zero may be trained.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfrobust.models.smoothing import GaussianSmoothing
from tfrobust.networks.surrogates import kept
from tfrobust.networks.walk import Unknown, graph_of, walk
from tfrobust.types import InputError


def is_homogeneous(network: keras.Model) -> bool:
    """Whether the network, in inference mode and in float32, is nonnegatively homogeneous, as far as its graph tells.

    False for whatever is not known to be: layers with biases, normalizations, softmax, activations other than ReLU and
    leaky ReLU, layers of one's own, surrogates, arithmetic outside of layers, networks without a graph.

    Args:
        network: any Keras model.
    """
    return kept(network, is_homogeneous, lambda: _has_known_layers(network) and _is_graph_of_known(network))


def _has_known_layers(network) -> bool:
    """Whether all layers are known ones: most networks are told by this, which costs nothing."""
    return all(
        _has_known_layers(each) if isinstance(each, keras.Model) else _is_homogeneous(each)
        for each in network.layers
        if type(each) is not layers.InputLayer
    )


def _is_graph_of_known(network) -> bool:
    """Whether whatever the graph calls, operations included, is known, and called on tensors of the graph alone."""
    found = []

    def step(op, *args, **kwargs):
        if isinstance(op, keras.Model):
            return walk(op, args[0] if args else kwargs["inputs"], step)
        found.append(_is_homogeneous(op) and all(isinstance(t, Unknown) for t in tf.nest.flatten(args)))
        return None

    try:
        inputs = [Unknown(t.shape, t.dtype) for t in graph_of(network).inputs]
        with tf.init_scope():
            walk(network, inputs if len(inputs) > 1 else inputs[0], step)
    except InputError:
        return False
    return len(inputs) == 1 and all(found)


def _is_homogeneous(op: Any) -> bool:
    """Whether f(a x) = a f(x) for a layer f; only of exactly the types that are listed, as a subclass may do more."""
    rule = _RULES.get(type(op))
    return rule is not None and op.compute_dtype == "float32" and rule(op)


def _linear_without_bias(layer) -> bool:
    return not layer.use_bias and layer.activation in _ACTIVATIONS


def _uncapped(layer) -> bool:
    return layer.get_config()["max_value"] is None and not layer.get_config()["threshold"]


_ACTIVATIONS = (keras.activations.linear, keras.activations.relu, tf.nn.relu)
_RULES: dict[type, Callable[[Any], bool]] = {
    layers.Activation: lambda layer: layer.activation in _ACTIVATIONS,
    layers.ReLU: _uncapped,
    layers.Rescaling: lambda layer: not layer.offset,
}
_LINEAR = (layers.Dense, layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose)
_RULES |= dict.fromkeys(_LINEAR, _linear_without_bias)
_ALWAYS = (layers.LeakyReLU, layers.PReLU, layers.Flatten, layers.Reshape, layers.Permute)
_ALWAYS += (layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D)
_ALWAYS += (layers.ZeroPadding2D, layers.Cropping2D, layers.UpSampling2D, GaussianSmoothing)
_ALWAYS += (layers.Add, layers.Subtract, layers.Average, layers.Maximum, layers.Minimum, layers.Concatenate)
_ALWAYS += (layers.Dropout, layers.SpatialDropout2D, layers.GaussianNoise)  # In inference they do nothing.
_RULES |= dict.fromkeys(_ALWAYS, lambda layer: True)

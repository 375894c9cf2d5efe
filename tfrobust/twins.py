"""Twins: networks that share every weight with another and differ in their activations.

Attacks on attributions and several objectives need the second derivative that a ReLU network lacks: they differentiate
a twin with softplus in the place of ReLU, and measure on the network itself.
"""

import weakref
from typing import Optional

import keras
import numpy as np
import tensorflow as tf

from tfrobust.types import InputError


def softplus(beta: float):
    """x -> log(1 + exp(beta x)) / beta, which tends to ReLU as beta grows and has a second derivative."""
    return lambda x: tf.nn.softplus(beta * x) / beta


def guided(activation):
    """The activation with a backward pass that lets only positive gradients through: a twin with guided(relu) does
    guided backpropagation (Springenberg et al., 2015)."""

    @tf.custom_gradient
    def function(x):
        def backward(dy):
            with tf.GradientTape() as tape:
                tape.watch(x)
                a = activation(x)
            return tape.gradient(a, x, output_gradients=tf.nn.relu(dy))

        return activation(x), backward

    return function


def relu_with_softplus_curvature(beta: float):
    """ReLU and its first derivative, with the second derivative of softplus(beta), beta s (1 - s), s = sigmoid(beta x)
    (FAR, Section 4): maps stay those of the network, and attacks on them have a direction."""

    @tf.custom_gradient
    def step(x):
        s = tf.sigmoid(beta * x)
        return tf.cast(x > 0, x.dtype), lambda dy: dy * beta * s * (1.0 - s)

    @tf.custom_gradient
    def relu(x):
        return tf.nn.relu(x), lambda dy: dy * step(x)

    return relu


class Activation(keras.layers.Layer):
    """A function as a layer: what stands for a ReLU in a twin."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, x):
        """The activation, entry by entry."""
        return self.function(x)

    def with_function(self, function) -> "Activation":
        """The same place with another activation."""
        return Activation(function, name=self.name, dtype=self.compute_dtype)


class Reactivated(keras.layers.Layer):
    """A layer with a built-in ReLU (`Dense(..., activation="relu")`), run with another activation and its own weights.

    The activation is exchanged while the layer is traced and put back at once: the layer itself does not change.
    """

    def __init__(self, layer, function, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer
        self.function = function

    def call(self, x):
        """What the layer gives with the other activation."""
        own, self.layer.activation = self.layer.activation, self.function
        try:
            return self.layer(x)
        finally:
            self.layer.activation = own

    def with_function(self, function) -> "Reactivated":
        """The same layer and weights with another activation."""
        return Reactivated(self.layer, function, name=self.name, dtype=self.compute_dtype)


def _is_relu(function) -> bool:
    return function in (keras.activations.relu, tf.nn.relu)


def _replacement(layer, activation):
    """The function that stands for the layer's ReLU, leaky or capped ReLU; None where it is none of them."""
    if isinstance(layer, keras.layers.LeakyReLU):
        config = layer.get_config()
        slope, cap = config.get("negative_slope", config.get("alpha")), None
    elif isinstance(layer, keras.layers.ReLU):
        config = layer.get_config()
        slope, cap = config["negative_slope"], config["max_value"]
        if config["threshold"]:
            raise InputError(f"layer {layer.name!r}: a ReLU with a threshold has no twin")
    elif isinstance(layer, keras.layers.Activation):
        return _builtin(layer.activation, activation)
    else:
        return None
    return _sloped(activation, float(np.ravel(slope or 0.0)[0]), cap)


def _sloped(activation, slope: float = 0.0, cap: Optional[float] = None):
    """What stands for a ReLU with that slope below zero and that cap: slope * (x - a(x)) + a(x) - a(x - cap)."""

    def replaced(x):
        positive = activation(x)
        capped = positive if cap is None else positive - activation(x - cap)
        return slope * (x - positive) + capped

    return replaced


def _builtin(function, activation):
    """The function that stands for a layer's built-in activation; None where that is no ReLU."""
    if _is_relu(function):
        return activation
    name = getattr(function, "__name__", "")
    if name == "relu6":
        return _sloped(activation, cap=6.0)
    if name == "leaky_relu":
        # Keras 3 has its slope as a default argument, Keras 2 takes it from TensorFlow.
        return _sloped(activation, slope=float(-np.asarray(function(tf.constant([-1.0])))[0]))
    return None


def _refuse_relu_operations(network: keras.Model) -> None:
    """Raises InputError for a ReLU that is no layer, such as `tf.nn.relu(x)` in a functional model: no twin can
    exchange it, and an attack on attributions would silently have no direction."""
    for op in getattr(network, "operations", network.layers):
        if isinstance(op, keras.layers.Layer) and "OpLambda" not in type(op).__name__:
            continue
        if "relu" in f"{type(op).__name__} {op.name}".lower():
            raise InputError(f"{op.name!r} in network {network.name!r} is no layer: use keras.layers.ReLU() instead")


def twin(network: keras.Model, activation, again=None) -> keras.Model:
    """The same network, sharing every weight, with each ReLU f replaced by `activation` (a function of a tensor).

    A leaky ReLU becomes slope * x + (1 - slope) * activation(x) (as in the released RAR code), ReLU6
    activation(x) - activation(x - 6); built-in activations are exchanged too, nested models are entered.  Everything
    else, softplus and tanh included, stays the layer it is.  With softplus(beta) this is the surrogate that attacks on
    attributions differentiate: RAR beta 1, ART beta 50.
    again: for the twin of a twin, what is made of the functions that already stand for a ReLU; None leaves them.
    """

    def clone(layer):
        if isinstance(layer, (Activation, Reactivated)):
            return layer if again is None else layer.with_function(again(layer.function))
        replaced = _replacement(layer, activation)
        if replaced is not None:
            return Activation(replaced, name=layer.name, dtype=layer.compute_dtype)
        if isinstance(layer, keras.Model):
            return twin(layer, activation, again)
        builtin = _builtin(getattr(layer, "activation", None), activation)
        if builtin is not None:
            return Reactivated(layer, builtin, name=layer.name, dtype=layer.compute_dtype)
        return layer

    _refuse_relu_operations(network)
    try:
        return keras.models.clone_model(network, clone_function=clone)
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError) as e:
        raise InputError(f"network {network.name!r} has no twin: only Sequential and functional models do ({e})") from e


_twins = weakref.WeakKeyDictionary()


def _kept(network, key, make) -> keras.Model:
    """make(), once per network and key, outside any graph that is being traced."""
    twins = _twins.setdefault(network, {})
    if key not in twins:
        with tf.init_scope():
            twins[key] = make()
    return twins[key]


def softplus_twin(network: keras.Model, beta: Optional[float], curvature_only: bool = False) -> keras.Model:
    """The twin with softplus(beta), or, with curvature_only, with ReLU and the second derivative of softplus(beta).

    beta None: the network itself.
    """
    if beta is None:
        return network
    activation = relu_with_softplus_curvature(beta) if curvature_only else softplus(beta)
    return _kept(network, (beta, curvature_only), lambda: twin(network, activation))


def guided_twin(network: keras.Model) -> keras.Model:
    """The twin that does guided backpropagation; of a softplus twin too, whose guided map has a second derivative."""
    return _kept(network, guided, lambda: twin(network, guided(tf.nn.relu), again=guided))

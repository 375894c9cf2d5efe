"""Surrogates: networks that share every weight with another and differ in their activations.

Attacks on attributions and several objectives need the second derivative that a ReLU network lacks: they differentiate
a surrogate with softplus in the place of ReLU, and measure on the network itself.
"""

import functools
import inspect
import types
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.networks.affine_batch_norm import AffineBatchNorm, can_be_affine
from tfrobust.networks.functions import as_relu
from tfrobust.networks.layer_paths import remember_paths_of
from tfrobust.networks.masked_max_pool import MaskedMaxPool, can_be_masked
from tfrobust.networks.relus import is_exchangeable, relu_operations
from tfrobust.networks.smooth_relus import CurvedRelu, Softplus
from tfrobust.networks.walk import flat, layers_in
from tfrobust.types import InputError


def guided(activation: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    """The activation with a backward pass that lets only positive gradients through.

    A surrogate with guided(relu) does guided backpropagation (Springenberg et al., 2015).
    """

    @tf.custom_gradient
    def function(x):
        def backward(dy):
            with tf.GradientTape() as tape:
                tape.watch(x)
                a = activation(x)
            return tape.gradient(a, x, output_gradients=tf.nn.relu(dy))

        return activation(x), backward

    return function


class Activation(keras.layers.Layer):
    """A function as a layer: what stands for a ReLU in a surrogate.

    Args:
        function: of one tensor.
    """

    def __init__(self, function: Callable[[tf.Tensor], tf.Tensor], **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, x: tf.Tensor, mask: Any = None) -> tf.Tensor:
        """The function's value for `x`, entry by entry.  `mask`: Keras 3 hands it to what stands for a Lambda layer."""
        return self.function(x)

    def with_function(self, again: Callable[[Callable], Callable]) -> "Activation":
        """A layer for the same place whose function is again(function)."""
        return Activation(again(self.function), name=self.name, dtype=self.compute_dtype)


class Exchanged(keras.layers.Layer):
    """A layer run with other functions in some places and its own weights.

    Args:
        layer: it does not change: the functions are exchanged while it is traced, and put back at once.
        places: (owner, attribute, function) of each place.
    """

    def __init__(self, layer: keras.layers.Layer, places: list[tuple[Any, str, Callable]], **kwargs):
        super().__init__(**kwargs)
        self.layer = layer
        self._places = _Untracked(places)

    def places(self) -> list[tuple[Any, str, Callable]]:
        """(owner, attribute, function) of each place."""
        return self._places.value

    def call(self, x: Any, *args, training: Any = None, mask: Any = None, **kwargs) -> Any:
        """What the layer gives for `x` with the other functions.

        Args:
            x: the first thing that the layer takes.
            *args: whatever else it takes.
            training: handed on where the layer takes it.
            mask: handed on where the layer takes it.
            **kwargs: what else it takes by name.
        """
        own = [(owner, name, vars(owner).get(name, _Untracked)) for owner, name, _ in self._places.value]
        for owner, name, function in self._places.value:
            object.__setattr__(owner, name, function)
        try:
            takes = inspect.signature(self.layer.call).parameters
            given = {"training": training, "mask": mask}
            kwargs.update({key: v for key, v in given.items() if v is not None and key in takes})
            return self.layer(x, *args, **kwargs)
        finally:
            for owner, name, value in own:
                if value is _Untracked:  # It was the method of its class.
                    object.__delattr__(owner, name)
                else:
                    object.__setattr__(owner, name, value)


class Reactivated(Exchanged):
    """A layer with ReLUs inside, run with other functions in their places.

    Such are `Dense(..., activation="relu")` and `TimeDistributed(ReLU())`.
    """

    def with_function(self, again: Callable[[Callable], Callable]) -> "Reactivated":
        """The same layer and weights with again(function) in the place of each function."""
        places = [(owner, name, again(function)) for owner, name, function in self._places.value]
        return Reactivated(self.layer, places, name=self.name, dtype=self.compute_dtype)


class _Untracked:
    """Holds a value that is no part of a layer: Keras looks for layers and weights in every list that it is given."""

    def __init__(self, value):
        self.value = value


def _replacement(layer, activation):
    """The function that replaces a layer that is a ReLU, leaky or capped ReLU; None for other layers."""
    if isinstance(layer, keras.layers.LeakyReLU):
        config = layer.get_config()
        slope, cap = config.get("negative_slope", config.get("alpha")), None
    elif isinstance(layer, keras.layers.ReLU):
        config = layer.get_config()
        slope, cap = config["negative_slope"], config["max_value"]
        if config["threshold"]:
            raise InputError(f"layer {layer.name!r}: a ReLU with a threshold has no surrogate")
    elif isinstance(layer, keras.layers.Activation):
        return _in_place_of(layer.activation, activation)
    elif is_exchangeable(layer):
        return _in_place_of(layer, activation)
    else:
        return None
    return _sloped(activation, float(np.ravel(slope or 0.0)[0]), cap)


def _sloped(activation, slope: float, cap: float | None):
    """The replacement of a ReLU with that slope below zero and that cap: slope * (x - a(x)) + a(x) - a(x - cap)."""

    def capped(x):
        if cap is None:
            return activation(x)
        return activation.capped(x, cap) if hasattr(activation, "capped") else activation(x) - activation(x - cap)

    return (lambda x: slope * (x - activation(x)) + capped(x)) if slope else capped


def _in_place_of(function, activation):
    """The replacement of a function that is, by its values, a ReLU, leaky or capped ReLU; None for other functions."""
    if function in (keras.activations.relu, tf.nn.relu):
        return activation
    with tf.init_scope():
        relu = as_relu(function)
    if relu is None:
        return None
    slope, cap = relu["negative_slope"], relu["max_value"]
    return _sloped(activation, slope or 0.0, cap)


def _places(layer, activation, found=None, seen=None) -> list:
    """(owner, attribute, replacement) of every ReLU inside the layer, also in layers within it."""
    found, seen = ([], set()) if found is None else (found, seen)
    if id(layer) in seen:
        return found
    seen.add(id(layer))
    for name, value in list(vars(layer).items()):
        if _may_be_activation(layer, name, value):
            stands = _in_place_of(value, activation)
            if stands is not None:
                found.append((layer, name, stands))
        for each in layers_in(value):
            whole = None if _holds_function(each) else _replacement(each, activation)
            if whole is not None and id(each) not in seen:
                seen.add(id(each))
                found.append((each, "call", _as_call(whole)))
            else:
                _places(each, activation, found, seen)
    return found


def _may_be_activation(layer, name: str, value) -> bool:
    """Whether an attribute may be an activation: a function that is applied neither to weights nor as a method.

    A constraint of weights may be a ReLU, too.  Keras 3 keeps the method `build` as an attribute of each layer, and to
    try it out would build the layer anew.
    """
    of_weights = name.endswith(("constraint", "initializer", "regularizer"))
    is_function = isinstance(value, (types.FunctionType, functools.partial))
    return is_function and not of_weights and not hasattr(type(layer), name)


def _holds_function(layer) -> bool:
    """Whether the layer keeps its function in an attribute, where it can be exchanged."""
    return isinstance(layer, keras.layers.Activation)


def _as_call(function):
    def call(inputs, *args, **kwargs):
        return function(inputs)

    return call


def _refuse_relu_operations(network: keras.Model) -> None:
    """Raises InputError for a ReLU that is no layer, such as `tf.nn.relu(x)` in a functional model: no surrogate can
    exchange it, and an attack on attributions would silently have no direction."""
    try:
        names = relu_operations(network)
    except InputError as e:
        raise InputError(f"there is no surrogate: {e}") from e
    for name in names:
        raise InputError(
            f"{name!r} in network {network.name!r} is no layer: use keras.layers.ReLU() instead, as the copy that "
            "networks.adopt(network) makes does (--pixels on a command line)"
        )


def surrogate(
    network: keras.Model,
    activation: Callable[[tf.Tensor], tf.Tensor],
    again: Callable[[Callable], Callable] | None = None,
) -> keras.Model:
    """The same network, sharing every weight, with each ReLU replaced by `activation`.

    What is a ReLU is judged by its values: layers, built-in activations, lambdas and layers of one's own without
    weights.  A leaky ReLU becomes slope * x + (1 - slope) * activation(x) (as in the released RAR code), ReLU6
    activation(x) - activation(x - 6); models within and layers that wrap others (TimeDistributed) are entered.
    Everything else, softplus and tanh included, stays the layer it is, but for BatchNormalization and MaxPooling2D,
    which compute the same in another way (`affine_batch_norm`, `masked_max_pool`).  With Softplus(beta) this is the
    surrogate that attacks on attributions differentiate: RAR beta 1, ART beta 50.

    Args:
        network: a Sequential or functional model.
        activation: a function of one tensor.
        again: for the surrogate of a surrogate, what is made of the functions that already stand for a ReLU; None
          leaves them.

    Raises:
        InputError: where the network has no graph, or has a ReLU that no layer can stand for.
    """
    return _exchanged(network, activation, again)[0]


def _exchanged(network: keras.Model, activation, again=None):
    """(the surrogate, how many of its layers have an exchanged ReLU)."""
    exchanged = []

    def clone(layer):
        if isinstance(layer, (Activation, Reactivated)):
            new = layer if again is None else layer.with_function(again)
        elif isinstance(layer, keras.Model):
            new, within = _exchanged(layer, activation, again)
            exchanged.extend([new] * within)
            return new
        elif not isinstance(layer, keras.layers.Layer):
            return layer
        elif can_be_affine(layer):
            return AffineBatchNorm(layer, name=layer.name, dtype=layer.compute_dtype)
        elif can_be_masked(layer):
            return MaskedMaxPool(name=layer.name, dtype=layer.compute_dtype)
        else:
            new = _stand_in(layer, activation)
        if new is not layer:
            exchanged.append(new)
        return new

    _refuse_relu_operations(network)
    try:
        made = keras.models.clone_model(network, clone_function=clone)
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError) as e:
        raise InputError(
            f"network {network.name!r} has no surrogate: only Sequential and functional models do ({e})"
        ) from e
    remember_paths_of(made, network)
    return made, len(exchanged)


def _stand_in(layer, activation):
    """The layer with `activation` in the place of its ReLUs; itself where it has none."""
    replaced = _replacement(layer, activation)
    if replaced is not None:
        return Activation(replaced, name=layer.name, dtype=layer.compute_dtype)
    places = _places(layer, activation)
    return Reactivated(layer, places, name=layer.name, dtype=layer.compute_dtype) if places else layer


_surrogates = weakref.WeakKeyDictionary()


def kept(network: keras.Model, key: Any, make: Callable[[], Any]) -> Any:
    """make(), once per network and key, outside any graph that is being traced.

    Args:
        network: what is kept for it is let go with it.
        key: anything hashable.
        make: called without arguments, where nothing is kept yet.
    """
    surrogates = _surrogates.setdefault(network, {})
    if key not in surrogates:
        with tf.init_scope():
            surrogates[key] = make()
    return surrogates[key]


def softplus_surrogate(network: keras.Model, beta: float | None, curvature_only: bool = False) -> keras.Model:
    """The surrogate of the network with softplus in the place of ReLU.

    Args:
        network: a Sequential or functional model.
        beta: of the softplus; None: the network itself.
        curvature_only: keep ReLU and its first derivative, and take the second derivative of softplus(beta).
    """
    if beta is None:
        return network
    activation = CurvedRelu(beta) if curvature_only else Softplus(beta)
    return kept(network, (beta, curvature_only), lambda: surrogate(network, activation))


def guided_surrogate(network: keras.Model) -> keras.Model:
    """The surrogate that does guided backpropagation, of a network or of a softplus surrogate.

    The guided map of a softplus surrogate has a second derivative.

    Raises:
        InputError: where the network has no ReLU: the surrogate would be the network itself, and its map the plain
          gradient.
    """

    def make():
        made, exchanged = _exchanged(network, guided(tf.nn.relu), again=guided)
        if not exchanged:
            raise InputError(
                f"guided backpropagation exchanges ReLUs, and network {network.name!r} has none "
                f"({_found_instead(network)}): its map would be the plain gradient, which is method 'gradient'"
            )
        return made

    return kept(network, guided, make)


def exchanges_relus(network: keras.Model) -> bool:
    """Whether a softplus surrogate of the network differs from it.

    Where it does not, an attack on maps follows the network itself, which has a second derivative only where its
    activations are smooth.
    """
    return kept(network, exchanges_relus, lambda: _has_relus(network))


def _has_relus(network: keras.Model) -> bool:
    _refuse_relu_operations(network)
    return any(_has_relus(each) if isinstance(each, keras.Model) else _is_exchanged(each) for each in network.layers)


def _is_exchanged(layer) -> bool:
    """Whether a surrogate has another layer in its place, for its ReLUs."""
    if isinstance(layer, (Activation, Reactivated)) or can_be_affine(layer) or can_be_masked(layer):
        return False
    return isinstance(layer, keras.layers.Layer) and _stand_in(layer, Softplus(1.0)) is not layer


def _found_instead(network) -> str:
    """The activations that the network has, in words for a message."""
    found = []
    for layer in flat(network):
        name = getattr(getattr(layer, "activation", None), "__name__", "linear")
        if isinstance(layer, (keras.layers.PReLU, keras.layers.ELU)):
            name = type(layer).__name__
        if name not in ("linear", "softmax"):
            found.append(f"{name} in layer {layer.name!r}")
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return "found: " + ", ".join(found[:3]) + more if found else "no activation was recognised"

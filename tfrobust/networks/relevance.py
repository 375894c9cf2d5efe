"""The linear network of AttnLRP: a second pass through a network, beside the first, in which each layer has a rule.

Let h be a tensor of the network, and z the tensor that stands for it in the second pass:

    affine (dense, convolution, sum, mean, reshape)   h' = W h + b                  z' = W z + b
    a function of each entry (ReLU, GELU, tanh)       h' = f(h)                     z' = z (f(h) - f(0)) / h
    a product of n tensors (q k, attention times v)   h' = a b                      z' = (z_a b + a z_b) / n
    softmax                                           s = softmax(h)                z' = s (z - sum s z)
    layer and RMS normalization                       h' = c (h - mean h) / r(h)    z' = c (z - mean z) / r(h)
    max pooling                                       h' = h at the winner          z' = z at the winner

The second pass is affine in the z of the image, with coefficients that are ordinary functions of the first pass.  So
the derivative of the logits' z by that of the image is the backward pass of the rules, and its own derivative by the
image is exact: a `tf.custom_gradient` in one pass would also bend the derivatives through h.

The rules are those of Achtibat et al. (2024): epsilon rule with epsilon -> 0 (affine), identity rule (functions of
each entry, normalization), uniform rule (products), Taylor rule (softmax).  A constant, such as b or f(0), absorbs
what falls to it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfrobust.networks.affine_batch_norm import AffineBatchNorm
from tfrobust.networks.attention import SelfAttention, fault_of, weights_of
from tfrobust.networks.functions import MadeOf, as_relu, is_entrywise, is_function, softmax_axis
from tfrobust.networks.linearity import is_affine
from tfrobust.networks.masked_max_pool import MaskedMaxPool
from tfrobust.networks.surrogates import Exchanged, Reactivated, kept
from tfrobust.networks.walk import Unknown, graph_of, walk
from tfrobust.types import InputError

NEAR = 1e-2  # Closer to 0 than this, (f(h) - f(0)) / h is a mean of derivatives: a quotient would round.

_AFFINE: tuple[type, ...] = (layers.Dense, layers.EinsumDense, layers.Conv1D, layers.Conv2D, layers.Conv2DTranspose)
_AFFINE += (layers.DepthwiseConv2D, layers.SeparableConv2D, layers.BatchNormalization, AffineBatchNorm)
_WINNERS: tuple[type, ...] = (layers.MaxPooling1D, layers.MaxPooling2D, layers.GlobalMaxPooling1D)
_WINNERS += (layers.GlobalMaxPooling2D, MaskedMaxPool)


class Pair:
    """A tensor of both passes.

    Args:
        value: h, of the network.
        part: z, of the same shape, of the pass by the rules.
    """

    def __init__(self, value: tf.Tensor, part: tf.Tensor):
        self.value, self.part = value, part
        self.shape, self.dtype = value.shape, value.dtype  # Keras 3 looks at those of what a graph is given.


Rule = Callable[..., Any]  # (the function of the tensors, a Pair for each of them) -> Pairs.


def affine(function: Callable, *pairs: Pair) -> Any:
    """The function itself, in both passes; it may return several tensors."""
    values, parts = function(*(p.value for p in pairs)), function(*(p.part for p in pairs))
    return tf.nest.map_structure(Pair, values, parts)


def entrywise(relu: dict[str, float | None] | None) -> Rule:
    """The identity rule: a function of each entry passes on what its output has.

    Args:
        relu: of which ReLU the function has the values, see `as_relu`; None: of none.
    """

    def rule(function, pair):
        return Pair(function(pair.value), ratio(function, pair.value, relu) * pair.part)

    return rule


def product(function: Callable, *pairs: Pair) -> Pair:
    """The uniform rule: of n factors, each gets one n-th."""
    values = [p.value for p in pairs]
    parts = [function(*values[:i], p.part, *values[i + 1 :]) for i, p in enumerate(pairs)]
    return Pair(function(*values), tf.add_n(parts) / len(pairs))


def softmax(axis: int) -> Rule:
    """The rule of a softmax along that axis: its derivative."""

    def rule(function, pair):
        s = function(pair.value)
        return Pair(s, s * (pair.part - tf.reduce_sum(s * pair.part, axis=axis, keepdims=True)))

    return rule


def winner(function: Callable, pair: Pair) -> Pair:
    """The rule of max pooling: its derivative at the value, in the direction of the part."""
    h = pair.value
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(h)
            y = function(h)
        v = tf.zeros_like(y)
        outer.watch(v)
        back = inner.gradient(y, h, output_gradients=v)
    return Pair(y, outer.gradient(back, v, output_gradients=pair.part))


def normalization(layer: layers.Layer) -> Rule:
    """The identity rule of a LayerNormalization or an RMSNormalization: what divides is a constant."""
    centered = isinstance(layer, layers.LayerNormalization)
    scale = layer.gamma if centered else layer.scale

    def rule(function, pair):
        h, z = pair.value, pair.part
        axes = sorted(axis % len(h.shape) for axis in tf.nest.flatten(layer.axis))

        def middle(t):
            return tf.reduce_mean(t, axis=axes, keepdims=True)

        center = middle if centered else tf.zeros_like
        part = (z - center(z)) * tf.math.rsqrt(middle(tf.square(h - center(h))) + layer.epsilon)
        if scale is not None:
            part *= tf.reshape(scale, [h.shape[i] if i in axes else 1 for i in range(len(h.shape))])
        return Pair(function(h), part)

    return rule


class RuledAttention(SelfAttention):
    """Self-attention in both passes: each step takes and gives Pairs."""

    def project(self, x: Pair, dense: Any, axes: int) -> Pair:
        """The rule of affine layers."""
        return affine(lambda t: SelfAttention.project(self, t, dense, axes), x)

    def compare(self, q: Pair, k: Pair) -> Pair:
        """The rule of products."""
        return product(super().compare, q, k)

    def normalize(self, s: Pair) -> Pair:
        """The rule of softmax."""
        return softmax(-1)(super().normalize, s)

    def mix(self, a: Pair, v: Pair) -> Pair:
        """The rule of products."""
        return product(super().mix, a, v)


def attention(layer: layers.MultiHeadAttention) -> Rule:
    """The rules of a MultiHeadAttention that is called on one tensor."""
    ruled = RuledAttention(layer)

    def rule(function, query, *same):
        rank = len(query.value.shape)
        row = affine(lambda t: tf.reshape(t, [tf.shape(t)[0], -1, t.shape[-1]]), query) if rank > 3 else query
        y = ruled(row)[1]
        size = tf.shape(query.value)[:-1]
        return affine(lambda t: tf.reshape(t, tf.concat([size, [t.shape[-1]]], axis=0)), y) if rank > 3 else y

    return rule


def ratio(function: Callable, h: tf.Tensor, relu: dict[str, float | None] | None = None) -> tf.Tensor:
    """(f(h) - f(0)) / h for a function f of each entry, differentiable also at h = 0.

    A ReLU below its cap, leaky or not, has its derivative there, also where the second derivative is that of a softplus
    (`CurvedRelu`).  Other functions have, near 0, the mean of f' from 0 to h by two points of Gauss-Legendre.

    Args:
        function: f.
        h: of any shape.
        relu: of which ReLU f has the values, see `as_relu`; None: of none.
    """
    cap = relu["max_value"] if relu else None
    if relu and cap is None:
        return slope(function, h)
    near = h <= cap if relu else tf.abs(h) < NEAR
    safe = tf.where(near, tf.ones_like(h), h)
    quotient = (function(safe) - function(tf.zeros_like(h))) / safe
    points = (1.0,) if relu else (0.5 - 12**-0.5, 0.5 + 12**-0.5)
    return tf.where(near, tf.add_n([slope(function, t * h) for t in points]) / len(points), quotient)


def slope(function: Callable, h: tf.Tensor) -> tf.Tensor:
    """The derivative of a function of each entry, at each entry of `h`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(h)
        y = function(h)
    return tape.gradient(y, h, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def both_passes(network: keras.Model, x: tf.Tensor, z: tf.Tensor) -> Pair:
    """The logits of a network, and the tensor that stands for them in the pass by the rules.

    Args:
        network: logits out.
        x: images [B,H,W,C].
        z: what stands for them, of their shape; the derivative by it does not depend on its value.

    Returns:
        (logits [B,K], z of the logits [B,K]).

    Raises:
        InputError: where the network has no graph, or a layer has no rule.
    """
    rules = rules_of(network)

    def step(op, *args, **kwargs):
        if isinstance(op, keras.Model):
            return walk(op, args[0] if args else kwargs["inputs"], step)
        pairs, function = _call(op, args, kwargs, Pair)
        return rules[id(op)](function, *pairs)

    return walk(network, Pair(x, z), step)


def rules_of(network: keras.Model) -> dict[int, Rule]:
    """The rule of each layer and operation of a network by its id, and of those of models within.

    Raises:
        InputError: where the network has no graph, or a layer has no rule.
    """
    return kept(network, rules_of, lambda: _find_rules(network))


def _find_rules(network) -> dict[int, Rule]:
    rules: dict[int, Rule] = {}
    made = MadeOf()

    def step(op, *args, **kwargs):
        if isinstance(op, keras.Model):
            _refuse_training(op, kwargs)
            return walk(op, args[0] if args else kwargs["inputs"], step, passed)
        return None

    def passed(op, args, kwargs, outputs):
        _refuse_training(op, kwargs)
        functions = made.functions(op, args, kwargs, _is_unknown) if is_function(op) else []
        if id(op) not in rules:
            rules[id(op)] = _rule_of(op, args, kwargs, outputs, functions)
        if isinstance(outputs, Unknown):
            made.keep(outputs, functions)

    inputs = [Unknown(t.shape, t.dtype) for t in graph_of(network).inputs]
    walk(network, inputs if len(inputs) > 1 else inputs[0], step, passed)
    return rules


def _is_unknown(value) -> bool:
    return isinstance(value, Unknown)


def _call(op, args, kwargs, kind: type) -> tuple[list, Callable]:
    """The arguments of a call that are of that kind, and the call as a function of what is put in their places."""
    flat = tf.nest.flatten((args, kwargs))
    places = [i for i, value in enumerate(flat) if isinstance(value, kind)]

    def function(*tensors):
        filled = list(flat)
        for i, tensor in zip(places, tensors):
            filled[i] = tensor
        own_args, own_kwargs = tf.nest.pack_sequence_as((args, kwargs), filled)
        if isinstance(op, layers.Layer) and "training" in inspect.signature(op.call).parameters:
            own_kwargs = {**own_kwargs, "training": False}
        return op(*own_args, **own_kwargs)

    return [flat[i] for i in places], function


def _rule_of(op, args, kwargs, outputs, functions) -> Rule:
    """The rule of a call, by the class of the layer or by what it computes."""
    tensors, function = _call(op, args, kwargs, Unknown)
    activation = _activation_of(op)
    if isinstance(op, (layers.LayerNormalization, getattr(layers, "RMSNormalization", ()))):
        if not getattr(op, "rms_scaling", False):
            return normalization(op)
    elif isinstance(op, layers.MultiHeadAttention):
        _check_attention(op, args, kwargs)
        return attention(op)
    elif type(op) in _WINNERS:
        return winner
    elif isinstance(op, layers.PReLU):
        return entrywise(None)
    elif activation is not None:
        linear = _without_activation(op)
        if _is_affine_layer(op, linear, tensors):
            return _in_turn(linear, activation, _rule_of_function(activation, outputs, op))
    elif _is_affine_layer(op, function, tensors):
        return affine
    elif len(tensors) == 1 and not getattr(op, "weights", None):
        return _rule_of_function(function, tensors[0], op)
    elif _is_product(function, tensors):
        _refuse_activation_of_operations(op, functions)
        return product
    raise _no_rule(op)


def _check_attention(layer, args, kwargs) -> None:
    """Raises InputError where a MultiHeadAttention is called on several tensors or with a mask."""
    given = inspect.signature(layer.call).bind(*args, **kwargs).arguments
    tensors = tuple(given.pop(name, None) for name in ("query", "value", "key"))
    fault = fault_of(layer, tensors, (), given)
    if fault:
        raise InputError(f"attn_lrp has no rule for layer {layer.name!r}, which {fault}")
    weights_of(layer)


def _is_affine_layer(op, function, tensors) -> bool:
    layer = op.layer if type(op) is Reactivated else op
    return type(layer) in _AFFINE or is_affine(function, tensors)


def _activation_of(op) -> Callable | None:
    """The built-in activation of a layer, or what stands for it in a surrogate; None where it has none."""
    if type(op) is Reactivated:
        places = op.places()
        whole = len(places) == 1 and places[0][:2] == (op.layer, "activation")
        return places[0][2] if whole and type(op.layer) in _AFFINE else None
    own = getattr(op, "activation", None) if type(op) in _AFFINE else None
    return None if own is keras.activations.linear else own


def _without_activation(op) -> layers.Layer:
    """A layer without its built-in activation, which shares its weights."""
    layer = op.layer if type(op) is Reactivated else op
    places = [(layer, "activation", keras.activations.linear)]
    return Exchanged(layer, places, name=op.name, dtype=op.compute_dtype)


def _in_turn(linear: layers.Layer, activation: Callable, rule: Rule) -> Rule:
    return lambda function, pair: rule(activation, affine(linear, pair))


def _rule_of_function(function: Callable, of: Any, op: Any) -> Rule:
    """The rule of a function without weights, by its values at tensors of the shape that `of` has."""
    shape = [4 if side is None else int(side) for side in tuple(of.shape)[1:]]
    if is_entrywise(function, [2, *shape]):
        return entrywise(as_relu(function))
    axis = softmax_axis(function, [2, *shape])
    if axis is None:
        raise _no_rule(op)
    return softmax(axis)


def _is_product(function: Callable, tensors: list) -> bool:
    """Whether a function is linear in each of its tensors while the others are held."""
    if len(tensors) < 2:
        return False
    held = [tf.ones([2, *(4 if side is None else side for side in tuple(t.shape)[1:])], t.dtype) for t in tensors]

    def of(i, tensor):
        return function(*held[:i], tensor, *held[i + 1 :])

    places = range(len(tensors))
    own = [Unknown((2, *held[i].shape[1:]), tensors[i].dtype) for i in places]
    if not all(is_affine(lambda tensor, i=i: of(i, tensor), [own[i]]) for i in places):
        return False
    return not any(float(tf.reduce_max(tf.abs(of(i, tf.zeros_like(held[i]))))) for i in places)


def _refuse_training(op, kwargs) -> None:
    if kwargs.get("training"):
        raise InputError(f"attn_lrp: layer {op.name!r} is called with training=True, where no rule holds")


def _refuse_activation_of_operations(op, functions) -> None:
    """Raises InputError for a product such as h * sigmoid(h): as a function of h it has another rule than its parts."""
    for ancestor, function in functions:
        shape = [2, *(4 if side is None else int(side) for side in tuple(ancestor.shape)[1:])]
        if is_entrywise(function, shape) and not is_affine(function, [ancestor]):
            raise InputError(
                f"attn_lrp: {op.name!r} ends an activation that is written in operations: make it one layer, such as "
                "keras.layers.Activation('silu')"
            )


def _no_rule(op) -> InputError:
    kind = type(op).__name__
    return InputError(
        f"attn_lrp has no rule for {kind} {op.name!r}: build the network of affine layers, functions of each entry, "
        "products, softmax, max pooling, LayerNormalization and MultiHeadAttention, or take another map"
    )

"""The ReLUs of a network that are no layer of it, such as `tf.nn.relu(x)` in a functional model."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfrobust.networks.functions import MadeOf, as_relu, is_function, relu_among
from tfrobust.networks.walk import Unknown, graph_of, walk

_OF_SEVERAL = (layers.Add, layers.Subtract, layers.Multiply, layers.Maximum, layers.Minimum, layers.Average)


def is_exchangeable(op: Any) -> bool:
    """Whether `op` is a layer of one tensor that holds nothing but a function: another layer can stand for it."""
    plain = isinstance(op, layers.Layer) and "OpLambda" not in type(op).__name__
    return plain and is_function(op) and not isinstance(op, _OF_SEVERAL)


def relu_operations(network: keras.Model) -> list[str]:
    """The names of the operations, such as `tf.nn.relu(x)` or `max(x, 0)` in a functional model, that make a ReLU.

    Nothing can stand for one of them in another network that shares the weights.  Models within are entered.

    Raises:
        InputError: where the network has no graph.
    """
    made, found = MadeOf(), []

    def step(op, *args, **kwargs):
        if isinstance(op, keras.Model):
            return walk(op, args[0] if args else kwargs["inputs"], step, passed)
        return None

    def passed(op, args, kwargs, outputs):
        if not is_function(op) or not isinstance(outputs, Unknown) or (is_exchangeable(op) and as_relu(op)):
            return
        functions = made.functions(op, args, kwargs, lambda t: isinstance(t, Unknown))
        if relu_among(functions):
            found.append(op.name)
        else:
            made.keep(outputs, functions)

    inputs = [Unknown(t.shape, t.dtype) for t in graph_of(network).inputs]
    with tf.init_scope():
        walk(network, inputs if len(inputs) > 1 else inputs[0], step, passed)
    return found

"""Recognizes a ReLU, a softmax or a sigmoid by the values that a function gives, whatever it is called.

Networks have these as layers, built-in activations, operations or lambdas; only their values say what they are.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers

_LINE = np.array([*np.linspace(-9, 9, 37), -1e4, 1e4], np.float32)
_FUNCTIONS: tuple[type, ...] = (
    layers.Activation,
    layers.Softmax,
    layers.Lambda,
    layers.Add,
    layers.Subtract,
    layers.Multiply,
)
_FUNCTIONS += (layers.Maximum, layers.Minimum, layers.Average)
_REMEMBERED = 4  # So many ancestors of a tensor are kept, the nearest ones.


def can_be_split(activation: Any) -> bool:
    """Whether a layer's built-in activation can become a layer of its own: it does something, and has no weights."""
    return activation not in (None, keras.activations.linear) and not getattr(activation, "weights", None)


def is_function(op: Any) -> bool:
    """Whether `op` is an operation (in Keras 2 a layer, too) or a layer that holds nothing but a function."""
    if not isinstance(op, layers.Layer) or "OpLambda" in type(op).__name__ or isinstance(op, _FUNCTIONS):
        return True
    # A layer that somebody wrote, such as a ReLU of their own.
    return not isinstance(op, keras.Model) and not type(op).__module__.startswith("keras") and not op.weights


def _values(function, x):
    """function(x) as an array; None where the function fails on x, and so is not the one looked for."""
    try:
        return np.asarray(function(tf.constant(x)), np.float32)
    except Exception:  # Users' functions come here, and may fail with any error.
        return None


def as_relu(function: Callable) -> dict[str, float | None] | None:
    """Recognizes a ReLU, leaky or capped ReLU by the values that it gives.

    Args:
        function: of one tensor.

    Returns:
        The arguments `negative_slope` and `max_value` with which keras.layers.ReLU is the function; None where it is no
        ReLU.
    """
    for shape in (_LINE.shape, (len(_LINE), 1, 1, 1)):  # Some layers take nothing but images.
        y = _values(function, _LINE.reshape(shape))
        if y is not None and y.shape == shape:
            return _relu_of(y.reshape(-1))
    return None


def _relu_of(y):
    slope, cap = abs(float(y[-2])) / 1e4, float(y[-1])
    expected = np.where(_LINE < 0, slope * _LINE, np.minimum(_LINE, cap))
    if slope >= 1 or cap <= 0 or not np.allclose(y, expected, rtol=1e-6, atol=0):
        return None
    return {"negative_slope": slope, "max_value": cap if cap < 1e4 else None}


def as_probabilities(function: Callable, classes: int) -> Literal["softmax", "sigmoid"] | None:
    """ "softmax" or "sigmoid", whichever the function of logits [B,K] is by its values; None where it is neither.

    Args:
        function: of one tensor [B,K].
        classes: K.
    """
    z = np.random.RandomState(0).randn(4, classes).astype(np.float32)
    p = _values(function, z)
    if p is None or p.shape != z.shape:
        return None
    if np.allclose(p, tf.nn.sigmoid(z), rtol=1e-4, atol=1e-6):
        return "sigmoid"
    return "softmax" if np.allclose(p, tf.nn.softmax(z), rtol=1e-4, atol=1e-6) else None


def is_entrywise(function: Callable, shape: Sequence[int]) -> bool:
    """Whether each entry of function(x) is a function of that entry of x alone.

    Args:
        function: of one tensor.
        shape: of x.
    """
    draw = np.random.RandomState(0)
    a, b = (3 * draw.randn(*shape).astype(np.float32) for _ in range(2))
    mask = draw.rand(*shape) < 0.5
    at_a, at_b, mixed = (_values(function, x) for x in (a, b, np.where(mask, a, b)))
    if at_a is None or at_b is None or mixed is None or not at_a.shape == at_b.shape == mixed.shape == a.shape:
        return False
    return np.allclose(mixed, np.where(mask, at_a, at_b), rtol=1e-4, atol=1e-6)


def softmax_axis(function: Callable, shape: Sequence[int]) -> int | None:
    """The axis along which a function is a softmax; None where it is none.

    Args:
        function: of one tensor.
        shape: of that tensor; its axes of one entry are not looked at.
    """
    z = np.random.RandomState(0).randn(*shape).astype(np.float32)
    p = _values(function, z)
    for axis in range(1, len(shape)):
        same = p is not None and p.shape == z.shape and np.allclose(p, tf.nn.softmax(z, axis), rtol=1e-4, atol=1e-6)
        if same and shape[axis] > 1:
            return axis - len(shape)
    return None


class MadeOf:
    """Keeps which function without weights made a tensor of a graph of the tensors before it.

    A ReLU may be written in several operations, such as max(h, 0 * h) or h * (h > 0): together they are one of h.
    """

    def __init__(self):
        self._kept = {}  # id: (tensor, [(ancestor, function)]); holds the tensor, so that its id stays its own.

    def functions(
        self, op: Callable, args: tuple, kwargs: dict, is_tensor: Callable[[Any], bool]
    ) -> list[tuple[Any, Callable]]:
        """Says of which earlier tensors the result of a call is a function, and of which function.

        Args:
            op: the layer or operation that is called.
            args: what it is called with.
            kwargs: its keyword arguments.
            is_tensor: whether an object is a tensor of the graph.

        Returns:
            [(ancestor, function)] with op(*args, **kwargs) = function(ancestor), the nearest ancestor first.
        """
        arguments = args, kwargs
        tensors = {id(t): t for t in tf.nest.flatten(arguments) if is_tensor(t)}
        before = [[(t, lambda value: value), *self.of(t)] for t in tensors.values()]
        made = [{id(ancestor): function for ancestor, function in each} for each in before]
        common = [a for a, _ in before[0] if all(id(a) in each for each in made)] if before else []

        def function(ancestor):
            def of(value):
                values = {key: each[id(ancestor)](value) for key, each in zip(tensors, made)}
                own = tf.nest.map_structure(lambda a: values.get(id(a), a), arguments)
                return op(*own[0], **own[1])

            return of

        return [(ancestor, function(ancestor)) for ancestor in common[:_REMEMBERED]]

    def keep(self, y: Any, functions: list[tuple[Any, Callable]]) -> None:
        """Remembers of the tensor `y` what `functions` returned when it was made."""
        self._kept[id(y)] = y, functions

    def of(self, y: Any) -> list[tuple[Any, Callable]]:
        """The [(ancestor, function)] that were kept for the tensor `y`; an empty list where none were."""
        return self._kept.get(id(y), (y, []))[1]


def relu_among(functions: list[tuple[Any, Callable]]) -> tuple[Any, dict[str, float | None]] | None:
    """The first ReLU among the functions of a tensor.

    Args:
        functions: [(ancestor, function)], see `MadeOf.functions`.

    Returns:
        (ancestor, the arguments of keras.layers.ReLU), or None where no function is a ReLU.
    """
    for ancestor, function in functions:
        relu = as_relu(function)
        if relu:
            return ancestor, relu
    return None

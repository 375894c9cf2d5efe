"""What a function does to numbers, whatever it is called: a ReLU, a softmax, a sigmoid, a step from 0..255.

Networks have these as layers, built-in activations, operations or lambdas; only their values say what they are.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

_LINE = np.float32([*np.linspace(-9, 9, 37), -1e4, 1e4])


def can_be_split(activation) -> bool:
    return activation not in (None, keras.activations.linear) and not getattr(activation, "weights", None)


def is_function(op) -> bool:
    """Whether it is an operation (in Keras 2 a layer, too) or a layer that holds nothing but a function."""
    plain = isinstance(op, (layers.Activation, layers.Softmax, layers.Lambda))
    return plain or not isinstance(op, layers.Layer) or "OpLambda" in type(op).__name__


def _values(function, x):
    """function(x) as an array; None where the function takes no such x, and so is not the one looked for."""
    try:
        return np.asarray(function(tf.constant(x)), np.float32)
    except Exception:  # Functions of any make come here, and fail with any error.
        return None


def as_relu(function):
    """The arguments of keras.layers.ReLU with which it is the function; None where there are none."""
    y = _values(function, _LINE)
    if y is None or y.shape != _LINE.shape:
        return None
    slope, cap = abs(float(y[-2])) / 1e4, float(y[-1])
    expected = np.where(_LINE < 0, slope * _LINE, np.minimum(_LINE, cap))
    if slope >= 1 or cap <= 0 or not np.allclose(y, expected, rtol=1e-6, atol=0):
        return None
    return {"negative_slope": slope, "max_value": cap if cap < 1e4 else None}


def as_probabilities(function, classes: int):
    """The name of the function of [B,K], softmax or sigmoid; None where it is neither."""
    z = np.random.RandomState(0).randn(4, classes).astype(np.float32)
    p = _values(function, z)
    for name, expected in ("sigmoid", tf.nn.sigmoid(z)), ("softmax", tf.nn.softmax(z)):
        if p is not None and p.shape == z.shape and np.allclose(p, expected, rtol=1e-4, atol=1e-6):
            return name
    return None


def is_pointwise(op) -> bool:
    """Whether the layer or operation does to each pixel what it does to any."""
    return is_function(op) or isinstance(op, (layers.Rescaling, layers.Normalization))


def takes_bytes(function, channels: int) -> bool:
    """Whether the function of pixels is linear and leaves next to nothing of [0, 1]: it is made for 0..255."""
    y = _values(function, np.float32([0, 127.5, 255])[:, None, None, None] * np.ones([1, 1, 1, channels], np.float32))
    if y is None or y.shape != (3, 1, 1, channels):
        return False
    low, middle, high = y
    return np.allclose(middle, (low + high) / 2, rtol=1e-3, atol=1e-3) and 0 < np.abs(high - low).max() < 10

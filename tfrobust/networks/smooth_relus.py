"""What stands for a ReLU in a surrogate: softplus, and a ReLU with the curvature of softplus.

Their derivatives are written out, as TensorFlow's own of second order take several times as many operations on whole
feature maps.
"""

from collections.abc import Callable

import tensorflow as tf

Function = Callable[[tf.Tensor], tf.Tensor]


class Softplus:
    """x -> log(1 + exp(beta x)) / beta, which tends to ReLU as beta grows and has a second derivative.

    Args:
        beta: the larger, the nearer to ReLU.
    """

    def __init__(self, beta: float):
        self.beta = beta

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Its value for each entry of `x`."""
        value = lambda x: tf.nn.softplus(self.beta * x) / self.beta  # noqa: E731
        return _with_derivatives(x, value, lambda x, dy: dy * tf.sigmoid(self.beta * x), self.curvature)

    def curvature(self, x: tf.Tensor, dy: tf.Tensor) -> tf.Tensor:
        """The second derivative at `x`, beta s (1 - s) with s = sigmoid(beta x), times `dy`."""
        return self.beta * tf.raw_ops.SigmoidGrad(y=tf.sigmoid(self.beta * x), dy=dy)


class CurvedRelu:
    """ReLU and its first derivative, with the second derivative of softplus(beta) (FAR, Section 4).

    Maps stay those of the network, and attacks on them have a direction.

    Args:
        beta: of the softplus.
    """

    def __init__(self, beta: float):
        self._softplus = Softplus(beta)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """ReLU of `x`."""
        return _with_derivatives(x, tf.nn.relu, _relu_slope, self._softplus.curvature)

    def capped(self, x: tf.Tensor, cap: float) -> tf.Tensor:
        """min(ReLU, cap) of `x`: the difference of two of these; for a cap of 6 TensorFlow has kernels."""
        if cap != 6:
            return self(x) - self(x - cap)
        bent = lambda x, dy: self._softplus.curvature(x, dy) - self._softplus.curvature(x - 6, dy)  # noqa: E731
        return _with_derivatives(x, tf.nn.relu6, _relu6_slope, bent)


def _relu_slope(x, dy):
    return tf.raw_ops.ReluGrad(gradients=dy, features=x)


def _relu6_slope(x, dy):
    return tf.raw_ops.Relu6Grad(gradients=dy, features=x)


def _with_derivatives(x: tf.Tensor, value: Function, first: Callable, second: Callable) -> tf.Tensor:
    """value(x), a function of each entry, with first(x, dy) and second(x, dy): its derivatives, times dy."""

    @tf.custom_gradient
    def slope(x, dy):
        return first(x, dy), lambda v: (second(x, v * dy), slope(x, v))

    @tf.custom_gradient
    def function(x):
        return value(x), lambda dy: slope(x, dy)

    return function(x)

"""The seven initialisations that FAR compares (A.3): maps of equally accurate networks differ with them.

With i and o the numbers of inputs and outputs of a unit (a convolution's times the area of its kernel):

    ptd   weights and biases uniform in +- 1 / sqrt(i)   (PyTorch's default)
    cust  weights normal of deviation 0.1, biases 0.1
    uni   weights and biases uniform in +- 0.1
    hu    weights uniform in +- sqrt(6 / i), biases 0         (He)
    hn    weights normal of variance 2 / i, biases 0
    gu    weights uniform in +- sqrt(6 / (i + o)), biases 0   (Glorot)
    gn    weights normal of variance 2 / (i + o), biases 0
"""

from collections.abc import Callable

import keras
import numpy as np

from tfrobust.checks import check_choice
from tfrobust.names import INITIALIZATIONS


def _uniform(bound):
    return lambda r, shape: r.uniform(-bound, bound, shape)


def _normal(deviation):
    return lambda r, shape: r.normal(0.0, deviation, shape)


def _constant(value):
    return lambda r, shape: np.full(shape, value)


# Each: (i, o) -> (how weights are drawn, how biases are).


def ptd(i: int, o: int) -> tuple[Callable, Callable]:
    """Weights and biases uniform in +- 1 / sqrt(i), PyTorch's default."""
    return _uniform(i**-0.5), _uniform(i**-0.5)


def cust(i: int, o: int) -> tuple[Callable, Callable]:
    """Weights normal of deviation 0.1, biases 0.1."""
    return _normal(0.1), _constant(0.1)


def uni(i: int, o: int) -> tuple[Callable, Callable]:
    """Weights and biases uniform in +- 0.1."""
    return _uniform(0.1), _uniform(0.1)


def hu(i: int, o: int) -> tuple[Callable, Callable]:
    """Weights uniform in +- sqrt(6 / i), biases 0 (He)."""
    return _uniform((6 / i) ** 0.5), _constant(0.0)


def hn(i: int, o: int) -> tuple[Callable, Callable]:
    """Weights normal of variance 2 / i, biases 0 (He)."""
    return _normal((2 / i) ** 0.5), _constant(0.0)


def gu(i: int, o: int) -> tuple[Callable, Callable]:
    """Weights uniform in +- sqrt(6 / (i + o)), biases 0 (Glorot)."""
    return _uniform((6 / (i + o)) ** 0.5), _constant(0.0)


def gn(i: int, o: int) -> tuple[Callable, Callable]:
    """Weights normal of variance 2 / (i + o), biases 0 (Glorot)."""
    return _normal((2 / (i + o)) ** 0.5), _constant(0.0)


def initialize(network: keras.Model, name: str, seed: int) -> None:
    """Draws the weights and biases of every convolution and dense layer anew, in place; other layers keep theirs.

    Args:
        network: layers of models within it are drawn, too.
        name: one of INITIALIZATIONS.
        seed: of the draws.

    Raises:
        InputError: for an unknown name.
    """
    check_choice("initialization", name, INITIALIZATIONS)
    r = np.random.RandomState(seed)
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            initialize(layer, name, int(r.randint(2**31)))
        elif isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            kernel = layer.kernel.shape
            area = int(np.prod(kernel[:-2]))
            weights, biases = INITIALIZATIONS[name](area * kernel[-2], area * kernel[-1])
            values = [weights(r, tuple(kernel))] + [biases(r, tuple(layer.bias.shape))] * layer.use_bias
            layer.set_weights(values)

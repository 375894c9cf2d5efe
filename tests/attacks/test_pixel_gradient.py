"""The derivative by the pixels in blocks: the network's own, and which networks have it."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import convolutional_network, run_tests
from tfrobust import kernels
from tfrobust.attacks import pixel_gradient
from tfrobust.attacks.pixel_gradient import for_attacks, kernel_of_blocks, transposed_in_blocks
from tfrobust.losses import cross_entropy


@pytest.fixture(autouse=True)
def with_kernels(monkeypatch):
    """Whatever the kernels of this process."""
    monkeypatch.setattr(kernels, "onednn", lambda: True)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("size", [(3, 3), (5, 2), (1, 1), (4, 7)])
@pytest.mark.parametrize("channels, block", [(1, 4), (3, 2), (1, 3)])
def test_blocks_hold_the_sums_of_the_derivative(padding, size, channels, block):
    draw = tf.random.stateless_normal
    x, kernel = draw([2, 9, 7, channels], [0, 1]), draw([*size, channels, 5], [0, 2])
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = tf.nn.conv2d(x, kernel, 1, padding)
        g = draw(tf.shape(h), [0, 3])
        value = tf.reduce_sum(g * h)
    got = transposed_in_blocks(g, kernel_of_blocks(kernel, block), size, tf.shape(x), block)
    np.testing.assert_allclose(got, tape.gradient(value, x), rtol=1e-4, atol=1e-5)


def network_of(channels, *first):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((9, 7, channels))
    x = inputs
    for layer in first:
        x = layer(x)
    x = layers.Flatten()(layers.MaxPooling2D(2)(layers.Activation("relu")(x)))
    return keras.Model(inputs, layers.Dense(4)(x))


def logits_and_gradient(function, x, y):
    with tf.GradientTape() as tape:
        tape.watch(x)
        f = function(x)
        loss = cross_entropy(y, f)
    return f, tape.gradient(loss, x)


CUT = {
    "grey": (1, layers.Conv2D(6, 5, padding="same")),
    "colours, rescaled": (3, layers.Rescaling(2.0, -1.0), layers.Conv2D(6, 3)),
    "padded": (3, layers.ZeroPadding2D(2), layers.Conv2D(6, 4)),
}
WHOLE = {
    "stride": (1, layers.Conv2D(6, 3, strides=2)),
    "dilation": (1, layers.Conv2D(6, 3, dilation_rate=2)),
    "activation within": (1, layers.Conv2D(6, 3, activation="relu")),
    "many channels": (5, layers.Conv2D(6, 3)),
    "no convolution first": (1, layers.AveragePooling2D(2), layers.Conv2D(6, 3, padding="same")),
}


@functools.cache
def wanted(name):
    """(the network of that name, images, labels, its logits, the derivative)"""
    network = network_of(*{**CUT, **WHOLE}[name])
    x, y = tf.random.stateless_uniform([3, *network.input_shape[1:]], [0, 4]), tf.constant([0, 1, 3])
    return network, x, y, *logits_and_gradient(lambda x: network(x, training=False), x, y)


# A network that is not cut is asked itself, in a graph as elsewhere.
@pytest.mark.parametrize(
    "name, graph",
    [
        *((name, graph) for name in CUT for graph in (True, False)),
        *((name, False) for name in WHOLE),
        *(pytest.param(name, True, marks=pytest.mark.exhaustive) for name in WHOLE),
    ],
)
def test_logits_and_derivative_are_the_networks(name, graph):
    network, x, y, want_f, want_g = wanted(name)
    attacked = for_attacks(network)
    ask = lambda x: logits_and_gradient(attacked, x, y)  # noqa: E731
    f, g = (tf.function(ask, autograph=False) if graph else ask)(x)
    np.testing.assert_allclose(f, want_f, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(g, want_g, rtol=1e-4, atol=1e-6)
    assert np.abs(want_g).max() > 0 and (pixel_gradient._cut(network) is not None) == (name in CUT)


def test_weights_that_change_are_the_ones_asked():
    network = network_of(*CUT["grey"])
    x, y = tf.random.stateless_uniform([3, 9, 7, 1], [0, 4]), tf.constant([0, 1, 3])
    ask = tf.function(lambda x: logits_and_gradient(for_attacks(network), x, y), autograph=False)
    before = ask(x)[1]
    network.set_weights([2 * w for w in network.get_weights()])
    after = ask(x)[1]
    np.testing.assert_allclose(after, logits_and_gradient(network, x, y)[1], rtol=1e-4, atol=1e-6)
    assert not np.allclose(before, after)


def test_without_the_kernels_the_network_itself_is_asked(monkeypatch):
    monkeypatch.setattr(kernels, "onednn", lambda: False)
    monkeypatch.setattr(pixel_gradient, "_cut", lambda network: pytest.fail("cut"))
    network = convolutional_network("relu")
    x = tf.zeros([1, 8, 8, 1])
    assert np.array_equal(for_attacks(network)(x), network(x, training=False))


if __name__ == "__main__":
    run_tests(__file__)

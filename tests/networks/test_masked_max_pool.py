"""Max pooling by masks: TensorFlow's own values and derivatives, bit for bit, and which layers have it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import run_tests
from tfrobust.attributions.split import split_at
from tfrobust.networks.masked_max_pool import MaskedMaxPool, can_be_masked, masked_max_pool
from tfrobust.networks.smooth_relus import Softplus
from tfrobust.networks.surrogates import exchanges_relus, surrogate


def three_derivatives(pool, x, u):
    """The value, and derivatives of first to third order of something that pools."""
    with tf.GradientTape() as third:
        third.watch(x)
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                y = pool(x * x)
                value = tf.reduce_sum(u * tf.sin(y))
            g = first.gradient(value, x)
            size = tf.reduce_sum(g * g)
        h = second.gradient(size, x)
        again = tf.reduce_sum(h**3)
    return y, g, h, third.gradient(again, x)


@pytest.mark.parametrize("graph", [True, False])
@pytest.mark.parametrize("shape", [(2, 6, 4, 3), (1, 7, 5, 2)])
def test_values_and_derivatives_are_tensorflows(shape, graph):
    x = tf.nn.relu(tf.random.stateless_normal(shape, [0, 1]))  # Many ties: whole windows of zeros.
    u = tf.random.stateless_normal([shape[0], shape[1] // 2, shape[2] // 2, shape[3]], [0, 2])
    how = tf.function(three_derivatives) if graph else three_derivatives
    want = three_derivatives(lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"), x, u)
    for got, each in zip(how(masked_max_pool, x, u), want):
        np.testing.assert_allclose(got, each, rtol=1e-5, atol=1e-6)
    assert np.abs(want[2]).max() > 0


def test_surrogates_and_pieces_of_a_network_have_it():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = layers.MaxPooling2D(2)(layers.Activation("relu")(layers.Conv2D(4, 3, padding="same", name="first")(inputs)))
    network = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    x = tf.random.stateless_uniform([2, 8, 8, 1], [0, 3])
    head, tail = split_at(network, "first")
    sharp = surrogate(network, Softplus(1e4))
    for model in (tail, sharp):
        assert any(isinstance(getattr(layer, "layer", layer), MaskedMaxPool) for layer in model.layers)
    np.testing.assert_array_equal(tail(head(x)), network(x))
    np.testing.assert_allclose(sharp(x), network(x), atol=1e-3)


def test_it_is_no_exchanged_relu():
    inputs = keras.Input((4, 4, 1))
    assert not exchanges_relus(keras.Model(inputs, layers.Flatten()(layers.MaxPooling2D(2)(inputs))))


def test_other_layers_are_left_as_they_are():
    class Own(layers.MaxPooling2D):
        pass

    for layer, shape, can in (
        (layers.MaxPooling2D(2), (5, 4, 3), True),
        (layers.MaxPooling2D(2, padding="same"), (6, 4, 3), True),
        (layers.MaxPooling2D(2, padding="same"), (5, 4, 3), False),
        (layers.MaxPooling2D(2, padding="same"), (None, None, 3), False),
        (layers.MaxPooling2D(2, strides=1), (6, 4, 3), False),
        (layers.MaxPooling2D(3), (6, 6, 3), False),
        (layers.MaxPooling2D(2, dtype="mixed_float16"), (6, 4, 3), False),
        (Own(2), (6, 4, 3), False),
        (layers.AveragePooling2D(2), (6, 4, 3), False),
    ):
        layer(keras.Input(shape))
        assert can_be_masked(layer) == can, layer.get_config()


if __name__ == "__main__":
    run_tests(__file__)

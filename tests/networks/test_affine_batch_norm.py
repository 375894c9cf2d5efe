"""Batch normalization as an affine map: the layer's own values and derivatives, and which layers have it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import run_tests
from tfrobust.networks.affine_batch_norm import AffineBatchNorm, can_be_affine
from tfrobust.networks.smooth_relus import Softplus
from tfrobust.networks.surrogates import exchanges_relus, surrogate


def normalized(**options):
    """(network, its BatchNormalization with statistics and weights that are not those of the start)."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((5, 4, 2))
    x = layers.Conv2D(3, 3)(x)
    layer = layers.BatchNormalization(**options)
    x = layers.Activation("relu")(layer(x))
    network = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(x)))
    r = np.random.RandomState(0)
    layer.set_weights([r.uniform(0.5, 2.0, w.shape) for w in layer.get_weights()])
    return network, layer


@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}, {"epsilon": 0.1}])
def test_values_and_derivatives_are_the_layers(options):
    _, layer = normalized(**options)
    x, dy = (tf.random.stateless_normal([6, 3, 2, 3], [0, i]) for i in range(2))

    def everything(f):
        """The value, the derivative by x of a loss, and what a size of that has for derivatives by x and weights."""
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = f(x)
                loss = tf.reduce_sum(dy * tf.sin(y))
            g = inner.gradient(loss, x)
            size = tf.reduce_sum(g**3)
        return [y, g, *outer.gradient(size, [x, *layer.trainable_variables])]

    want = everything(lambda x: layer(x, training=False))
    got = everything(lambda x: AffineBatchNorm(layer)(x, training=False))
    for a, b in zip(got, want):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max())


def test_in_training_it_is_the_layer():
    _, layer = normalized()
    x = tf.random.stateless_normal([6, 3, 2, 3], [0, 1])
    before, mean = layer.get_weights(), AffineBatchNorm(layer)(x, training=True)
    after = layer.get_weights()
    layer.set_weights(before)
    np.testing.assert_array_equal(mean, layer(x, training=True))
    assert any(not np.array_equal(a, b) for a, b in zip(before, after)), "its statistics move"


def test_a_surrogate_has_it_and_stays_the_network():
    network, _ = normalized()
    x = tf.random.stateless_uniform([3, 5, 4, 2], [0, 2])
    sharp = surrogate(network, Softplus(1e4))
    assert any(isinstance(layer, AffineBatchNorm) for layer in sharp.layers)
    np.testing.assert_allclose(sharp(x, training=False), network(x, training=False), rtol=1e-3, atol=1e-3)


def test_it_is_no_exchanged_relu():
    inputs = keras.Input((4,))
    assert not exchanges_relus(keras.Model(inputs, layers.BatchNormalization()(inputs)))


def test_other_layers_are_left_as_they_are():
    class Own(layers.BatchNormalization):
        pass

    for layer, can in (
        (layers.BatchNormalization(), True),
        (layers.BatchNormalization(axis=3), True),
        (layers.BatchNormalization(axis=1), False),
        (layers.BatchNormalization(dtype="mixed_float16"), False),
        (Own(), False),
        (layers.LayerNormalization(), False),
    ):
        layer(keras.Input((3, 2, 5)))
        assert can_be_affine(layer) == can, layer.get_config()


if __name__ == "__main__":
    run_tests(__file__)

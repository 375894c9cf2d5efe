"""Which networks are nonnegatively homogeneous, by their graph: what is found is, and what is not found may not be."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import images, linear_network, run_tests
from tfrobust.models import GaussianSmoothing, make_model
from tfrobust.models.normalization import PerImageStandardization
from tfrobust.networks import adopt
from tfrobust.networks.homogeneity import is_homogeneous
from tfrobust.networks.surrogates import softplus_surrogate


def network(*middle, bias=False, merge=None, dtype="float32"):
    """Convolution, `middle`, merged with what came before it, and a head."""
    x = inputs = keras.Input((8, 8, 1))
    x = first = layers.Conv2D(4, 3, padding="same", use_bias=bias, activation="relu", dtype=dtype)(x)
    for layer in middle:
        x = layer(x)
    x = merge([x, first]) if merge else x
    return keras.Model(inputs, layers.Dense(10, use_bias=False)(layers.Flatten()(x)))


def residual():
    return network(layers.Conv2D(4, 3, padding="same", use_bias=False), merge=layers.Add())


HOMOGENEOUS = {
    "digits_cnn": lambda: make_model("digits_cnn", (8, 8, 1), 10, 0.5, bias=False),
    "mnist_cnn": lambda: make_model("mnist_cnn", (8, 8, 1), 10, 0.1, bias=False),
    "smoothed": lambda: make_model("digits_cnn", (8, 8, 1), 10, 0.5, bias=False, feature_smoothing=0.8),
    "pooled": lambda: network(layers.AveragePooling2D(2), layers.MaxPooling2D(2), layers.ReLU()),
    "residual": residual,
    "leaky, scaled": lambda: network(layers.Rescaling(3.0), layers.LeakyReLU(), layers.Dropout(0.5)),
    "a model within": lambda: keras.Sequential([keras.Input((8, 8, 1)), residual(), layers.ReLU()]),
    "adopted": lambda: adopt(residual()),
}


# Of the second, one gradient gives Integrated Gradients in tests/attributions/test_integrated_gradients.py.
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n == "mnist_cnn")) for n in HOMOGENEOUS]
)
def test_what_is_found_is_homogeneous(name):
    keras.utils.set_random_seed(0)
    made = HOMOGENEOUS[name]()
    assert is_homogeneous(made)
    x, _ = images(3)
    for a in (0.0, 0.3, 2.0):
        np.testing.assert_allclose(made(a * x), a * made(x), rtol=1e-4, atol=1e-6)


class OwnRelu(layers.ReLU):
    """One that somebody wrote: a subclass may do anything."""


NOT_FOUND = {
    "biases, which are zero at first": lambda: network(bias=True),
    "a bias in the head": lambda: linear_network(np.ones((8, 8, 1, 10))),
    "batch normalization": lambda: network(layers.BatchNormalization()),
    "batch normalization without an offset": lambda: network(layers.BatchNormalization(center=False)),
    "a standardization of each image": lambda: network(PerImageStandardization()),
    "a mean of the pixels": lambda: network(layers.Normalization(mean=0.0, variance=1.0)),
    "an offset": lambda: network(layers.Rescaling(2.0, -1.0)),
    "a softmax": lambda: network(layers.Softmax()),
    "a cap": lambda: network(layers.ReLU(6.0)),
    "a threshold": lambda: network(layers.ReLU(threshold=0.1)),
    "softplus": lambda: network(layers.Activation("softplus")),
    "products": lambda: network(layers.ReLU(), merge=layers.Multiply()),
    "a subclass": lambda: network(OwnRelu()),
    "arithmetic": lambda: network(lambda x: x + 1.0),
    "a layer that is given a constant, too": lambda: network(lambda x: layers.Add()([x, tf.ones([1, 8, 8, 4])])),
    "a surrogate": lambda: softplus_surrogate(make_model("digits_cnn", (8, 8, 1), 10, 0.5, bias=False), 1.0),
    "a curved surrogate": lambda: softplus_surrogate(
        make_model("digits_cnn", (8, 8, 1), 10, 0.5, bias=False), 1.0, curvature_only=True
    ),
    "bfloat16": lambda: network(dtype="mixed_bfloat16"),
}


@pytest.mark.parametrize("name", NOT_FOUND)
def test_what_may_not_be_is_not_found(name):
    assert not is_homogeneous(NOT_FOUND[name]())


def test_a_network_without_a_graph_is_not_found():
    class Subclassed(keras.Model):
        def call(self, x):
            return tf.reduce_sum(x, axis=[1, 2])

    assert not is_homogeneous(Subclassed())


def test_smoothing_alone_is_linear_and_keeps_constants():
    x, _ = images(2, shape=(5, 7, 3))
    layer = GaussianSmoothing(1.3)
    np.testing.assert_allclose(layer(2 * x - 1), 2 * layer(x) - 1, atol=1e-5)


if __name__ == "__main__":
    run_tests(__file__)

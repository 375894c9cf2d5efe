"""Affine functions are known by their operations, whatever their weights are at the time."""

import functools

import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import run_tests
from tfrobust.networks.linearity import is_affine

GATE = tf.Variable(0.0)
X = tf.TensorSpec([None, 4, 4, 2], tf.float32)


@tf.custom_gradient
def with_own_gradient(x):
    return x, lambda dy: 2 * dy


def batch_normalization(training):
    layer = layers.BatchNormalization()
    layer.build((None, 4, 4, 2))
    return lambda x: layer(x, training=training)


AFFINE = {
    "itself": lambda x: x,
    "slice": lambda x: 2 * x[:, 1:, ::2] - 1,
    "mean": lambda x: tf.reduce_mean(tf.transpose(x, [0, 3, 1, 2]), axis=-1) / 3.0,
    "shape": lambda x: tf.reshape(x, [tf.shape(x)[0], -1]) + tf.ones_like(tf.reshape(x, [-1, 32])),
    "gate": lambda x: x * GATE,
    "batch normalization": batch_normalization(False),
    "padding": layers.ZeroPadding2D(),
    "average pooling": layers.AveragePooling2D(2),
    "larger": layers.UpSampling2D(2, interpolation="bilinear"),
    "dropout": functools.partial(layers.Dropout(0.5), training=False),
}
OTHERS = {
    "gate of a nonlinearity": lambda x: x + GATE * tf.tanh(x),
    "relu": tf.nn.relu,
    "product": lambda x: x * x,
    "quotient": lambda x: 1.0 / x,
    "normalized": layers.LayerNormalization(),
    "statistics of the batch": batch_normalization(True),
    "rounded": lambda x: tf.cast(tf.cast(255 * x, tf.int32), tf.float32),
    "max pooling": layers.MaxPooling2D(2),
    "own gradient": with_own_gradient,
    "without a gradient": tf.stop_gradient,
    "in a graph": tf.function(tf.tanh),
    "fails": lambda x: x.no_such_attribute,
}


@pytest.mark.parametrize("name", AFFINE)
def test_what_is_affine(name):
    assert is_affine(AFFINE[name], [X])


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not(name):
    assert not is_affine(OTHERS[name], [X])


def test_several_tensors_are_looked_at_together():
    assert is_affine(lambda a, b: a - 2 * b, [X, X])
    assert not is_affine(tf.multiply, [X, X])


if __name__ == "__main__":
    run_tests(__file__)

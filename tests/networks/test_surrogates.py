"""Surrogates: ReLU is replaced by softplus, weights are shared, derivatives are those that the papers use."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import assert_close, images, reference, reference_batch, reference_network, run_tests, small_network
from tfrobust.attributions import make_map, make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.networks import adopt
from tfrobust.networks.smooth_relus import CurvedRelu, Softplus
from tfrobust.networks.surrogates import (
    exchanges_relus,
    guided_surrogate,
    softplus_surrogate,
    surrogate,
)
from tfrobust.types import InputError


def every_relu():
    """A network with every form of ReLU that Keras has."""
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(3, 3, activation="relu")(x)
    x = layers.LeakyReLU(0.1)(layers.Conv2D(3, 3)(x))
    x = layers.ReLU(max_value=6.0)(layers.Conv2D(3, 3)(x))
    block = keras.Sequential([keras.Input((2, 2, 3)), layers.Flatten(), layers.Dense(5), layers.Activation("relu")])
    return keras.Model(inputs, layers.Dense(10)(block(x)))


def test_softplus_tends_to_relu_and_does_not_overflow():
    x = tf.constant([-100.0, -1.0, 0.0, 1.0, 1000.0])
    np.testing.assert_allclose(Softplus(1.0)(x)[2], np.log(2), rtol=1e-6)
    np.testing.assert_allclose(Softplus(500.0)(x), tf.nn.relu(x), atol=2e-3)


def test_twin_agrees_with_the_released_softplus_network():
    x, _, _ = reference_batch()
    assert_close(surrogate(reference_network(), Softplus(1.0))(x), reference()["logits_softplus_beta1"], 1e-5)


@pytest.mark.parametrize("make", [pytest.param(small_network, marks=pytest.mark.exhaustive), every_relu])
def test_twin_shares_every_weight_and_leaves_the_network(make):
    network = make()
    x, _ = images()
    before = network(x).numpy()
    soft = surrogate(network, Softplus(2.0))
    assert np.abs(soft(x) - before).max() > 1e-4
    np.testing.assert_allclose(surrogate(network, Softplus(1e4))(x), before, atol=1e-3)
    weights = network.get_weights()
    assert len(soft.weights) == len(weights)
    network.set_weights([2 * w for w in weights])
    np.testing.assert_allclose(surrogate(network, Softplus(2.0))(x), soft(x), rtol=1e-5)
    network.set_weights(weights)
    np.testing.assert_array_equal(network(x), before)


def test_twin_of_relu_is_the_network():
    network = every_relu()
    x, _ = images()
    np.testing.assert_allclose(surrogate(network, tf.nn.relu)(x), network(x), atol=1e-6)


def dense(**options):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, layers.Dense(10)(layers.Dense(6, **options)(layers.Flatten()(inputs))))


@pytest.mark.parametrize("activation", ["relu6", "leaky_relu"])
def test_other_builtin_relus_are_exchanged(activation):
    network = dense(activation=activation)
    x, _ = images()
    np.testing.assert_allclose(surrogate(network, tf.nn.relu)(x), network(x), atol=1e-6)
    assert np.abs(surrogate(network, Softplus(1.0))(x) - network(x)).max() > 0.01


def test_a_relu_with_slope_and_cap():
    inputs = keras.Input((8, 8, 1))
    network = keras.Model(inputs, layers.Flatten()(layers.ReLU(max_value=1.0, negative_slope=0.5)(inputs)))
    x = tf.reshape(tf.linspace(-3.0, 3.0, 64), [1, 8, 8, 1])
    np.testing.assert_allclose(surrogate(network, tf.nn.relu)(x), network(x), atol=1e-6)


def test_a_relu_that_is_no_layer_is_refused():
    inputs = keras.Input((8, 8, 1))
    relu = keras.ops.relu if hasattr(keras, "ops") else tf.nn.relu
    network = keras.Model(inputs, layers.Dense(10)(relu(layers.Flatten()(inputs))))
    with pytest.raises(InputError, match=r"keras.layers.ReLU"):
        surrogate(network, Softplus(1.0))
    smooth = dense(activation="tanh")
    x, _ = images()
    np.testing.assert_array_equal(surrogate(smooth, Softplus(1.0))(x), smooth(x))


def test_softplus_twin_is_made_once_and_its_curvature_leaves_the_maps():
    network = small_network()
    x, y = images()
    assert softplus_surrogate(network, None) is network
    assert softplus_surrogate(network, 2.0) is softplus_surrogate(network, 2.0)
    curved = softplus_surrogate(network, 2.0, curvature_only=True)
    np.testing.assert_allclose(curved(x), network(x), atol=1e-6)
    logit, curved_logit = make_score(network, "logit"), make_score(curved, "logit")
    np.testing.assert_allclose(gradient(curved_logit, x, y), gradient(logit, x, y), atol=1e-6)
    with tf.GradientTape() as tape:
        tape.watch(x)
        size = tf.reduce_sum(gradient(curved_logit, x, y) ** 2)
    assert np.abs(tape.gradient(size, x)).max() > 0


def test_a_curved_relu_has_the_second_derivative_of_softplus():
    x = tf.constant([-1.0, 0.3, 2.0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = CurvedRelu(3.0)(x)
        first = inner.gradient(value, x)
    s = tf.sigmoid(3.0 * x)
    np.testing.assert_array_equal(first, [0.0, 1.0, 1.0])
    np.testing.assert_allclose(outer.gradient(first, x), 3.0 * s * (1 - s), rtol=1e-5)


def derivatives(f, x):
    """The value of a function of each entry, and its first two derivatives."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = f(x)
        first = inner.gradient(value, x)
    return value, first, outer.gradient(first, x)


def test_softplus_has_the_derivatives_of_tensorflows():
    x = tf.linspace(-4.0, 4.0, 23)
    for got, want in zip(derivatives(Softplus(3.0), x), derivatives(lambda x: tf.nn.softplus(3.0 * x) / 3.0, x)):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("cap", [6.0, 2.0])
def test_a_capped_curved_relu_is_the_difference_of_two(cap):
    x, f = tf.linspace(-9.0, 9.0, 38), CurvedRelu(0.8)
    for got, want in zip(derivatives(lambda x: f.capped(x, cap), x), derivatives(lambda x: f(x) - f(x - cap), x)):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_twin_has_the_second_derivative_that_a_relu_network_lacks():
    x, y = images()

    def second_order(network):
        with tf.GradientTape() as tape:
            tape.watch(x)
            size = tf.reduce_sum(gradient(make_score(network, "logit"), x, y) ** 2)
        g = tape.gradient(size, x)
        return 0.0 if g is None else float(tf.reduce_max(tf.abs(g)))

    assert second_order(small_network()) == 0.0
    assert second_order(surrogate(small_network(), Softplus(1.0))) > 0.0


def test_a_subclassed_model_has_no_twin_and_says_so():
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(InputError, match="surrogate"):
        surrogate(Subclassed(), Softplus(1.0))


SHAPE = (8, 8, 1)
maximum = keras.ops.maximum if hasattr(keras, "ops") else tf.maximum
cast = keras.ops.cast if hasattr(keras, "ops") else tf.cast
zeros_like = keras.ops.zeros_like if hasattr(keras, "ops") else tf.zeros_like


class Own(layers.Layer):
    """A ReLU that somebody wrote, for images alone."""

    def call(self, x):
        return tf.where(x > 0, x, tf.zeros_like(x[:, :, :, :]))

    def compute_output_shape(self, shape):
        return shape


class Block(layers.Layer):
    """Layers within a layer, and a function that it calls."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv, self.nonlinearity = layers.Conv2D(3, 3, activation="relu"), lambda t: tf.maximum(t, 0.0)
        self.others = [layers.Conv2D(3, 1), layers.ReLU(6.0)]

    def build(self, shape):
        self.conv.build(shape)
        self.others[0].build((*shape[:-1], 3))
        super().build(shape)

    def call(self, x):
        h = self.nonlinearity(self.conv(x) - 0.1)
        for layer in self.others:
            h = layer(h)
        return h

    def compute_output_shape(self, shape):
        return shape[0], shape[1] - 2, shape[2] - 2, 3


def with_middle(*middle):
    """A network whose convolution is followed by these layers or functions."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE)
    h = layers.Conv2D(3, 3)(inputs)
    for each in middle:
        h = each(h)
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(h)))


def rows():
    """Each half of a map as a step of time."""
    return layers.Reshape((2, 54))


RELUS = {
    "function": lambda: [layers.Activation(lambda t: tf.maximum(t, 0.0))],
    "lambda": lambda: [layers.Lambda(lambda t: tf.nn.relu(t))],
    "lambda of a product": lambda: [layers.Lambda(lambda t: t * tf.cast(t > 0, t.dtype))],
    "leaky function": lambda: [layers.Activation(lambda t: tf.maximum(0.2 * t, t))],
    "cut function": lambda: [layers.Activation(lambda t: tf.clip_by_value(t, 0.0, 2.0))],
    "own layer": lambda: [Own()],
    "built in function": lambda: [layers.Dense(4, activation=lambda t: tf.maximum(t, 0.0))],
    "built in layer": lambda: [layers.Dense(4, activation=layers.ReLU())],
    "partial": lambda: [layers.Conv2D(4, 3, activation=functools.partial(tf.nn.leaky_relu, alpha=0.1))],
    "separable": lambda: [layers.SeparableConv2D(4, 3, activation=lambda t: tf.math.maximum(0.0, t))],
    "relu of Keras with a slope": lambda: [
        layers.Activation(lambda t: keras.activations.relu(t, **{SLOPE: 0.1}))  # Its name differs.
    ],
    "time distributed activation": lambda: [layers.TimeDistributed(layers.Activation("relu"))],
    "time distributed layer": lambda: [layers.TimeDistributed(layers.ReLU())],
    "time distributed dense": lambda: [rows(), layers.TimeDistributed(layers.Dense(4, activation="relu"))],
    "time distributed model": lambda: [
        rows(),
        layers.TimeDistributed(keras.Sequential([keras.Input((54,)), layers.Dense(4), layers.LeakyReLU()])),
    ],
    "recurrent": lambda: [rows(), layers.SimpleRNN(4, activation="relu")],
    "both ways": lambda: [rows(), layers.Bidirectional(layers.GRU(4, activation="relu"))],
    "block": lambda: [Block()],
    "models within": lambda: [
        keras.Sequential([keras.Input((6, 6, 3)), keras.Sequential([keras.Input((6, 6, 3)), layers.ReLU()])])
    ],
}
SLOPE = "negative_slope" if hasattr(keras, "ops") else "alpha"


# There is a function, a lambda, a slope, a function and a layer built in, a ReLU within a layer, a wrapper around a
# model, and layers in a layer; every_relu has a model within.
ALIKE = ("lambda of a product", "leaky function", "built in function", "separable", "time distributed layer")
ALIKE += ("both ways", "relu of Keras with a slope", "time distributed activation", "time distributed dense")
ALIKE += ("models within", "recurrent")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in ALIKE)) for n in RELUS])
def test_a_relu_is_known_by_its_values_wherever_it_is(name):
    network = with_middle(*RELUS[name]())
    x, y = images()
    before = network(x).numpy()
    assert exchanges_relus(network)
    np.testing.assert_allclose(surrogate(network, tf.nn.relu)(x), before, atol=1e-5)
    soft = surrogate(network, Softplus(1.0))
    assert np.abs(soft(x) - before).max() > 1e-3 and len(soft.weights) == len(network.weights)
    plain, guided = (gradient(make_score(n, "logit"), x, y) for n in (network, guided_surrogate(network)))
    assert np.abs(guided - plain).max() > 1e-4
    np.testing.assert_allclose(guided_surrogate(network)(x), before, atol=1e-5)
    both = gradient(make_score(guided_surrogate(softplus_surrogate(network, 2.0)), "logit"), x, y)
    assert np.isfinite(both).all() and np.abs(both - guided).max() > 0
    np.testing.assert_array_equal(network(x), before)


@pytest.mark.parametrize(
    "operation",
    [
        lambda h: maximum(h, 0.0),
        pytest.param(lambda h: layers.maximum([h, zeros_like(h)]), marks=pytest.mark.exhaustive),
        pytest.param(lambda h: h * cast(h > 0, "float32"), marks=pytest.mark.exhaustive),
        lambda h: (h + abs(h)) / 2.0,
        lambda h: keras.activations.relu(h),
    ],
)
def test_a_relu_of_operations_is_refused_and_adopted(operation):
    network = with_middle(operation)
    with pytest.raises(InputError, match="adopt"):
        guided_surrogate(network)
    adopted = adopt(network)
    x, _ = images()
    np.testing.assert_allclose(adopted(x), network(x), atol=1e-6)
    assert [layer for layer in adopted.layers if isinstance(layer, layers.ReLU)] and exchanges_relus(adopted)
    assert guided_surrogate(adopted)(x).shape == (6, 10)


SMOOTH = {
    "gelu": lambda: [layers.Activation("gelu")],
    "swish": lambda: [layers.Dense(4, activation="swish")],
    "elu": lambda: [layers.ELU()],
    "PReLU": lambda: [layers.PReLU()],
    "tanh": lambda: [layers.Activation("tanh")],
    "no activation": lambda: [],
    "tanh and a constraint": lambda: [layers.Dense(4, "tanh", kernel_constraint=lambda w: tf.maximum(w, 0.0))],
}


# There are others of layers and built in.
ALIKE_SMOOTH = ("elu", "tanh")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in ALIKE_SMOOTH)) for n in SMOOTH]
)
def test_without_a_relu_there_is_no_guided_map_and_the_line_says_what_was_found(name):
    network = with_middle(*SMOOTH[name]())
    with pytest.raises(InputError, match=f"(?i:{name.split(' and')[0].replace('swish', 'swish|silu')})"):
        guided_surrogate(network)
    x, _ = images()
    assert not exchanges_relus(network)
    np.testing.assert_array_equal(surrogate(network, Softplus(1.0))(x), network(x))
    for method in ("guided_backpropagation", "guided_grad_cam_plus_plus"):
        with pytest.raises(InputError, match="plain gradient"):
            make_map(method).check_network(network)


if __name__ == "__main__":
    run_tests(__file__)

"""AttnLRP in closed form: where it is gradient times input, what it conserves, attention by hand, its derivative."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import images, linear_network, run_tests, small_network
from tfrobust.attributions import attribute, make_map
from tfrobust.attributions.attn_lrp import attn_lrp
from tfrobust.names import SCORES
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.types import InputError

SHAPE = (8, 8, 3)
SPEC = make_map("attn_lrp")
multiply = keras.ops.multiply if hasattr(keras, "ops") else tf.multiply
sigmoid = keras.ops.sigmoid if hasattr(keras, "ops") else tf.sigmoid


def network_of(*middle, bias=False, scale=0.5):
    """A convolution, these layers or functions, a dense layer; weights from a normal distribution, biases or none."""
    inputs = keras.Input(SHAPE)
    h = layers.Conv2D(6, 2, strides=2, use_bias=bias)(inputs)
    for each in middle:
        h = each(h)
    network = keras.Model(inputs, layers.Dense(10, use_bias=bias)(layers.Flatten()(h)))
    return drawn(network, scale)


def drawn(network, scale=0.5):
    """The network with weights from a normal distribution, and moving variances above 0."""
    draw = np.random.RandomState(0)
    network.set_weights(
        [
            np.abs(draw.normal(0, scale, w.shape)) + 0.1
            if "variance" in w.name or "gamma" in w.name
            else draw.normal(0, scale, w.shape)
            for w in network.weights
        ]
    )
    return network


def tokens(h):
    return layers.Reshape((16, 6))(h)


def attention(h, heads=2):
    return layers.MultiHeadAttention(heads, 4)(h, h)


@functools.cache
def transformer(activation="gelu"):
    """A block of a vision transformer, with every bias; every test leaves its weights as they are."""

    def block(h):
        h = layers.Add()([h, attention(layers.LayerNormalization(epsilon=1e-3)(h))])
        g = layers.Dense(8, activation=activation)(layers.LayerNormalization()(h))
        return layers.Add()([h, layers.Dense(6)(g)])

    return network_of(tokens, block, layers.LayerNormalization(), bias=True, scale=0.4)


def logit(network, x, y):
    return tf.gather(network(x, training=False), y, batch_dims=1)


PIECEWISE_LINEAR = {
    "dense": lambda: [],
    "relu": lambda: [layers.ReLU(), layers.Conv2D(4, 2, activation="relu")],
    "leaky relu": lambda: [layers.LeakyReLU(), layers.Activation(lambda t: tf.maximum(t, 0.3 * t))],
    "PReLU": lambda: [layers.PReLU()],
    "max pooling": lambda: [layers.MaxPooling2D(2)],
    "max pooling of odd windows": lambda: [layers.MaxPooling2D(3, 1, "same"), layers.ReLU()],
    "average pooling": lambda: [layers.AveragePooling2D(2), layers.ReLU()],
    "batch normalization": lambda: [layers.BatchNormalization(), layers.ReLU()],
    "model within": lambda: [keras.Sequential([keras.Input((4, 4, 6)), layers.Conv2D(4, 1), layers.ReLU()])],
    "reshaped and scaled": lambda: [lambda h: 2.0 * h[:, 1:], layers.Rescaling(0.5, 0.1), layers.Dropout(0.5)],
}


# There are other poolings, and of each network the parts.
ALIKE = ("dense", "max pooling", "average pooling")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in ALIKE)) for n in PIECEWISE_LINEAR]
)
def test_on_piecewise_linear_networks_it_is_gradient_times_input(name):
    x, y = images(shape=SHAPE)
    network = network_of(*PIECEWISE_LINEAR[name](), bias=True)
    want = attribute(network, make_map("gradient_x_input"), x, y)
    np.testing.assert_allclose(attribute(network, SPEC, x, y), want, rtol=1e-4, atol=1e-5)
    assert np.abs(want).max() > 0


CONSERVING = {
    "gelu": lambda: [layers.Activation("gelu")],
    "built in": lambda: [layers.Conv2D(4, 2, activation="swish", use_bias=False), layers.Activation("tanh")],
    "capped relu": lambda: [layers.ReLU(max_value=0.5)],
    "elu": lambda: [layers.ELU()],
    "layer normalization": lambda: [layers.LayerNormalization(center=False), layers.Activation("gelu")],
    "normalization of rows and columns": lambda: [layers.LayerNormalization(axis=[1, 2], center=False)],
    "batch normalization": lambda: [layers.BatchNormalization(center=False), layers.Activation("gelu")],
    "product": lambda: [lambda h: layers.Multiply()([h, layers.Dense(6, "tanh", use_bias=False)(h)])],
    "sum and mean": lambda: [
        lambda h: layers.Add()([h, layers.Activation("gelu")(h)]),
        layers.GlobalAveragePooling2D(),
    ],
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n == "elu")) for n in CONSERVING])
def test_without_biases_the_pixels_sum_to_the_score(name):
    x, y = images(shape=SHAPE)
    network = network_of(*CONSERVING[name]())
    for each in network.layers:  # What a BatchNormalization subtracts is a bias.
        if isinstance(each, layers.BatchNormalization):
            each.moving_mean.assign(tf.zeros_like(each.moving_mean))
    want = logit(network, x, y)
    np.testing.assert_allclose(
        tf.reduce_sum(attribute(network, SPEC, x, y), axis=[1, 2, 3]), want, rtol=1e-3, atol=1e-4
    )
    plain = tf.reduce_sum(attribute(network, make_map("gradient_x_input"), x, y), axis=[1, 2, 3])
    assert np.abs(plain - want).max() > 1e-2


def test_biases_and_the_offset_of_a_sigmoid_absorb_what_falls_to_them():
    """On sigmoid(x) w + b each pixel has (sigmoid(x) - 1/2) w."""
    x, y = images(shape=(2, 2, 3))
    inputs = keras.Input((2, 2, 3))
    network = drawn(keras.Model(inputs, layers.Dense(10)(layers.Flatten()(layers.Activation("sigmoid")(inputs)))))
    w = np.moveaxis(network.get_weights()[0].reshape(2, 2, 3, 10), -1, 0)[y.numpy()]
    np.testing.assert_allclose(attribute(network, SPEC, x, y), (tf.sigmoid(x) - 0.5) * w, rtol=1e-4, atol=1e-6)


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_attention_of_one_head_by_hand():
    """Relevances, layer by layer as the paper writes them, with numpy: y = softmax(q k' / sqrt d) v W, logits y V."""
    inputs = keras.Input((4, 1, 3))
    h = layers.Reshape((4, 3))(inputs)
    h = layers.MultiHeadAttention(1, 5, use_bias=False)(h, h)
    network = drawn(keras.Model(inputs, layers.Dense(10, use_bias=False)(layers.Flatten()(h))), 0.9)
    x, y = images(shape=(4, 1, 3))
    wq, wk, wv, wo = (w.reshape(-1, w.shape[-1]) for w in network.get_weights()[:4])
    last = network.get_weights()[4]
    for t, label, got in zip(x.numpy().reshape(-1, 4, 3), y.numpy(), attribute(network, SPEC, x, y)):
        q, k, v = t @ wq, t @ wk, t @ wv
        s = q @ k.T / np.sqrt(5)
        a = softmax(s)
        of_values = (a @ v) * (
            last[:, label].reshape(4, 3) @ wo.T
        )  # Relevance of each entry of A v: it sums to the logit.
        share = of_values / (a @ v)
        r_a, r_v = 0.5 * a * (share @ v.T), 0.5 * v * (a.T @ share)
        r_s = s * (r_a - a * r_a.sum(axis=1, keepdims=True))
        r_q = 0.5 * q * ((r_s / s) @ k) / np.sqrt(5)
        r_k = 0.5 * k * ((r_s / s).T @ q) / np.sqrt(5)
        want = sum(t * ((r / z) @ w.T) for r, z, w in ((r_q, q, wq), (r_k, k, wk), (r_v, v, wv)))
        np.testing.assert_allclose(got[:, 0], want, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(of_values.sum(), network(t.reshape(1, 4, 1, 3))[0, label], rtol=1e-4)
        np.testing.assert_allclose(want.sum(), r_s.sum() + r_v.sum(), rtol=1e-3, atol=1e-5)  # Softmax keeps not all.


def test_attention_of_layers_and_operations_has_the_map_of_keras_attention():
    def operations(h):
        q, k, v = (layers.Dense(5)(h) for _ in range(3))
        a = layers.Softmax()(layers.Dot((2, 2))([q / 5**0.5, k]))
        return layers.Dense(6)(layers.Dot((2, 1))([a, v]))

    x, y = images(shape=SHAPE)
    keras_own = network_of(tokens, lambda h: layers.MultiHeadAttention(1, 5)(h, h), bias=True)
    by_hand = network_of(tokens, operations, bias=True)
    by_hand.set_weights([w.reshape(v.shape) for w, v in zip(keras_own.get_weights(), by_hand.weights)])
    np.testing.assert_allclose(by_hand(x), keras_own(x), rtol=1e-4, atol=1e-5)
    got = attribute(by_hand, SPEC, x, y)
    np.testing.assert_allclose(got, attribute(keras_own, SPEC, x, y), rtol=1e-3, atol=1e-5)


def test_attention_that_looks_everywhere_alike_keeps_half():
    """With queries of zeros the map is half of gradient times input: the other half falls to the constant A."""
    network = network_of(tokens, attention)
    for w in network.weights:
        if "query" in getattr(w, "path", w.name):
            w.assign(tf.zeros_like(w))
    x, y = images(shape=SHAPE)
    biases = [w for w in network.weights if "bias" in w.name]
    for w in biases:
        w.assign(tf.zeros_like(w))
    want = attribute(network, make_map("gradient_x_input"), x, y)
    np.testing.assert_allclose(attribute(network, SPEC, x, y), 0.5 * want, rtol=1e-4, atol=1e-5)
    assert len(biases) == 4


def derivatives(network, x, y, direction, score="logit"):
    """(derivative by the tape, and by differences) of a weighted sum of the map, along a direction."""
    weigh = tf.constant(np.random.RandomState(2).normal(size=x.shape), tf.float32)

    def value(x):
        return tf.reduce_sum(weigh * attn_lrp(network, score, x, y), axis=[1, 2, 3])

    with tf.GradientTape() as tape:
        tape.watch(x)
        total = value(x)
    got = tf.reduce_sum(tape.gradient(total, x) * direction, axis=[1, 2, 3])
    step = 1e-2
    far, near = ((value(x + t * direction) - value(x - t * direction)) / (2 * t) for t in (2 * step, step))
    return got.numpy(), ((4 * near - far) / 3).numpy()


# The map of a surrogate has its derivative below, and a softplus is one more smooth activation.
OF_SURROGATE = pytest.param(lambda: softplus_surrogate(transformer("relu"), 3.0), marks=pytest.mark.exhaustive)


@pytest.mark.parametrize("make", [transformer, OF_SURROGATE])
def test_its_derivative_is_that_of_the_map(make):
    network, (x, y) = make(), images(shape=SHAPE)
    direction = tf.constant(np.random.RandomState(1).normal(size=x.shape), tf.float32)
    got, want = derivatives(network, x, y, direction)
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3 * np.abs(want).max())


def test_on_a_vision_transformer_it_is_another_map_and_its_weights_have_derivatives():
    network, (x, y) = transformer(), images(shape=SHAPE)
    a = attribute(network, SPEC, x, y)
    assert np.abs(a - attribute(network, make_map("gradient_x_input"), x, y)).max() > 0.1 * np.abs(a).max()
    with tf.GradientTape() as tape:
        size = tf.reduce_sum(attribute(network, SPEC, x, y) ** 2)
    grads = tape.gradient(size, [w.value if hasattr(w, "path") else w for w in network.trainable_weights])
    assert sum(g is not None and float(tf.reduce_max(tf.abs(g))) > 0 for g in grads) >= len(grads) - 6


@pytest.mark.parametrize("score", ["probability", "loss"])
def test_what_is_attributed_starts_it(score):
    """On a linear network it is gradient times input of any score."""
    network, (x, y) = linear_network(np.random.RandomState(0).randn(4, 4, 3, 10)), images(shape=(4, 4, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = SCORES[score](y, network(x))
    np.testing.assert_allclose(attn_lrp(network, score, x, y), x * tape.gradient(value, x), rtol=1e-4, atol=1e-6)


def test_curvature_alone_leaves_the_map_and_gives_it_a_derivative():
    network, (x, y) = small_network(), images()
    curved = softplus_surrogate(network, 2.0, curvature_only=True)
    with tf.GradientTape() as tape:
        tape.watch(x)
        a = attribute(curved, SPEC, x, y)
    np.testing.assert_allclose(a, attribute(network, SPEC, x, y), atol=1e-5)
    assert np.abs(tape.gradient(a, x)).max() > 1e-3


class Own(layers.Layer):
    """A layer of one's own with a gate that begins at zero, so that at first it is x by its values."""

    def build(self, shape):
        self.gate = self.add_weight(name="gate", shape=(), initializer="zeros")

    def call(self, x):
        return x + self.gate * tf.tanh(x)

    def compute_output_shape(self, shape):
        return shape


class Shift(layers.Layer):
    """A layer of one's own that is affine: an embedding of places."""

    def build(self, shape):
        self.places = self.add_weight(name="places", shape=shape[1:], initializer="ones")

    def call(self, x):
        return x + self.places

    def compute_output_shape(self, shape):
        return shape


def test_an_affine_layer_of_ones_own_needs_no_rule():
    x, y = images(shape=SHAPE)
    network = network_of(Shift(), layers.ReLU())
    want = attribute(network, make_map("gradient_x_input"), x, y)
    np.testing.assert_allclose(attribute(network, SPEC, x, y), want, rtol=1e-4, atol=1e-5)


WITHOUT_A_RULE = {
    "Own": lambda: [Own()],
    "GroupNormalization": lambda: [layers.GroupNormalization(2)],
    "SimpleRNN": lambda: [tokens, layers.SimpleRNN(4)],
    "cross attention": lambda: [tokens, lambda h: layers.MultiHeadAttention(2, 4)(h, layers.Dense(6)(h))],
    "silu": lambda: [lambda h: multiply(h, sigmoid(h))],
    "training=True": lambda: [lambda h: layers.Dropout(0.5)(h, training=True)],
    "Lambda": lambda: [layers.Lambda(lambda h: h / (1 + tf.reduce_sum(h**2, axis=-1, keepdims=True)))],
}


@pytest.mark.parametrize("name", WITHOUT_A_RULE)
def test_a_layer_without_a_rule_is_refused(name):
    with pytest.raises(InputError, match=rf"attn_lrp.*{name}"):
        SPEC.check_network(network_of(*WITHOUT_A_RULE[name]()))


def test_a_network_without_a_graph_is_refused():
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(InputError, match="no graph"):
        SPEC.check_network(Subclassed())


if __name__ == "__main__":
    run_tests(__file__)

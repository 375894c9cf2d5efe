"""Attention that is written out is that of Keras; what it cannot be made of is refused by a line that says why."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import run_tests
from tfrobust.networks.attention import (
    SelfAttention,
    attend,
    attention_layers,
    check_attention,
    noise,
    watched,
    weights_of,
    written_out,
)
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.types import InputError

TOKENS = 16


def patches(image):
    return layers.Reshape((TOKENS, 6))(layers.Conv2D(6, 2, strides=2)(image))


def logits(h):
    return layers.Dense(5)(layers.GlobalAveragePooling1D()(h))


def network_of(attend_to, end=logits):
    """A network whose tokens [B,16,6] pass a function between the patches and the logits."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    network = keras.Model(image, end(attend_to(patches(image))))
    network.set_weights([w + np.random.RandomState(i).normal(0, 0.3, w.shape) for i, w in enumerate(network.weights)])
    return network


def multi_head(**options):
    return layers.MultiHeadAttention(2, 4, **options)


@keras.saving.register_keras_serializable(package="attention_test")
class Block(layers.Layer):
    """A block of one's own that holds its attention and a ReLU."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention, self.dense = multi_head(dropout=0.5), layers.Dense(6, activation="relu")

    def build(self, shape):
        self.attention(tf.zeros((1, *shape[1:])), tf.zeros((1, *shape[1:])))
        self.dense.build(shape)

    def call(self, x, training=None):
        return self.dense(x + self.attention(x, x, training=training))


def model_within(h):
    tokens = keras.Input(h.shape[1:])
    again = layers.Dense(6, activation="relu")(multi_head()(tokens, tokens))
    return keras.Model(tokens, again, name="within")(h)


def called_twice(h):
    layer = multi_head()
    h = layer(h, h)
    return layer(h, h)


def in_rows_and_columns(h):
    h = layers.Reshape((4, 4, 6))(h)
    return layers.Reshape((TOKENS, 6))(multi_head()(h, h))


TAKEN = {
    "plain": lambda h: multi_head()(h, h),
    "given by name": lambda h: multi_head()(query=h, value=h, key=h),
    "without biases": lambda h: multi_head(use_bias=False)(h, h),
    "with dropout": lambda h: multi_head(dropout=0.5)(h, h),
    "with values of another size": lambda h: multi_head(value_dim=3, output_shape=7)(h, h),
    "in a layer of one's own": lambda h: Block()(h),
    "in a model within": model_within,
    "called twice": called_twice,
    "of rows and columns": in_rows_and_columns,
}


@functools.cache
def taken(name):
    """The network of that name, whose weights every test leaves as they are."""
    return network_of(TAKEN[name])


# A layer within has dropout; without biases, attention is compared with numpy in tests/attributions/test_attn_lrp.py.
ALIKE = ("with dropout", "without biases")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in ALIKE)) for n in TAKEN])
def test_the_logits_are_those_of_the_network_and_rows_of_attention_sum_to_one(name):
    network = taken(name)
    check_attention(network)
    x = noise((8, 8, 3), 3)
    got, maps = attend(network, x)
    np.testing.assert_allclose(got, network(x, training=False), atol=2e-5)
    assert len(maps) == (2 if name == "called twice" else 1)
    for a in maps:
        assert a.shape == (3, 2, TOKENS, TOKENS)
        np.testing.assert_allclose(tf.reduce_sum(a, axis=-1), 1, atol=1e-5)


def test_the_attention_is_that_which_keras_returns():
    network = taken("plain")
    layer, x = attention_layers(network)[0], noise((8, 8, 3), 2)
    _, (a,) = attend(network, x)
    h = keras.Model(network.input, layer.input[0] if isinstance(layer.input, list) else layer.input)(x)
    np.testing.assert_allclose(a, layer(h, h, return_attention_scores=True)[1], atol=1e-5)


@pytest.mark.parametrize("name", ["in a layer of one's own", "in a model within"])
def test_the_surrogate_of_a_network_is_written_out_with_its_softplus(name):
    network = taken(name)
    surrogate, x = softplus_surrogate(network, 3.0), noise((8, 8, 3), 2)
    got, (a,) = attend(surrogate, x)
    np.testing.assert_allclose(got, surrogate(x, training=False), atol=2e-5)
    assert np.abs(got - network(x, training=False)).max() > 1e-3
    np.testing.assert_allclose(a, attend(network, x)[1][0], atol=1e-6)


@pytest.mark.parametrize("name", ["plain", "in a layer of one's own"])
def test_gradients_reach_the_attention_the_pixels_and_the_weights(name):
    """The gradient with respect to A is that of a network in which A is moved by hand."""
    network = taken(name)
    x = noise((8, 8, 3), 2)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        got, (a,) = attend(network, x)
        score = tf.reduce_sum(got[:, 0])
    g = tape.gradient(score, a)
    direction = tf.constant(np.random.RandomState(1).randn(*a.shape), tf.float32)

    class Moved(SelfAttention):
        def normalize(self, s):
            return super().normalize(s) + 1e-2 * direction

    change = tf.reduce_sum(written_out(network, Moved)(x, training=False)[:, 0]) - score
    np.testing.assert_allclose(change, 1e-2 * tf.reduce_sum(g * direction), rtol=0.05)
    np.testing.assert_allclose(tape.gradient(score, x), plain_gradient(network, x), atol=1e-5)
    for weight in weights_of(attention_layers(network)[0])["query"]:
        assert np.abs(tape.gradient(a, weight, output_gradients=direction)).max() > 0


def plain_gradient(network, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = tf.reduce_sum(network(x, training=False)[:, 0])
    return tape.gradient(score, x)


def test_a_watch_may_change_what_the_layer_gives():
    network = taken("plain")
    x = noise((8, 8, 3), 2)
    with watched(lambda call: tf.zeros_like(call.y)):
        got = written_out(network)(x, training=False)
    np.testing.assert_allclose(got, np.tile(network.weights[-1], (2, 1)), atol=1e-6)


def test_attention_is_written_out_within_a_graph():
    network = taken("in a layer of one's own")
    x = noise((8, 8, 3), 2)
    within = tf.function(lambda x: attend(network, x))(x)
    for got, want in zip(tf.nest.flatten(within), tf.nest.flatten(attend(network, x))):
        np.testing.assert_allclose(got, want, atol=1e-5)


class Own(layers.MultiHeadAttention):
    """Attention that gives twice what its weights say."""

    def call(self, query, value, key=None, **kwargs):
        return 2.0 * super().call(query, value, key, **kwargs)


def along_rows(h):
    h = layers.Reshape((4, 4, 6))(h)
    return layers.Reshape((TOKENS, 6))(multi_head(attention_axes=(2,))(h, h))


REFUSED = {
    "no attention": (lambda h: layers.Dense(6)(h), "has no keras.layers.MultiHeadAttention"),
    "another attention": (lambda h: layers.Attention()([multi_head()(h, h), h]), "is a Attention"),
    "cross attention": (lambda h: multi_head()(h, layers.Dense(6)(h)), "from different tensors"),
    "a mask": (lambda h: multi_head()(h, h, use_causal_mask=True), "through a mask"),
    "scores returned": (lambda h: multi_head()(h, h, return_attention_scores=True)[0], "returns its attention scores"),
    "rows alone": (along_rows, r"attention_axes=\(2,\)"),
    "a class of one's own": (lambda h: Own(2, 4)(h, h), "something else than its weights say"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_cannot_be_made_of_is_refused_by_one_line(name):
    attend_to, says = REFUSED[name]
    with pytest.raises(InputError, match=says) as refusal:
        check_attention(network_of(attend_to))
    assert "\n" not in str(refusal.value) and "integrated_gradients" in str(refusal.value)


if __name__ == "__main__":
    run_tests(__file__)

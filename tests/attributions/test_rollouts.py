"""Maps of attention in closed form: one block by hand, several by the papers' matrices, uniform attention, attacks."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import images, run_tests, small_network, small_transformer, the_step
from tfrobust.attacks import Ifia, TopK
from tfrobust.attributions import AttentionRollout, GradientRollout, MapSpec, make_map
from tfrobust.attributions.attention_rollout import attention_rollout
from tfrobust.attributions.gradient_rollout import gradient_rollout
from tfrobust.models.vit import LearnedPositions
from tfrobust.networks.attention import attend
from tfrobust.objectives.far import Far
from tfrobust.similarity import Comparison
from tfrobust.types import Batch, InputError

METHODS = [AttentionRollout(), GradientRollout()]


@functools.cache
def one_head():
    """One block of one head without a residual connection, on the 16 pixels of an image and a class token."""
    image = keras.Input((4, 4, 1))
    h = layers.Reshape((16, 5))(layers.Conv2D(5, 1)(image))
    h = LearnedPositions()(layers.ZeroPadding1D((1, 0))(h))
    h = layers.MultiHeadAttention(1, 5)(h, h)
    network = keras.Model(image, layers.Dense(3)(layers.Flatten()(layers.Cropping1D((0, 16))(h))))
    network.set_weights([np.random.RandomState(i).normal(0, 1, w.shape) for i, w in enumerate(network.get_weights())])
    return network


def by_hand(x, y):
    """(A [B,T] of the class token, ds/dA of the same) with numpy, from the weights of `one_head`."""
    patch, patch_bias, positions, *attention, head, _ = (np.float64(w) for w in one_head().get_weights())
    (w_q, b_q), (w_k, b_k), (w_v, b_v), (w_o, _) = zip(attention[::2], attention[1::2])
    h = np.reshape(x, [len(x), 16, 1]) * patch[0, 0, 0] + patch_bias
    h = np.concatenate([np.zeros((len(x), 1, 5)), h], axis=1) + positions
    q, k, v = (h @ w[:, 0] + b[0] for w, b in ((w_q, b_q), (w_k, b_k), (w_v, b_v)))
    s = np.exp(np.einsum("bd,bkd->bk", q[:, 0], k) / 5**0.5)
    return s / s.sum(axis=1, keepdims=True), np.einsum("bkd,dc,cb->bk", v, w_o[0], head[:, y])


def test_one_block_is_half_of_the_class_tokens_attention_and_half_of_itself():
    """The row of (A + I) / 2; what the class token has of itself is no pixel's."""
    x, _ = images(3, shape=(4, 4, 1))
    a, _ = by_hand(x, [0, 1, 2])
    np.testing.assert_allclose(attention_rollout(one_head(), x), np.reshape(a[:, 1:] / 2, x.shape), atol=1e-5)


def test_one_block_weighs_attention_with_the_positive_part_of_its_gradient():
    x, _ = images(3, shape=(4, 4, 1))
    y = np.array([0, 1, 2])
    a, g = by_hand(x, y)
    want = np.reshape(np.maximum(a * g, 0)[:, 1:], x.shape)
    assert 0.1 < np.mean(want == 0) < 0.9
    np.testing.assert_allclose(gradient_rollout(one_head(), "logit", x, tf.constant(y)), want, atol=1e-5)


@functools.cache
def transformer(name):
    return averaged() if name == "averaged" else small_transformer(name=name)


def averaged():
    """One block, on the 64 pixels of an image, and the mean of all its tokens."""
    image = keras.Input((8, 8, 1))
    h = layers.Reshape((64, 6))(layers.Conv2D(6, 1)(image))
    h = layers.Add()([h, layers.MultiHeadAttention(2, 3)(h, h)])
    h = layers.GlobalAveragePooling1D()(layers.Dense(6, activation="gelu")(h))
    network = keras.Model(image, layers.Dense(10)(h))
    network.set_weights([np.random.RandomState(i).normal(0, 1, w.shape) for i, w in enumerate(network.get_weights())])
    return network


def read_of(matrix, name):
    """The map [B,8,8] of R [B,T,T]: the class token's row, or the mean of all rows."""
    return np.reshape(matrix[:, 0, 1:] if name == "vit_tiny" else matrix.mean(axis=1), [-1, 8, 8])


@pytest.mark.parametrize("name", ["vit_tiny", "averaged", pytest.param("vit_tiny_gap", marks=pytest.mark.exhaustive)])
def test_blocks_are_the_products_of_the_papers_matrices(name):
    network, (x, y) = transformer(name), images(2)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits, maps = attend(network, x)
        score = tf.gather(logits, y, batch_dims=1)
    gradients = tape.gradient(score, maps)
    one = np.eye(maps[0].shape[-1])
    rollout = relevance = np.broadcast_to(one, (2, *one.shape))
    for a, g in zip(maps, gradients):
        rollout = (np.mean(a, axis=1) / 2 + one / 2) @ rollout
        relevance = relevance + np.maximum(g * a, 0).mean(axis=1) @ relevance
    np.testing.assert_allclose(attention_rollout(network, x)[..., 0], read_of(rollout, name), rtol=1e-3, atol=1e-7)
    got = gradient_rollout(network, "logit", x, y)[..., 0]
    want = read_of(relevance - one, name)
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5 * want.max())


def test_uniform_attention_gives_uniform_maps():
    network = transformer("vit_tiny")
    before = network.get_weights()
    for layer in network.layers:
        if isinstance(layer, layers.MultiHeadAttention):
            layer.set_weights([0 * w if i < 2 else w for i, w in enumerate(layer.get_weights())])
    a = attention_rollout(network, images(2)[0]).numpy()
    network.set_weights(before)
    np.testing.assert_allclose(a, a[0, 0, 0, 0], rtol=1e-5)


def test_a_coarse_map_grows_to_the_image():
    x = images(2, shape=(8, 12, 3))[0]
    image = keras.Input((8, 12, 3))
    h = layers.Reshape((24, 5))(layers.Conv2D(5, 2, strides=2)(image))
    network = keras.Model(
        image, layers.Dense(3)(layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(1, 5)(h, h)))
    )
    assert attention_rollout(network, x).shape == (2, 8, 12, 3)


# Each is attacked in tests/attributions/test_methods.py.
@pytest.mark.parametrize(
    "method", [METHODS[0], pytest.param(METHODS[1], marks=pytest.mark.exhaustive)], ids=lambda m: type(m).__name__
)
def test_an_attack_takes_the_map_away_from_its_highest_pixels(method, eagerly):
    x, _ = images(6, shape=(4, 4, 1))
    attack = Ifia(0.3, 2, 0.2, goal=TopK(3)).on_maps(one_head(), MapSpec(method), Comparison(k=3))
    outcome = attack(x, tf.argmax(one_head()(x), axis=1))
    a, a_adv = (np.reshape(each, [6, -1]) for each in (outcome.a, outcome.a_adv))
    top = np.argsort(-a, axis=1)[:, :3]
    kept, all_of_it = (np.take_along_axis(each, top, axis=1).sum() for each in (a_adv, a))
    assert outcome.goal_rose.all() and kept < 0.9 * all_of_it


# Its derivative has in it that of the other.
@pytest.mark.parametrize(
    "method", [pytest.param(METHODS[0], marks=pytest.mark.exhaustive), METHODS[1]], ids=lambda m: type(m).__name__
)
def test_an_objective_of_the_map_moves_the_weights_of_queries(method, eagerly):
    x, y = images(2, shape=(4, 4, 1))
    objective = Far(eps=0.3, attack_steps=1, step_size=0.3, attribution_weight=1.0, attribution=MapSpec(method))
    batch, step = Batch(x, y % 3), the_step()
    x_adv = objective.inner(one_head(), batch, step)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(objective.outer(one_head(), batch, x_adv, step)["attribution"])
    query = next(w for w in one_head().trainable_variables if "query" in getattr(w, "path", w.name))
    assert loss > 0 and np.abs(tape.gradient(loss, query)).max() > 0


@pytest.mark.parametrize("method", ["attention_rollout", "gradient_rollout"])
def test_a_network_without_attention_is_refused(method):
    with pytest.raises(InputError, match=r"no keras\.layers\.MultiHeadAttention"):
        make_map(method).check_network(small_network())


if __name__ == "__main__":
    run_tests(__file__)

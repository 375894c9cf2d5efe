"""Layers that draw: as Keras' own do, but by the seed of a step and the place of an image in the global batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import images, run_tests
from tfrobust.distribution import Place, at_place
from tfrobust.models.adl import AttentionDropout
from tfrobust.networks import trains_image_by_image
from tfrobust.networks.seeded_draws import DRAWS, drawing, with_seeded_draws

SEED = tf.constant([3, 4])
# What has as many axes as the layer takes.
LAYERS = {
    "dropout": (lambda: layers.Dropout(0.3), (6, 5)),
    "dropout of rows": (lambda: layers.Dropout(0.3, noise_shape=(None, 1, 5)), (6, 5)),
    "dropout of the batch": (lambda: layers.Dropout(0.3, noise_shape=(1, 6, 5)), (6, 5)),
    "dropout of nothing": (lambda: layers.Dropout(0.0), (6, 5)),
    "spatial 1": (lambda: layers.SpatialDropout1D(0.3), (6, 5)),
    "spatial 2": (lambda: layers.SpatialDropout2D(0.3), (3, 4, 5)),
    "spatial 2, channels first": (lambda: layers.SpatialDropout2D(0.3, data_format="channels_first"), (5, 3, 4)),
    "spatial 3": (lambda: layers.SpatialDropout3D(0.3), (2, 2, 3, 5)),
    "gaussian noise": (lambda: layers.GaussianNoise(0.5), (6, 5)),
    "gaussian dropout": (lambda: layers.GaussianDropout(0.3), (6, 5)),
    "alpha dropout": (lambda: layers.AlphaDropout(0.3), (6, 5)),
    "ADL": (lambda: AttentionDropout(0.3), (3, 4, 5)),
}


def alone(layer, shape) -> keras.Model:
    """A network of that layer."""
    x = keras.Input(shape)
    return keras.Model(x, layer(x))


def drawn(network, x, seed=SEED, place=None):
    with at_place(place), drawing(seed):
        return network(x, training=True).numpy()


def test_every_layer_is_tried():
    assert {type(make()) for make, _ in LAYERS.values()} == set(DRAWS)


# Drawn as the same of other axes are; that they draw by seed and place is seen below.
ALIKE = ("spatial 1", "spatial 3", "dropout of rows")


# ADL's draw is one for a whole batch: see below.
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in ALIKE)) for n in LAYERS if n != "ADL"]
)
def test_it_draws_as_the_layer_itself(name):
    """Mean and deviation of many draws, and over which axes a draw is one."""
    keras.utils.set_random_seed(0)
    make, shape = LAYERS[name]
    network = alone(make(), shape)
    n, calls = (40, 60) if name == "dropout of the batch" else (240, 10)  # It draws once for all images of a call.
    x = tf.constant(np.random.RandomState(0).uniform(0.5, 1, (n, *shape)), tf.float32)
    seeded = with_seeded_draws(network)
    got = np.stack([drawn(seeded, x, tf.constant([0, i])) for i in range(calls)])
    want = np.stack([network(x, training=True).numpy() for _ in range(calls)])
    for moment in (np.mean, np.std):
        np.testing.assert_allclose(moment(got), moment(want), atol=0.04)
    for axis in range(1, want.ndim):  # Does what is added or multiplied vary along the axis?
        moved = [np.ptp(each / x, axis=axis).mean() for each in (got, want)]
        np.testing.assert_allclose(*moved, atol=0.06 * max(moved[1], 0.5))
    np.testing.assert_array_equal(seeded(x), x)


def test_adl_drops_as_often_as_it_should():
    layer, x = AttentionDropout(0.75), tf.random.stateless_uniform((3, 4, 4, 5), [1, 2])
    seeded, maps = with_seeded_draws(alone(layer, (4, 4, 5))), [layer.dropped(x, draw) for draw in (0.0, 0.99)]

    @tf.function
    def of(seed):
        with drawing(seed):
            return seeded(x, training=True)

    drops = [of(tf.constant([0, i])).numpy() for i in range(200)]
    chosen = [[np.allclose(drop, each, atol=1e-6) for each in maps] for drop in drops]
    assert np.sum(chosen) == 200 and 0.65 < np.mean(chosen, axis=0)[0] < 0.85


@pytest.mark.parametrize("name", [name for name in LAYERS if "nothing" not in name])
def test_a_draw_is_a_function_of_the_seed_and_the_call(name):
    make, shape = LAYERS[name]
    seeded, x = with_seeded_draws(alone(make(), shape)), tf.ones((40, *shape))
    first = drawn(seeded, x)
    np.testing.assert_array_equal(drawn(seeded, x), first)
    with drawing(SEED):
        calls = [seeded(x, training=True).numpy() for _ in range(8)]
    np.testing.assert_array_equal(calls[0], first)
    assert any(not np.array_equal(call, first) for call in calls[1:]), "each call of a step has its own"
    seeds = [drawn(seeded, x, tf.constant([3, i])) for i in range(8)]
    assert any(not np.array_equal(each, first) for each in seeds)


@pytest.mark.parametrize("name", LAYERS)
def test_the_parts_of_replicas_draw_what_one_device_draws(name):
    """Also where two batches come one behind another, as clean and attacked images do."""
    make, shape = LAYERS[name]
    seeded, x = with_seeded_draws(alone(make(), shape)), tf.random.stateless_uniform((5, *shape), [1, 2])
    whole, twice = drawn(seeded, x), drawn(seeded, tf.concat([x, x + 1], axis=0))
    for first, own in ((0, 3), (3, 2)):
        part = x[first : first + own]
        got = drawn(seeded, part, place=Place(first, own, 5))
        np.testing.assert_allclose(got, whole[first : first + own], rtol=1e-6, atol=1e-6)
        got = drawn(seeded, tf.concat([part, part + 1], axis=0), place=Place(first, own, 5))
        want = np.concatenate([twice[first : first + own], twice[5 + first : 5 + first + own]])
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def draws_within() -> keras.Model:
    """Attention with dropout, and a model within that has a layer in another layer."""
    x = keras.Input((6, 4))
    inner = keras.Sequential([keras.Input((6, 4)), layers.TimeDistributed(layers.Dropout(0.5)), layers.Dense(4)])
    h = layers.MultiHeadAttention(2, 4, dropout=0.5)(x, x)
    return keras.Model(x, layers.Flatten()(inner(h)))


def test_layers_within_layers_and_models_draw_by_the_seed_and_share_their_weights():
    network, x = draws_within(), tf.random.stateless_uniform((3, 6, 4), [1, 2])
    seeded = with_seeded_draws(network)
    np.testing.assert_allclose(seeded(x), network(x), atol=1e-6)
    np.testing.assert_array_equal(drawn(seeded, x), drawn(seeded, x))
    assert np.abs(drawn(seeded, x) - drawn(seeded, x, tf.constant([0, 0]))).max() > 0.01
    assert np.abs(drawn(network, x) - drawn(network, x)).max() > 0.01, "the network itself is as it was"
    assert {id(v) for v in seeded.trainable_variables} == {id(v) for v in network.trainable_variables}
    assert with_seeded_draws(network) is seeded


def test_a_network_without_draws_is_itself():
    plain = alone(layers.Dense(3), (4,))
    assert with_seeded_draws(plain) is plain


def test_what_draws_by_place_trains_image_by_image_and_what_draws_otherwise_does_not():
    class Own(layers.Dropout):
        """It may draw in any way."""

    x, inputs = images(4)[0], keras.Input((8, 8, 1))
    for kind in (layers.Dropout, Own):
        network = keras.Model(inputs, layers.Dense(10)(layers.Flatten()(kind(0.5)(inputs))))
        assert trains_image_by_image(network, x) == (kind is layers.Dropout)


if __name__ == "__main__":
    run_tests(__file__)

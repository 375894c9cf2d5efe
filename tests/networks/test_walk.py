"""A walk: the order and the shapes of what it passes, in networks whose layers are called once or several times."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.helpers import images, run_tests, shallow_network, small_transformer
from tfrobust.attributions.split import split_at
from tfrobust.networks.walk import graph_of, walk


def called_twice():
    """One pooling, at two sizes, in a network that shares its first layer with another one of another size."""
    conv, pool = layers.Conv2D(3, 3, padding="same"), layers.MaxPooling2D(name="pool")
    small, image = keras.Input((4, 4, 1)), keras.Input((8, 8, 1))
    keras.Model(small, conv(small))
    return keras.Model(image, layers.Dense(2)(layers.Flatten(name="flat")(pool(pool(conv(image))))))


NETWORKS = {"plain": shallow_network, "transformer": small_transformer, "layers called twice": called_twice}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_unknown_has_the_shape_that_the_layer_gives(name):
    network, seen = NETWORKS[name](), []
    x, _ = images(2)

    def real(op, *args, **kwargs):
        seen.append((op.name, op(*args, **kwargs)))
        return seen[-1][1]

    walk(network, x, real)
    passed = []
    walk(network, x, lambda *_, **__: None, lambda op, args, kwargs, outputs: passed.append((op.name, outputs)))
    assert [name for name, _ in passed] == [name for name, _ in seen] != []
    for (layer, unknown), (_, value) in zip(passed, seen):
        assert unknown.shape[1:] == value.shape[1:] and unknown.dtype == value.dtype, layer


@pytest.mark.parametrize("name, layer", [("plain", "relu1"), ("layers called twice", "flat")])
def test_a_cut_network_is_the_network(name, layer):
    network = NETWORKS[name]()
    x, _ = images(2)
    head, tail = split_at(network, layer)
    assert head.output_shape == (None, *head(x).shape[1:])
    np.testing.assert_array_equal(tail(head(x)), network(x))


def test_the_graph_of_a_network_is_made_once_and_anew_where_a_layer_was_added():
    network = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])
    graph = graph_of(network)
    assert graph_of(network) is graph and graph.output_shape == (None, 3)
    network.add(layers.Dense(2))
    assert graph_of(network).output_shape == (None, 2)


if __name__ == "__main__":
    run_tests(__file__)

"""Attention-based dropout: identity outside training, the two maps of its definition within."""

import functools

import keras
import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.models import make_model
from tfrobust.models.adl import AttentionDropout
from tfrobust.networks import check_network

X = np.random.RandomState(0).uniform(0, 1, (3, 4, 4, 5)).astype(np.float32)


def test_nothing_happens_outside_training():
    layer = AttentionDropout()
    np.testing.assert_array_equal(layer(X), X)
    np.testing.assert_array_equal(layer(X, training=False), X)


def test_the_drop_map_takes_what_is_near_the_maximum_and_the_importance_map_is_a_sigmoid():
    attention = X.mean(axis=-1, keepdims=True)
    kept = attention <= 0.8 * attention.max(axis=(1, 2, 3), keepdims=True)
    dropped = AttentionDropout(drop_rate=1.0)(X, training=True).numpy()
    np.testing.assert_allclose(dropped, X * kept, atol=1e-6)
    assert 0 < (~kept).sum() < kept.size
    weighed = AttentionDropout(drop_rate=0.0)(X, training=True).numpy()
    np.testing.assert_allclose(weighed, X / (1 + np.exp(-attention)), atol=1e-6)


def test_one_draw_is_for_the_whole_batch_and_comes_as_often_as_it_should():
    layer, drops = AttentionDropout(drop_rate=0.75), []
    for _ in range(200):
        out = layer(X, training=True).numpy()
        zeros = [bool((out[i] == 0).any()) for i in range(3)]
        assert len(set(zeros)) == 1
        drops.append(zeros[0])
    assert 0.6 < np.mean(drops) < 0.9


@functools.cache
def network_of(name):
    return make_model(name, (32, 32, 3), 5, 0.125)


@pytest.mark.parametrize("name, plain", [("resnet10_adl", "resnet10"), ("vgg_gap_adl", "vgg_gap")])
def test_networks_with_it_have_no_more_weights(name, plain):
    network, x = network_of(name), np.random.RandomState(0).uniform(0, 1, (2, 32, 32, 3)).astype(np.float32)
    assert network.count_params() == network_of(plain).count_params()
    assert sum(isinstance(layer, AttentionDropout) for layer in network.layers) in (2, 3)
    check_network(network, x)


# The layer is the same in both.
@pytest.mark.parametrize("name", [pytest.param("resnet10_adl", marks=pytest.mark.exhaustive), "vgg_gap_adl"])
def test_networks_with_it_load_again(name, tmp_path):
    network, x = network_of(name), np.random.RandomState(0).uniform(0, 1, (2, 32, 32, 3)).astype(np.float32)
    network.save(tmp_path / "n.keras")
    again = keras.models.load_model(tmp_path / "n.keras")
    np.testing.assert_allclose(again(x), network(x), atol=1e-6)


if __name__ == "__main__":
    run_tests(__file__)

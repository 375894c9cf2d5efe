"""Networks are cut behind layers by name, those of models within by their paths, in copies and surrogates too."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import assert_close, images, run_tests, small_network
from tfrobust.attributions import attribute, layer_integrated_gradients, make_map
from tfrobust.attributions.grad_cam import grad_cam
from tfrobust.attributions.split import last_feature_map, split_at
from tfrobust.names import ATTRIBUTIONS
from tfrobust.networks import adopt
from tfrobust.networks.surrogates import guided_surrogate, softplus_surrogate
from tfrobust.types import InputError

CAMS = [name for name in ATTRIBUTIONS if "cam" in name]


def stage(name, channels, filters):
    return keras.Sequential(
        [
            keras.Input((8, 8, channels)),
            layers.Conv2D(filters, 3, padding="same", activation="relu", name="conv"),
            layers.Conv2D(filters, 3, padding="same", name="linear"),
            layers.ReLU(name="relu"),
        ],
        name=name,
    )


@pytest.fixture(scope="module")
def nested():
    """Two models of layers of the same names in a model, which is in the network."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    backbone = keras.Model(inputs, stage("second", 3, 4)(stage("first", 1, 3)(inputs)), name="backbone")
    i = keras.Input((8, 8, 1))
    h = layers.GlobalAveragePooling2D(name="pool")(backbone(i, training=False))
    return keras.Model(i, layers.Dense(10, name="head")(h))


@pytest.fixture(scope="module")
def copy(nested):
    """What adoption makes of it."""
    return adopt(nested)


def feature_maps(network, x):
    """What a model within gives behind each of its layers, by hand."""
    h, out = x, {}
    backbone = network.get_layer("backbone")
    for name in ("first", "second"):
        for layer in backbone.get_layer(name).layers:
            if not isinstance(layer, layers.InputLayer):
                h = layer(h)
                out[f"backbone/{name}/{layer.name}"] = h
    return out


LINEAR = pytest.param("backbone/second/linear", marks=pytest.mark.exhaustive)
PATHS = ["backbone/first/conv", LINEAR, "backbone/second/relu"]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_cuts_behind_that_layer_in_the_network_its_copy_and_their_surrogates(nested, copy, path):
    x, _ = images()
    assert not any(isinstance(layer, keras.Model) for layer in copy.layers)
    for network in (nested, copy):
        head, tail = split_at(network, path)
        np.testing.assert_allclose(head(x), feature_maps(nested, x)[path], atol=1e-5)
        np.testing.assert_allclose(tail(head(x)), nested(x), atol=1e-5)
        surrogate = softplus_surrogate(network, 50.0)
        head, tail = split_at(surrogate, path)
        np.testing.assert_allclose(head(x), feature_maps(nested, x)[path], atol=0.1)
        np.testing.assert_allclose(tail(head(x)), surrogate(x), atol=1e-5)
        assert tuple(split_at(guided_surrogate(surrogate), path)[0].output.shape[1:3]) == (8, 8)


def test_the_model_within_is_a_place_as_well_and_weights_are_shared(nested):
    x, _ = images()
    for name in ("backbone", "backbone/first"):
        head, _ = split_at(nested, name)
        last = {"backbone": "backbone/second/relu", "backbone/first": "backbone/first/relu"}[name]
        np.testing.assert_allclose(head(x), feature_maps(nested, x)[last], atol=1e-5)
    kernel = nested.get_layer("backbone").get_layer("first").get_layer("conv").weights[0]
    before = split_at(nested, "backbone/first")[0](x)
    kernel.assign(2 * kernel)
    assert np.abs(split_at(nested, "backbone/first")[0](x) - before).max() > 0
    kernel.assign(kernel / 2)


def test_cutting_leaves_the_network_that_was_given_as_it_is(nested):
    """A layer that had been called once more would have several outputs."""
    split_at(nested, "backbone/first/conv")
    assert nested.get_layer("pool").output.shape[1:] == (4,)
    assert nested.get_layer("backbone").get_layer("first").get_layer("conv").output.shape[1:] == (8, 8, 3)


@pytest.mark.parametrize("method", CAMS)
def test_the_maps_of_a_layer_within_are_those_of_the_flat_copy_and_move(nested, copy, method):
    x, y = images()
    spec = make_map(method, layer="backbone/first/relu")
    a = attribute(nested, spec, x, y)
    assert np.any(a) and np.abs(a - attribute(nested, make_map(method), x, y)).max() > 0
    assert_close(attribute(copy, spec, x, y), a, 1e-4)
    surrogate = softplus_surrogate(nested, 5.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(attribute(surrogate, spec, x, y) ** 2)
    assert np.abs(tape.gradient(total, x)).max() > 0


def test_the_last_feature_map_may_be_within(nested, copy):
    assert last_feature_map(nested) == "backbone/second/relu"
    assert last_feature_map(softplus_surrogate(nested, 5.0)) == "backbone/second/relu"
    assert last_feature_map(copy) == "relu_1"
    x, y = images()
    whole = layer_integrated_gradients(nested, "backbone/second/relu", "logit", x, y, steps=5)
    assert whole.shape == (6, 8, 8, 4)


@pytest.mark.parametrize(
    "layer, near",
    [
        ("backbone/first/cnv", "backbone/first/conv"),
        ("linear", "backbone/first/linear, backbone/second/linear"),
        ("conv", "backbone/first/conv, backbone/second/conv"),
        ("zzz", "head"),
    ],
)
def test_an_unknown_layer_is_refused_with_near_names(nested, layer, near):
    with pytest.raises(InputError, match=f"cannot cut .* {layer!r}: .*near: .*{near}"):
        split_at(nested, layer)
    spec = make_map("grad_cam", layer=layer)
    with pytest.raises(InputError, match="cannot cut"):
        spec.check_network(nested)


def test_the_paths_of_the_network_are_near_names_in_its_copy(copy):
    with pytest.raises(InputError, match="backbone/second/conv"):
        split_at(copy, "backbone/second/cnv")


def test_a_layer_without_feature_maps_one_that_is_passed_by_and_one_of_two_calls_are_refused():
    x, y = images()
    network = small_network()
    with pytest.raises(InputError, match="no feature maps"):
        grad_cam(network, "logit", x, y, layer=network.layers[-1].name)
    inputs = keras.Input((8, 8, 1))
    twice = layers.Conv2D(1, 3, padding="same", name="twice")
    h = layers.Conv2D(1, 3, padding="same", name="beside")(inputs)
    h = layers.Add()([h, twice(twice(inputs))])
    network = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(h)))
    with pytest.raises(InputError, match="another path"):
        split_at(network, "beside")
    with pytest.raises(InputError, match="several times"):
        split_at(network, "twice")
    np.testing.assert_allclose(split_at(network, network.layers[-2].name)[0](x).shape, (6, 64))


@pytest.mark.exhaustive  # A network that is made here is within another one above.
def test_a_network_of_keras_applications_within_another_is_cut_at_its_layers():
    keras.utils.set_random_seed(0)
    base = keras.applications.MobileNet((32, 32, 3), alpha=0.25, include_top=False, weights=None)
    inputs = keras.Input((32, 32, 3))
    h = layers.GlobalAveragePooling2D()(base(layers.Rescaling(2.0, -1.0)(inputs)))
    network = keras.Model(inputs, layers.Dense(10)(h))
    x, y = images(2, shape=(32, 32, 3))
    path = f"{base.name}/conv_pw_3_bn"
    assert split_at(network, path)[0].output.shape[1:3] == (8, 8)
    a, of_copy = (attribute(each, make_map("grad_cam", layer=path), x, y) for each in (network, adopt(network)))
    assert a.shape == x.shape and np.any(a)
    assert_close(of_copy, a, 1e-3)
    with pytest.raises(InputError, match=f"near: {path}"):
        split_at(network, "conv_pw_3_bm")


if __name__ == "__main__":
    run_tests(__file__)

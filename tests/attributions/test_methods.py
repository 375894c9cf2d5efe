"""The attribution methods in closed form: on linear networks, on one where every step is known by hand, by axioms."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import assert_close, images, linear_network, run_tests, small_network
from tfrobust.attributions import attribute, make_map, make_score, saliency_map
from tfrobust.attributions.grad_cam import grad_cam, grad_cam_plus_plus, guided_grad_cam_plus_plus
from tfrobust.attributions.grad_shap import grad_shap
from tfrobust.attributions.gradient import gradient, gradient_x_input
from tfrobust.attributions.guided_backpropagation import guided_backpropagation
from tfrobust.attributions.smoothgrad import smoothgrad
from tfrobust.attributions.split import last_feature_map, split_at
from tfrobust.names import ATTRIBUTIONS
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.spec_values import names_of
from tfrobust.types import InputError

WEIGHTS = np.random.RandomState(0).randn(4, 4, 3, 10)


def linear():
    x, y = images(shape=(4, 4, 3))
    return make_score(linear_network(WEIGHTS), "logit"), x, y, np.moveaxis(WEIGHTS, -1, 0)[y.numpy()]


def test_on_a_linear_score_gradients_are_its_weights():
    score, x, y, w = linear()
    np.testing.assert_allclose(smoothgrad(score, x, y, samples=3), w, rtol=1e-4)
    np.testing.assert_allclose(gradient_x_input(score, x, y), x * w, rtol=1e-4)
    baselines = tf.random.stateless_uniform([4, 4, 4, 3], [1, 2])
    np.testing.assert_allclose(
        grad_shap(score, x, y, baselines), (x - tf.reduce_mean(baselines, axis=0)) * w, rtol=1e-3, atol=1e-5
    )


def test_smoothgrad_of_a_square_is_its_gradient_and_of_a_fourth_power_has_the_variance_in_it():
    """E (x + n)^3 = x^3 + 3 x sigma^2."""
    x, y = images(2, shape=(2, 2, 1))

    def fourth(x, y):
        return tf.reduce_sum(x**4, axis=[1, 2, 3])

    got = smoothgrad(fourth, x, y, samples=40000, deviation=0.2)
    np.testing.assert_allclose(got, 4 * (x**3 + 3 * x * 0.2**2), atol=0.03)
    np.testing.assert_allclose(smoothgrad(fourth, x, y, samples=2, deviation=0.0), gradient(fourth, x, y), rtol=1e-5)


def test_smoothgrad_of_an_image_does_not_depend_on_its_batch():
    score, (x, y) = make_score(small_network(), "logit"), images()
    np.testing.assert_allclose(smoothgrad(score, x, y)[3:4], smoothgrad(score, x[3:4], y[3:4]), atol=1e-6)
    assert np.abs(smoothgrad(score, x, y) - smoothgrad(score, x, y, seed=(0, 1))).max() > 0


def test_grad_shap_is_complete():
    score, (x, y) = make_score(small_network(), "logit"), images()
    baselines = tf.random.stateless_uniform([400, 8, 8, 1], [1, 2])
    start = tf.stack([tf.reduce_mean(score(baselines, tf.fill([400], label))) for label in y])
    change = score(x, y) - start
    total = tf.reduce_sum(grad_shap(score, x, y, baselines), axis=[1, 2, 3])
    np.testing.assert_allclose(total, change, atol=0.05 * np.abs(change).max())


def known():
    """Two 1x1 filters, a ReLU, a mean over places, a linear layer: Grad-CAM can be written down."""
    inputs = keras.Input((4, 4, 1))
    h = layers.Activation("relu", name="maps")(layers.Conv2D(2, 1, name="filters")(inputs))
    network = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(h)))
    v = np.array([[1.0, -1.0, 2.0], [0.5, 3.0, -1.0]], np.float32)
    network.set_weights([np.array([[[[1.0, -1.0]]]], np.float32), np.array([0.1, 0.8], np.float32), v, np.zeros(3)])
    x, y = images(3, shape=(4, 4, 1))
    y = y % 3
    maps = np.concatenate([x + 0.1, np.maximum(0.8 - x, 0)], axis=-1)
    return network, x, y, maps, v[:, y.numpy()].T / 16  # The last: d logit / dA_k, the same at every place.


def test_grad_cam_in_closed_form():
    network, x, y, maps, g = known()
    cam = np.einsum("bhwk,bk->bhw", maps, g)[..., None]
    np.testing.assert_allclose(grad_cam(network, "logit", x, y, positive=False), cam, atol=1e-6)
    np.testing.assert_allclose(grad_cam(network, "logit", x, y), np.maximum(cam, 0), atol=1e-6)
    share = g**2 / (2 * g**2 + maps.sum(axis=(1, 2)) * g**3)
    weights = 16 * share * np.maximum(g, 0)
    cam = np.einsum("bhwk,bk->bhw", maps, weights)[..., None]
    np.testing.assert_allclose(grad_cam_plus_plus(network, "logit", x, y), cam, rtol=1e-4, atol=1e-6)


def test_guided_backpropagation_in_closed_form_and_its_product_with_grad_cam():
    network, x, y, maps, g = known()
    positive = np.maximum(g, 0)
    guided = positive[:, :1] - positive[:, 1:] * (maps[..., 1] > 0).reshape(3, -1)
    guided = guided.reshape(x.shape)
    np.testing.assert_allclose(guided_backpropagation(network, "logit", x, y), guided, atol=1e-6)
    product = guided * grad_cam_plus_plus(network, "logit", x, y)
    np.testing.assert_allclose(guided_grad_cam_plus_plus(network, "logit", x, y), product, atol=1e-6)


def test_the_map_of_a_layer_grows_to_the_image_and_a_wrong_layer_is_refused():
    network, (x, y) = small_network(), images()
    assert last_feature_map(network) == "relu2"
    coarse = grad_cam(network, "logit", x, y, layer="relu1")
    assert coarse.shape == x.shape and np.abs(coarse - grad_cam(network, "logit", x, y)).max() > 0
    with pytest.raises(InputError, match="relu1"):
        grad_cam(network, "logit", x, y, layer="no_such_layer")
    with pytest.raises(InputError, match="no feature maps"):
        grad_cam(linear_network(WEIGHTS), "logit", *images(shape=(4, 4, 3)))


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(3, 3, activation="relu", name="c1"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


# Its layer is found above.
SMALL_NETWORK = pytest.param(small_network, "relu2", marks=pytest.mark.exhaustive)


@pytest.mark.parametrize("make, layer", [(sequential, "pool"), SMALL_NETWORK])
def test_grad_cam_finds_its_layer_in_a_network_and_in_its_surrogate(make, layer):
    network, (x, y) = make(), images()
    surrogate = softplus_surrogate(network, 5.0)
    for each in (network, surrogate):
        assert last_feature_map(each) == layer
        assert np.array_equal(grad_cam(each, "logit", x, y), grad_cam(each, "logit", x, y, layer=layer))
        head, tail = split_at(each, layer)
        np.testing.assert_allclose(tail(head(x)), each(x), atol=1e-5)
    assert np.abs(grad_cam(surrogate, "logit", x, y) - grad_cam(network, "logit", x, y)).max() > 0


def test_a_network_with_batch_normalization_and_an_operation_is_cut():
    inputs = keras.Input((8, 8, 3))
    h = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, name="maps")(inputs))
    network = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(h + 1.0)))
    head, tail = split_at(network, "maps")
    x = np.random.RandomState(0).uniform(0, 1, (2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(tail(head(x)), network(x), atol=1e-5)


def test_a_layer_with_a_built_in_relu_keeps_its_name_in_the_surrogate():
    network, (x, y) = sequential(), images()
    assert grad_cam(softplus_surrogate(network, 5.0), "logit", x, y, layer="c1").shape == x.shape


def test_chunks_of_samples_change_nothing():
    score, (x, y) = make_score(small_network(), "logit"), images()
    baselines = tf.random.stateless_uniform([7, 8, 8, 1], [1, 2])
    np.testing.assert_allclose(
        smoothgrad(score, x, y, samples=7, chunk=3), smoothgrad(score, x, y, samples=7), atol=1e-6
    )
    np.testing.assert_allclose(grad_shap(score, x, y, baselines, chunk=3), grad_shap(score, x, y, baselines), atol=1e-6)


def small_map(method):
    """The map of that name, of few points or samples."""
    known = names_of(ATTRIBUTIONS[method])
    return make_map(method, **{name: 5 for name in ("steps", "samples", "masks") if name in known})


def one_block():
    """A transformer of one block, whose attention is far from uniform."""
    inputs = keras.Input((8, 8, 1))
    h = layers.Reshape((16, 6))(layers.Conv2D(6, 2, strides=2)(inputs))
    h = layers.Add()([h, layers.MultiHeadAttention(2, 3)(h, h)])
    h = layers.GlobalAveragePooling1D()(layers.Dense(6, activation="gelu")(h))
    network = keras.Model(inputs, layers.Dense(10)(h))
    network.set_weights([np.random.RandomState(i).normal(0, 1, w.shape) for i, w in enumerate(network.get_weights())])
    return network


@functools.cache
def network_for_maps(make):
    """A network for all methods, and the twins that are made of it."""
    return make()


def network_for(method):
    """A network that has what the method needs."""
    return network_for_maps(one_block if "rollout" in method or method == "attn_lrp" else small_network)


@pytest.mark.parametrize("method", ATTRIBUTIONS)
def test_every_method_gives_maps_of_the_image_alone_that_can_be_attacked(method):
    network, (x, y) = network_for(method), images()
    spec = small_map(method)
    a = attribute(network, spec, x, y)
    assert a.shape == x.shape and np.isfinite(a).all() and np.any(a)
    assert_close(attribute(network, spec, x[2:3], y[2:3]), a[2:3], 1e-5)
    surrogate = softplus_surrogate(network, 5.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(saliency_map(surrogate, spec, x, y) ** 2)
    g = tape.gradient(loss, x)
    assert np.isfinite(g).all() and np.abs(g).max() > 0


if __name__ == "__main__":
    run_tests(__file__)

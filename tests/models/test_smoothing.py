"""Feature-map smoothing: the filter in closed form, its limits, and networks that have it in every room."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import assert_close, images, run_tests
from tfrobust.attacks import Ifia, TopK
from tfrobust.attributions import make_map
from tfrobust.models import GaussianSmoothing, make_model
from tfrobust.names import MODELS
from tfrobust.networks import adopt, load_network
from tfrobust.networks.bfloat16 import in_bfloat16
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.serving import PREDICT, Servable, write_saved_model
from tfrobust.similarity import Comparison, kendall
from tfrobust.types import InputError

MAP = make_map(steps=3)
POST_ACTIVATION = [name for name in MODELS if not name.startswith(("rar_", "wrn_"))]


def weights_of(length, sigma):
    """A of the module's equation, entry by entry."""
    a = [[np.exp(-((i - k) ** 2) / (2 * sigma**2)) for k in range(length)] for i in range(length)]
    return np.array(a) / np.sum(a, axis=1, keepdims=True)


def test_it_is_the_printed_sum_for_each_channel():
    x, _ = images(2, shape=(5, 7, 3))
    a, b = weights_of(5, 1.3), weights_of(7, 1.3)
    np.testing.assert_allclose(GaussianSmoothing(1.3)(x), np.einsum("ik,jl,bklc->bijc", a, b, x), rtol=1e-5)


def test_limits_no_filter_and_the_mean_and_a_constant_map_stays():
    x, _ = images(2, shape=(6, 6, 2))
    np.testing.assert_allclose(GaussianSmoothing(1e-2)(x), x, rtol=1e-5)
    mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True) * tf.ones_like(x)
    np.testing.assert_allclose(GaussianSmoothing(1e3)(x), mean, rtol=1e-4)
    np.testing.assert_allclose(GaussianSmoothing(2.0)(0 * x + 0.7), 0 * x + 0.7, rtol=1e-5)


def test_images_of_any_size_and_derivatives_of_second_order():
    inputs = keras.Input((None, None, 2))
    free = keras.Model(inputs, GaussianSmoothing(1.0)(inputs))
    for shape in ((4, 5, 2), (9, 3, 2)):
        x, _ = images(2, shape=shape)
        assert_close(free(x), GaussianSmoothing(1.0)(x), 1e-5)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(free(x) ** 3)
        g = tape.gradient(value, x)
    assert np.abs(outer.gradient(g, x)).max() > 0


def test_a_deviation_that_is_none_is_refused():
    for sigma in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="smoothing"):
            GaussianSmoothing(sigma)
    with pytest.raises(InputError, match="smoothing"):
        make_model("digits_cnn", (8, 8, 1), 10, feature_smoothing=0.0)


@pytest.mark.parametrize("name", ["digits_cnn", "mnist_cnn", "resnet10", "vgg_gap"])
def test_a_model_has_it_behind_its_first_activation_and_not_a_weight_more(name):
    plain, smoothed = (make_model(name, (16, 16, 3), 4, 0.1, feature_smoothing=s) for s in (None, 0.7))
    names = [layer.name for layer in smoothed.layers]
    assert names[names.index("smoothing") - 1] == "relu1"
    assert [w.shape for w in smoothed.weights] == [w.shape for w in plain.weights]
    smoothed.set_weights(plain.get_weights())
    x, _ = images(2, shape=(16, 16, 3))
    assert np.abs(smoothed(x) - plain(x)).max() > 0


@pytest.mark.parametrize("name", MODELS)
def test_an_option_that_a_model_has_not_is_refused(name):
    if name not in POST_ACTIVATION:
        with pytest.raises(InputError, match=f"{name} has no place for feature-map smoothing.*digits_cnn"):
            make_model(name, (16, 16, 3), 4, 0.1, feature_smoothing=1.0)
    if name not in ("digits_cnn", "mnist_cnn"):
        with pytest.raises(InputError, match=f"{name} has no form without biases.*digits_cnn"):
            make_model(name, (16, 16, 3), 4, 0.1, bias=False)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return make_model("digits_cnn", (8, 8, 1), 10, 0.5, feature_smoothing=1.0)


def test_a_network_with_it_passes_through_files_adoption_surrogates_and_bfloat16(network, tmp_path):
    x, _ = images(3)
    network.save(tmp_path / "network.keras")
    loaded = load_network(str(tmp_path / "network.keras"))
    assert np.array_equal(loaded(x), network(x))
    adopted = adopt(network)
    assert_close(adopted(x), network(x), 1e-5)
    for copy in (loaded, adopted):
        assert [layer.sigma for layer in copy.layers if isinstance(layer, GaussianSmoothing)] == [1.0]
    assert_close(softplus_surrogate(network, 1e4)(x), network(x), 1e-3)
    assert_close(in_bfloat16(network)(x), network(x), 0.1)


def test_a_saved_model_of_it_predicts_the_same(network, tmp_path):
    x, _ = images(3)
    write_saved_model(Servable(network, MAP), str(tmp_path / "1"), {})
    served = tf.saved_model.load(str(tmp_path / "1")).signatures[PREDICT]
    assert_close(served(images=x)["logits"], network(x), 1e-5)


def test_its_maps_are_attacked(network, eagerly):
    x, _ = images(3)
    y = tf.argmax(network(x), axis=1, output_type=tf.int32)
    attacked = Ifia(0.2, 2, 0.1, goal=TopK(8)).on_maps(network, MAP, Comparison(k=8))
    found = attacked(x.numpy(), y.numpy(), np.arange(3))
    assert found.moved.all() and (kendall(found.a, found.a_adv)[found.counted] < 0.99).all() and found.counted.any()


if __name__ == "__main__":
    run_tests(__file__)

"""How an attribution is reduced to the map that is ranked and shown."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import assert_close, images, linear_network, reference, reference_batch, reference_network, run_tests
from tfrobust.attributions import AttributionSpec, IntegratedGradients, MapSpec, attribute, make_map, saliency_map
from tfrobust.types import InputError


@pytest.mark.parametrize("method, name", [("integrated_gradients", "ig"), ("gradient", "simple_gradient")])
def test_maps_agree_with_the_released_code(method, name):
    x, y, _ = reference_batch()
    maps = saliency_map(reference_network(), make_map(method), x, y, chunk=20)
    for i in range(6):
        assert_close(maps[i], reference()[f"{name}_saliency_{i}"].reshape(28, 28), 1e-5)


def linear(channels=3):
    w = np.random.RandomState(0).randn(4, 4, channels, 10)
    x, y = images(shape=(4, 4, channels))
    return linear_network(w), x, y, np.moveaxis(w, -1, 0)[y.numpy()]


def test_channels_sign_and_normalization():
    network, x, y, w = linear()
    a = x.numpy() * w  # IG of a linear logit from black.

    def got(**options):
        return saliency_map(network, make_map(**options), x, y)

    np.testing.assert_allclose(got(normalize=False), np.abs(a).sum(axis=-1), rtol=1e-4)
    np.testing.assert_allclose(got(normalize=False, channels="mean"), np.abs(a).mean(axis=-1), rtol=1e-4)
    np.testing.assert_allclose(got(normalize=False, signed=True), a.sum(axis=-1), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(tf.reduce_mean(got(), axis=[1, 2]), np.ones(6), rtol=1e-5)
    np.testing.assert_allclose(got(baseline=1.0, normalize=False), np.abs((x - 1) * w).sum(axis=-1), rtol=1e-4)


def test_scores_are_those_of_the_class():
    network, x, y, w = linear()
    p = tf.nn.softmax(network(x)).numpy()
    gradient = attribute(network, make_map("gradient", score="loss"), x, y)
    kernel = network.get_weights()[0].reshape(4, 4, 3, 10)
    expected = np.einsum("bk,hwck->bhwc", p, kernel) - w  # d(-log p_y)/dx of a linear softmax
    np.testing.assert_allclose(gradient, expected, atol=1e-4)
    gradient = attribute(network, make_map("gradient", score="probability"), x, y)
    np.testing.assert_allclose(gradient, -p[range(6), y][:, None, None, None] * expected, atol=1e-4)


def test_a_map_of_zeros_stays_zeros():
    network, _, y, _ = linear()
    assert not np.any(saliency_map(network, MapSpec(), tf.zeros([6, 4, 4, 3]), y))


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "lime"},
        {"score": "x"},
        {"rule": "x"},
        {"channels": "max"},
        {"steps": 0},
        {"baseline": 2.0},
        {"method": "smoothgrad", "samples": 0},
        {"method": "smoothgrad", "deviation": -1.0},
        {"method": "grad_shap", "samples": 0},
        {"method": "gradient", "steps": 5},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        make_map(**wrong)


def test_an_option_that_the_method_has_not_is_refused_with_those_it_has():
    with pytest.raises(InputError, match="option of a smoothgrad map 'steps': choose one of samples, deviation, score"):
        make_map("smoothgrad", steps=5)


def test_a_map_is_its_settings_side_by_side():
    assert make_map(steps=7, signed=True).settings() == {
        "method": "integrated_gradients",
        **{"steps": 7, "rule": "right", "baseline": 0.0},
        **{"score": "logit", "channels": "sum", "signed": True, "normalize": True},
    }


def test_the_map_of_version_0_1_warns_with_its_new_name():
    with pytest.warns(DeprecationWarning, match="make_map"):
        assert AttributionSpec("integrated_gradients", steps=7, k=3) == MapSpec(IntegratedGradients(7))


if __name__ == "__main__":
    run_tests(__file__)

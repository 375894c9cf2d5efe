"""The papers' networks: parameter counts as published, logits, surrogates, and what their normalization does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests
from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.models import INITIALIZATIONS, initialize, make_model, vit
from tfrobust.models.normalization import PerImageStandardization
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.types import InputError


def trainable(network):
    return sum(int(np.prod(w.shape)) for w in network.trainable_variables)


@pytest.fixture
def of_zeros(monkeypatch):
    """Weights are zeros, as drawing many millions of them takes longer than all the rest."""
    for kind in (keras.initializers.VarianceScaling, keras.initializers.RandomNormal):
        monkeypatch.setattr(kind, "__call__", lambda self, shape, dtype=None, **_: tf.zeros(shape, dtype))


@pytest.mark.parametrize(
    "name, shape, classes, count",
    [
        # Zagoruyko & Komodakis: 36.5 M and 2.2 M.
        ("wrn_28_10", (32, 32, 3), 10, 36_479_194),
        pytest.param("wrn_40_2", (32, 32, 3), 10, 2_243_546, marks=pytest.mark.exhaustive),
        # torchvision's documentation: 11,689,512, 21,797,672 and 25,557,032 for ImageNet.
        # The stem is that of resnet50_imagenet, the blocks are those of resnet18.
        pytest.param("resnet18_imagenet", (224, 224, 3), 1000, 11_689_512, marks=pytest.mark.exhaustive),
        pytest.param("resnet34_imagenet", (224, 224, 3), 1000, 21_797_672, marks=pytest.mark.exhaustive),
        ("resnet50_imagenet", (224, 224, 3), 1000, 25_557_032),
        # The stem for 32x32: 7*7*3*64 becomes 3*3*3*64, 1000 classes become 10.
        ("resnet18", (32, 32, 3), 10, 11_689_512 - 9408 + 1728 - 990 * 513),
        pytest.param("resnet34", (32, 32, 3), 10, 21_797_672 - 9408 + 1728 - 990 * 513, marks=pytest.mark.exhaustive),
        # VGG-16's convolutions (14,714,688, Keras' documentation), 3*3*512*1024 + 1024, 1024*200 + 200.
        ("vgg_gap", (224, 224, 3), 200, 14_714_688 + 4_719_616 + 205_000),
    ],
)
def test_parameter_counts_are_the_published_ones(name, shape, classes, count, of_zeros):
    network = make_model(name, shape, classes)
    assert trainable(network) == count and network.output_shape == (None, classes)


def test_the_rar_resnet_counts_by_hand():
    """Stem 3*3*3*16; a unit 3*3*i*o + 3*3*o*o; dense 64*43 + 43."""
    pairs = [(16, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64)]
    want = 432 + sum(9 * i * o + 9 * o * o for i, o in pairs) + 64 * 43 + 43
    assert trainable(make_model("rar_resnet6", (32, 32, 3), 43)) == want


# It has the same blocks, whose maps are compared in tests/attributions/test_rollouts.py.
GAP = pytest.param("vit_tiny_gap", 64, marks=pytest.mark.exhaustive)


@pytest.mark.parametrize("name, tokens", [("vit_tiny", 65), GAP])
def test_the_vision_transformers_count_by_hand(name, tokens):
    """Patches of 4x4 pixels to 96 numbers, positions, four blocks, and a head with its norm."""
    block = 2 * 2 * 96 + 4 * (96 * 96 + 96) + (96 * 192 + 192) + (192 * 96 + 96)
    want = (4 * 4 * 3 * 96 + 96) + tokens * 96 + 4 * block + 2 * 96 + (96 * 10 + 10)
    assert trainable(make_model(name, (32, 32, 3), 10)) == want


# Of the blocks that another one has, but more of them, or of what a block is made of; rar_resnet3 has a surrogate in
# tests/networks/test_bfloat16.py.
ALIKE = [
    pytest.param(name, marks=pytest.mark.exhaustive) for name in ("rar_resnet3", "rar_resnet6", "wrn_28_10", "vgg_gap")
]


@pytest.mark.parametrize("name", ["resnet10", *ALIKE])
def test_every_relu_has_a_twin_and_the_map_of_it_a_derivative(name):
    network = make_model(name, (16, 16, 3), 4, 0.125)
    x, y = images(2, shape=(16, 16, 3))
    y = y % 4
    surrogate = softplus_surrogate(network, 5.0)
    assert np.abs(surrogate(x) - network(x)).max() > 1e-4
    score = make_score(surrogate, "logit")
    with tf.GradientTape() as tape:
        tape.watch(x)
        size = tf.reduce_sum(gradient(score, x, y) ** 2)
    g = tape.gradient(size, x)
    assert np.isfinite(g).all() and np.abs(g).max() > 0


@pytest.mark.parametrize("name", ["rar_resnet3", pytest.param("resnet10", marks=pytest.mark.exhaustive), "vit_tiny"])
def test_saved_and_loaded_it_is_the_same(name, tmp_path, monkeypatch):
    monkeypatch.setattr(vit, "BLOCKS", 1)
    network = make_model(name, (16, 16, 3), 4, 0.125)
    network.save(tmp_path / "n.keras")
    again = keras.models.load_model(tmp_path / "n.keras", compile=False, safe_mode=True)
    x, _ = images(2, shape=(16, 16, 3))
    assert np.array_equal(again(x), network(x))


def test_standardisation_has_mean_zero_deviation_one_and_a_floor():
    x, _ = images(3, shape=(6, 6, 3))
    z = PerImageStandardization()(x).numpy().reshape(3, -1)
    np.testing.assert_allclose(z.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(axis=1), 1, rtol=1e-5)
    flat = PerImageStandardization()(0.5 + 1e-4 * (x - 0.5)).numpy()  # Deviation below 1 / sqrt(108).
    spread = 0.5 + 1e-4 * (x - 0.5)
    np.testing.assert_allclose(flat, (spread - tf.reduce_mean(spread, [1, 2, 3], keepdims=True)) * 108**0.5, atol=1e-4)


def test_integrated_gradients_collapse_to_image_times_gradient_under_standardisation():
    """F(a x) = F(x) for a > 0, so IG from black with m right end points is (1 + 1/2 + ... + 1/m) x grad F(x)."""
    network = make_model("rar_resnet3", (16, 16, 3), 4, 0.5)
    x, y = images(2, shape=(16, 16, 3))
    y = y % 4
    score = make_score(network, "logit")
    got = integrated_gradients(score, x, y, steps=4)
    want = (1 + 1 / 2 + 1 / 3 + 1 / 4) * x * gradient(score, x, y)
    assert np.abs(got - want).max() < 1e-4 * np.abs(want).max()


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_initialisations_have_their_spread_and_follow_the_seed(name):
    """FAR, A.3, on a dense layer of 576 inputs and 256 outputs."""
    network = make_model("mnist_cnn", (12, 12, 1), 10, 0.25)
    initialize(network, name, 1)
    kernel, bias = network.get_weights()[4:6]
    i, o = kernel.shape
    bound = {"ptd": i**-0.5, "uni": 0.1, "hu": (6 / i) ** 0.5, "gu": (6 / (i + o)) ** 0.5}.get(name)
    deviation = {"cust": 0.1, "hn": (2 / i) ** 0.5, "gn": (2 / (i + o)) ** 0.5}.get(name)
    if bound:
        assert 0.95 * bound < np.abs(kernel).max() <= bound
        deviation = bound / 3**0.5
    np.testing.assert_allclose(kernel.std(), deviation, rtol=0.02)
    if name in ("ptd", "uni"):
        assert 0 < np.abs(bias).max() <= bound
    else:
        assert np.all(bias == np.float32(0.1 if name == "cust" else 0.0))
    before = network.get_weights()
    initialize(network, name, 1)
    assert all(np.array_equal(a, b) for a, b in zip(before, network.get_weights()))
    initialize(network, name, 2)
    assert not np.array_equal(before[4], network.get_weights()[4])


def test_an_unknown_initialisation_is_refused():
    with pytest.raises(InputError, match="ptd"):
        initialize(make_model("digits_cnn", (8, 8, 1), 10), "xavier", 0)


if __name__ == "__main__":
    run_tests(__file__)

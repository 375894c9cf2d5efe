"""The networks: numbers of parameters, shapes, initial weights, refusals."""

import keras
import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.models import MODELS, make_model, standardized_by
from tfrobust.models.normalization import MEAN, STD, standardized
from tfrobust.networks import check_network
from tfrobust.types import InputError


def test_parameter_counts():
    # Madry et al.'s network: 5*5*32 + 32, 5*5*32*64 + 64, 7*7*64*1024 + 1024, 1024*10 + 10.
    assert make_model("mnist_cnn", (28, 28, 1), 10).count_params() == 832 + 51264 + 3212288 + 10250
    # 3*3*16 + 16, 3*3*16*32 + 32, 4*4*32*64 + 64, 64*10 + 10.
    assert make_model("digits_cnn", (8, 8, 1), 10).count_params() == 160 + 4640 + 32832 + 650


# Of the blocks that another one here has, but more of them, or of the same with another end.
ALIKE = ("wrn_40_2", "resnet18", "resnet34", "resnet18_imagenet", "resnet34_imagenet", "resnet50_imagenet")
ALIKE += ("rar_resnet6", "rar_resnet15")
# The deepest: test_zoo counts the parameters and the logits of the first two, and computes with a transformer.
ALIKE += ("wrn_28_10", "resnet50_imagenet_adl", "vit_tiny", "vit_tiny_gap")
ALIKE += ("resnet10", "resnet10_adl", "vgg_gap", "vgg_gap_adl")  # Whose logits are checked in test_adl.


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.exhaustive if name in ALIKE else ()) for name in MODELS]
)
def test_every_model_gives_logits_for_any_shape_and_class_count(name):
    network = make_model(name, (16, 16, 3), 5, 0.25)
    x = np.random.RandomState(0).rand(2, 16, 16, 3).astype(np.float32)
    check_network(network, x)
    assert network.output_shape == (None, 5)


def test_mnist_cnn_starts_as_released():
    kernel, bias = make_model("mnist_cnn", (28, 28, 1), 10).get_weights()[-2:]
    assert np.abs(kernel).max() <= 0.2 and 0.08 < kernel.std() < 0.1 and (bias == np.float32(0.1)).all()


def test_what_is_not_there_is_refused():
    with pytest.raises(InputError, match="mnist_cnn"):
        make_model("resnet99", (8, 8, 1), 10)
    with pytest.raises(InputError, match="width"):
        make_model("mnist_cnn", (8, 8, 1), 10, 0.0)


def test_a_copy_with_another_mean_and_deviation_says_the_same_of_images_shifted_alike():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    h = keras.layers.Conv2D(4, 3, activation="relu")(standardized(inputs))
    network = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(h)))
    mean, deviation = np.float32([0.3, 0.4, 0.5]), np.float32([0.1, 0.2, 0.3])
    copy = standardized_by(network, mean.tolist(), deviation.tolist())
    x = np.random.RandomState(0).rand(4, 8, 8, 3).astype(np.float32)
    shifted = (x - np.float32(MEAN)) / np.float32(STD) * deviation + mean
    np.testing.assert_allclose(copy(shifted), network(x), rtol=1e-3, atol=1e-4)
    assert np.abs(copy(x) - network(x)).max() > 1e-3
    with pytest.raises(InputError, match="no mean and deviation"):
        standardized_by(make_model("digits_cnn", (8, 8, 1), 10), [0.5], [0.5])


if __name__ == "__main__":
    run_tests(__file__)

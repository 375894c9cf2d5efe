"""Images and networks that do not follow the contract (images in [0, 1] to logits) are refused."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.helpers import images, run_tests, small_network
from tfrobust.networks import check_images, check_network
from tfrobust.types import InputError


@pytest.mark.parametrize(
    "x, words",
    [
        (np.full((2, 8, 8, 1), np.nan, np.float32), "NaN"),
        (np.full((2, 8, 8, 1), 255.0, np.float32), "divide by 255"),
        (np.zeros((2, 8, 8, 1), np.uint8), "float"),
        (np.zeros((2, 8, 8), np.float32), "float images"),
        (np.zeros((0, 8, 8, 1), np.float32), "no image"),
    ],
)
def test_bad_images_are_refused(x, words):
    with pytest.raises(InputError, match=words):
        check_images(x)


def test_check_network_takes_logits_and_refuses_the_rest():
    x, _ = images()
    network = small_network()
    check_network(network, x)
    softmax = keras.Model(network.input, layers.Softmax()(network.output))
    with pytest.raises(InputError, match="softmax"):
        check_network(softmax, x)
    with pytest.raises(InputError, match="takes images"):
        check_network(network, np.zeros((2, 9, 9, 1), np.float32))
    with pytest.raises(InputError, match="logits"):
        check_network(keras.Model(network.input, network.layers[1].output), x)
    network.set_weights([w * np.nan for w in network.get_weights()])
    with pytest.raises(InputError, match="infinite logits"):
        check_network(network, x)


if __name__ == "__main__":
    run_tests(__file__)

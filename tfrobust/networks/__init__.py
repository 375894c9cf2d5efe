"""Networks: the contract that the other packages rely on, its checks, and the adoption of any Keras classifier."""

from tfrobust.networks.adoption import adopt, contracted, in_float32, load_fitting_network
from tfrobust.networks.contract import TOLERANCE, check_images, check_network, input_shape, output_index, unfolded
from tfrobust.networks.files import load_network
from tfrobust.networks.inspection import NetworkInput, inspect_network
from tfrobust.networks.mixing import trains_image_by_image
from tfrobust.networks.pixels import PIXELS, guess_pixels

__all__ = [
    "PIXELS",
    "TOLERANCE",
    "NetworkInput",
    "adopt",
    "check_images",
    "check_network",
    "contracted",
    "guess_pixels",
    "in_float32",
    "input_shape",
    "inspect_network",
    "load_fitting_network",
    "load_network",
    "output_index",
    "trains_image_by_image",
    "unfolded",
]

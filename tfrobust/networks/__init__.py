"""Networks: what one must be for the other rooms, checked, and how any Keras classifier becomes one."""

from tfrobust.networks.adoption import PIXELS, adopt
from tfrobust.networks.contract import check_images, check_network, input_shape

__all__ = ["PIXELS", "adopt", "check_images", "check_network", "input_shape"]

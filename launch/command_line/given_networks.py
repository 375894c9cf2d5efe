"""Networks that a command line names, as the library takes them."""

from typing import Optional

from absl import flags

from tfrobust.names import PIXELS

PIXELS_HELP = "Adopt a network that was not made for this library: the range it expects. A final softmax is left out."


def define_pixels(fv: flags.FlagValues) -> None:
    """The flag --pixels of a verb that takes one network."""
    flags.DEFINE_enum("pixels", None, PIXELS, PIXELS_HELP, flag_values=fv)


def given_network(path: str, pixels: Optional[str] = None):
    """The saved network; with pixels, a copy that takes images in [0, 1] and gives logits (see networks.adopt)."""
    from tfrobust.networks import adopt, load_network

    network = load_network(path)
    return adopt(network, pixels) if pixels else network

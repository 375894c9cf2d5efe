"""Networks that a command line names, as the library takes them."""

from typing import Optional


def given_network(path: str, pixels: Optional[str] = None):
    """The saved network; with pixels, a copy that takes images in [0, 1] and gives logits (see networks.adopt)."""
    from tfrobust.networks import adopt, load_network

    network = load_network(path)
    return adopt(network, pixels) if pixels else network

"""Loads a network of somebody else without trusting it: python examples/load_a_downloaded_network.py NETWORK.keras.

What the file may do is in `tfrobust/networks/file_policy.py`: nothing but compute.  A network of another range of
pixels, or with a softmax at its end, is adopted; the one that was given stays as it is.
"""

import sys

import numpy as np

from tfrobust.networks import adopt, check_network, input_shape, inspect_network, load_network
from tfrobust.types import InputError


def main(path: str) -> int:
    """Prints what the network takes and what it says of random images; 2 where it cannot be used, with the reason."""
    try:
        network = load_network(path)
        found = inspect_network(network)
        shape = input_shape(network)
        print(f"{path}: images {shape}, pixels {found.pixels or 'of a range that its layers do not tell'}")
        network = adopt(network, found.pixels or "0..1")
        x = np.random.RandomState(0).rand(4, *shape).astype(np.float32)
        check_network(network, x)
    except InputError as e:
        print(e)
        return 2
    print(f"predicted classes of random images: {np.argmax(network.predict(x, verbose=0), axis=1)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

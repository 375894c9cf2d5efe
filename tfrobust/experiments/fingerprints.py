"""Digests of what a result depends on: networks and arrays."""

import hashlib
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

import tfrobust
from tfrobust.evaluation import Suite
from tfrobust.kernels import onednn

ROWS = 1000  # Read at once: an array may be larger than the memory.


def versions() -> dict:
    """Versions of tfrobust, TensorFlow and Keras, and whether oneDNN's kernels were in force.

    A result depends on them besides its settings (on the kernels in its last bits).
    """
    return {
        "tfrobust": tfrobust.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "onednn": onednn(),
    }


def fingerprint_arrays(*arrays: np.ndarray) -> str:
    """16 hexadecimal digits of the types, shapes and entries of the `arrays`."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        array = np.atleast_1d(array)
        for start in range(0, len(array), ROWS):
            digest.update(np.ascontiguousarray(array[start : start + ROWS]).tobytes())
    return digest.hexdigest()[:16]


def fingerprint_network(network: keras.Model) -> str:
    """16 hexadecimal digits of the architecture and the weights of the `network`."""
    text = _architecture(network) + fingerprint_arrays(*network.get_weights())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def identify_evaluation(
    suite: Suite, networks: Sequence[keras.Model | None], x: np.ndarray, y: np.ndarray, images: str | None = None
) -> dict:
    """What the results of a suite depend on, as plain values.

    Args:
        suite: of the evaluation.
        networks: that it looks at; None among them are left out.
        x: images [N,H,W,C].
        y: their labels [N].
        images: the fingerprint of x and y, where it was taken before; None: it is taken here.
    """
    return {
        "suite": suite.as_dict(),
        "networks": [fingerprint_network(network) for network in networks if network is not None],
        "images": images or fingerprint_arrays(x, y),
        "versions": versions(),
    }


def _architecture(network) -> str:
    """The network as text, its layers numbered: their automatic names depend on what else was made before."""
    text = network.to_json()
    names = [network.name, *(layer.name for layer in network.layers)]
    for i, name in sorted(enumerate(names), key=lambda pair: -len(pair[1])):
        text = text.replace(f'"{name}"', f'"{i}"')
    return text

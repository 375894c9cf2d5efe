"""What a network must be for the other rooms, checked.

The contract: a Keras model from images [B,H,W,C] in [0, 1] to logits [B,K].  Normalization is a layer inside.
"""

import keras
import numpy as np
import tensorflow as tf

from tfrobust.types import InputError

TOLERANCE = 1e-5  # By which pixels may leave [0, 1].


def input_shape(network: keras.Model) -> tuple:
    """(H, W, C) of the network's images, None where a size is free."""
    shape = getattr(network, "input_shape", None)
    if shape is None:
        raise InputError(f"network {network.name!r} has no input shape: only Sequential and functional models will do")
    if isinstance(shape, list) or len(shape) != 4:
        raise InputError(f"network {network.name!r} takes {shape}, not one batch of images [B,H,W,C]")
    return tuple(shape[1:])


def check_images(x, name: str = "x") -> None:
    """Raises InputError unless x is a float array [N,H,W,C], finite and in [0, 1] (to TOLERANCE)."""
    x = np.asarray(x)
    if x.ndim != 4 or not np.issubdtype(x.dtype, np.floating):
        raise InputError(f"{name} must be float images [N,H,W,C]; got {x.dtype} {list(x.shape)}")
    if not x.size:
        raise InputError(f"{name} holds no image")
    low, high = x.min(), x.max()
    if not np.isfinite(low) or not np.isfinite(high):
        raise InputError(f"{name} holds NaN or infinite pixels (first in image {np.argwhere(~np.isfinite(x))[0][0]})")
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        raise InputError(
            f"{name} must lie in [0, 1] and spans [{low:.4g}, {high:.4g}]: divide by 255, "
            "and put any mean/std normalization into the network as a layer"
        )


def check_network(network: keras.Model, x) -> None:
    """Raises InputError unless the network maps the images x to finite logits [B,K], K >= 2.

    Softmax outputs are refused: attacks and attributions on probabilities are not those of the papers, and the same
    network scores quite differently (adversarial accuracy looks better, gradients vanish).
    """
    check_images(x)
    expected = input_shape(network)
    if any(e is not None and e != s for e, s in zip(expected, x.shape[1:])):
        raise InputError(f"network {network.name!r} takes images {list(expected)}, the data have {list(x.shape[1:])}")
    f = np.asarray(network(tf.convert_to_tensor(x[:64], tf.float32), training=False))
    if f.ndim != 2 or f.shape[1] < 2:
        raise InputError(f"network {network.name!r} must give logits [B,K] with K >= 2; it gives {list(f.shape)}")
    if not np.isfinite(f).all():
        raise InputError(f"network {network.name!r} gives NaN or infinite logits")
    if (f >= 0).all() and np.allclose(f.sum(axis=1), 1.0, atol=1e-3):
        raise InputError(
            f"network {network.name!r} gives probabilities (rows sum to 1), not logits: remove its final softmax, as "
            "tfrobust.networks.adopt and launch.export with --pixels do"
        )

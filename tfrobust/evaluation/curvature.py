"""Checks whether an attack on maps has a second derivative to follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attacks import MapAttack
from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.networks.surrogates import exchanges_relus

if TYPE_CHECKING:
    import keras

_LOOKED_AT = 8  # Images that the check uses.


def lacks_curvature(network: keras.Model, x: np.ndarray, y: np.ndarray, attack: MapAttack) -> bool:
    """Whether an attack on maps has no second derivative to follow: its surrogate is a network with kinks.

    That is so where no ReLU could be exchanged for softplus, so that the surrogate is the network itself, and the
    gradient of the network differs from image to image but has no derivative.  A smooth network (GELU, swish, tanh)
    has a derivative and needs no surrogate; the gradient of a linear network is the same everywhere.

    Args:
        network: logits out.
        x: images [N,H,W,C], of which the first few are used.
        y: labels [N].
        attack: whose softplus_beta says whether it has a surrogate.
    """
    if getattr(attack, "softplus_beta", None) is None or exchanges_relus(network):
        return False
    x, y = tf.constant(x[:_LOOKED_AT]), tf.constant(y[:_LOOKED_AT])
    score = make_score(network, "logit")
    direction = tf.random.stateless_uniform(tf.shape(x), [0, 1], -1.0, 1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        g = gradient(score, x, y)
        along = tf.reduce_sum(g * direction)
    change = tape.gradient(along, x)
    if change is not None and np.abs(change).max() > 1e-6 * np.abs(g).max():
        return False
    elsewhere = gradient(score, 1.0 - x, y)
    return bool(np.abs(elsewhere - g).max() > 1e-5 * np.abs(g).max())

"""Whether an attack on maps had a second derivative to follow, where no ReLU of the network could be exchanged."""

import numpy as np
import tensorflow as tf

from tfrobust.attacks import Ifia
from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.networks.surrogates import exchanges_relus

_LOOKED_AT = 8  # Images.


def lacks_curvature(network, x: np.ndarray, y: np.ndarray, attack: Ifia) -> bool:
    """Whether the attack follows a surrogate that is the network itself, and the network has kinks: its gradient
    differs from image to image, and has no derivative at any.

    A smooth network (GELU, swish, tanh) has one and needs no surrogate; the gradient of a linear network never differs.
    x [N,H,W,C], y [N].
    """
    if attack.softplus_beta is None or exchanges_relus(network):
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

"""SmoothGrad (Smilkov et al., 2017): the mean of the gradients around the image.

SG(x) = 1/S sum_s grad score(x + n_s),    n_s normal with standard deviation sigma
"""

import tensorflow as tf

from tfrobust.attributions.gradient import mean_gradient
from tfrobust.types import InputError


def smoothgrad(
    score, x: tf.Tensor, y: tf.Tensor, samples: int = 50, deviation: float = 0.15, seed=(0, 0), chunk=None
) -> tf.Tensor:
    """[B,H,W,C]; differentiable.

    deviation: sigma in units of the pixel range [0, 1] (the paper: 0.1 to 0.2).  seed: [2], of the noise, which every
    image gets alike: the map is a function of the image, whatever else is in the batch.  chunk: samples held at once.
    """
    if samples < 1 or deviation < 0:
        raise InputError(f"SmoothGrad needs at least 1 sample and a deviation of 0 or more; got {samples}, {deviation}")
    noise = deviation * tf.random.stateless_normal([samples, 1, *x.shape[1:]], seed)
    return mean_gradient(score, lambda part: x + noise[part], samples, y, chunk=chunk)

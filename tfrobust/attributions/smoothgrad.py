"""SmoothGrad (Smilkov et al., 2017): the mean of the gradients around the image.

SG(x) = 1/S sum_s grad score(x + n_s),    n_s normal with standard deviation sigma
"""

from dataclasses import dataclass

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.gradient import mean_gradient
from tfrobust.attributions.scores import make_score
from tfrobust.checks import check_number, check_whole


def smoothgrad(
    score, x: tf.Tensor, y: tf.Tensor, samples: int = 50, deviation: float = 0.15, seed=(0, 0), chunk=None
) -> tf.Tensor:
    """[B,H,W,C]; differentiable.

    deviation: sigma in units of the pixel range [0, 1] (the paper: 0.1 to 0.2).  seed: [2], of the noise, which every
    image gets alike: the map is a function of the image, whatever else is in the batch.  chunk: samples held at once.
    """
    _check(samples, deviation)
    noise = deviation * tf.random.stateless_normal([samples, 1, *x.shape[1:]], seed)
    return mean_gradient(score, lambda part: x + noise[part], samples, y, chunk=chunk)


def _check(samples, deviation):
    check_whole("samples of SmoothGrad", samples, 1)
    check_number("deviation of SmoothGrad", deviation)


@dataclass(frozen=True)
class SmoothGrad(Attribution):
    """SmoothGrad as a method.  samples: images with noise.  deviation: sigma, in units of the pixel range [0, 1]."""

    samples: int = 50
    deviation: float = 0.15

    def __post_init__(self):
        _check(self.samples, self.deviation)

    def __call__(self, network, score, x, y, chunk=None):
        return smoothgrad(make_score(network, score), x, y, self.samples, self.deviation, chunk=chunk)

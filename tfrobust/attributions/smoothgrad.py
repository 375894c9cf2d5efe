"""SmoothGrad (Smilkov et al., 2017): the mean of the gradients around the image.

SG(x) = 1/S sum_s grad score(x + n_s),    n_s normal with standard deviation sigma
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.gradient import mean_gradient
from tfrobust.attributions.scores import make_score
from tfrobust.checks import check_number, check_whole
from tfrobust.types import Score

if TYPE_CHECKING:
    import keras


def smoothgrad(
    score: Score,
    x: tf.Tensor,
    y: tf.Tensor,
    *,
    samples: int = 50,
    deviation: float = 0.15,
    seed: Sequence[int] = (0, 0),
    chunk: int | None = None,
) -> tf.Tensor:
    """SmoothGrad: the mean gradient of a score over copies of the image with noise.

    Args:
        score: (images, classes) -> one number per image.
        x: images [B,H,W,C].
        y: classes [B].
        samples: number S of copies.
        deviation: sigma, in units of the pixel range [0, 1] (the paper: 0.1 to 0.2).
        seed: [2], of the noise.  All images get the same, so that a map does not depend on what else is in the batch.
        chunk: samples held at once; None: all.

    Returns:
        [B,H,W,C], differentiable.

    Raises:
        InputError: for fewer samples than 1, and a deviation that is negative or not finite.
    """
    _check(samples, deviation)
    noise = deviation * tf.random.stateless_normal([samples, 1, *x.shape[1:]], seed)
    return mean_gradient(score, lambda part: x + noise[part], samples, y, chunk=chunk)


def _check(samples, deviation):
    check_whole("samples of SmoothGrad", samples, 1)
    check_number("deviation of SmoothGrad", deviation)


@dataclass(frozen=True)
class SmoothGrad(Attribution):
    """SmoothGrad as a method.

    Attributes:
        samples: copies of each image with noise.
        deviation: sigma of the noise, in units of the pixel range [0, 1].
    """

    samples: int = 50
    deviation: float = 0.15

    def __post_init__(self):
        _check(self.samples, self.deviation)

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return smoothgrad(make_score(network, score), x, y, samples=self.samples, deviation=self.deviation, chunk=chunk)

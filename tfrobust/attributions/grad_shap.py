"""GradSHAP, also called Expected Gradients (Lundberg & Lee, 2017; Erion et al., 2021): Integrated Gradients with a
random baseline and a random point of the path.

    GS(x) = 1/S sum_s (x - x0_s) * grad score(x0_s + t_s (x - x0_s)),    t_s uniform in [0, 1]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.gradient import mean_gradient
from tfrobust.attributions.scores import make_score
from tfrobust.checks import check_whole
from tfrobust.types import Score

if TYPE_CHECKING:
    import keras


def grad_shap(
    score: Score,
    x: tf.Tensor,
    y: tf.Tensor,
    baselines: tf.Tensor,
    *,
    seed: Sequence[int] = (0, 0),
    chunk: int | None = None,
) -> tf.Tensor:
    """GradSHAP of a score, from S random points on paths between baselines and the image.

    The points t_s are drawn one from each of S equal parts of [0, 1], in random order, which keeps the mean and lowers
    its error.  Completeness: the sum over H, W, C tends to score(x, y) - mean_s score(x0_s, y) as S grows.

    Args:
        score: (images, classes) -> [B].
        x: images [B,H,W,C].
        y: classes [B].
        baselines: [S,H,W,C], one for each sample, the same for every image.
        seed: [2], of the points.
        chunk: samples held at once; None: all.

    Returns:
        [B,H,W,C], in units of the score; differentiable.
    """
    samples = int(baselines.shape[0])
    within, order = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    strata = tf.random.experimental.stateless_shuffle(tf.range(samples), order)
    t = (tf.cast(strata, x.dtype) + tf.random.stateless_uniform([samples], within)) / samples
    t, x0 = tf.reshape(t, [-1, 1, 1, 1, 1]), baselines[:, tf.newaxis]

    def path(part):
        return x0[part] + t[part] * (x - x0[part])

    return mean_gradient(score, path, samples, y, factor=lambda part: x - x0[part], chunk=chunk)


@dataclass(frozen=True)
class GradShap(Attribution):
    """GradSHAP as a method, with images of uniform noise as baselines.

    Attributes:
        samples: number S of pairs of a baseline and a point.
    """

    samples: int = 50

    def __post_init__(self):
        check_whole("samples of GradSHAP", self.samples, 1)

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        baselines = tf.random.stateless_uniform([self.samples, *x.shape[1:]], [1, 0])
        return grad_shap(make_score(network, score), x, y, baselines, chunk=chunk)

"""Two measures of maps without an attack.

How much the gradient of the true logit looks like the image (ART, Fig. 6), and how much the maps of one network look
like those of another (ER, Table 8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust import similarity
from tfrobust.attributions import MapSpec, make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.distribution import shard_over_replicas
from tfrobust.evaluation.attacked import plain_maps
from tfrobust.evaluation.predictions import batches, once_traced
from tfrobust.similarity.differentiable import cosine

if TYPE_CHECKING:
    import keras


@once_traced
def _alignment(network):
    score = make_score(network, "logit")
    return shard_over_replicas(lambda x, y: cosine(x, gradient(score, x, y)))


def image_gradient_cosine(network: keras.Model, x: np.ndarray, y: np.ndarray, batch_size: int) -> np.ndarray:
    """The cosine of the angle between each image and the gradient of its true logit, cos(x, d f_y / dx).

    Args:
        network: logits out.
        x: images [N,H,W,C].
        y: labels [N].
        batch_size: images held at once.

    Returns:
        [N] in [-1, 1].
    """
    align = _alignment(network)
    return np.concatenate([align(tf.constant(x[r]), tf.constant(y[r])).numpy() for r in batches(len(x), batch_size)])


def map_agreement(
    network: keras.Model,
    other: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    spec: MapSpec,
    *,
    ties: str,
    batch_size: int,
    chunk: int | None = None,
) -> np.ndarray:
    """Spearman's correlation of the maps that two networks have of the same image.

    Args:
        network: logits out.
        other: logits out.
        x: images [N,H,W,C].
        y: classes [N] that the maps explain.
        spec: of the maps.
        ties: exact or tolerant; see similarity.ranking.
        batch_size: images that are held at once.
        chunk: path points of each image that are held at once; None: all.

    Returns:
        [N] in [-1, 1].
    """
    a, b = (plain_maps(each, x, y, spec, batch_size, chunk=chunk) for each in (network, other))
    return similarity.spearman(a, b, ties)

"""How much the gradient of the true logit looks like the image (ART, Fig. 6), and one network's maps like another's
(ER, Table 8)."""

import numpy as np
import tensorflow as tf

from tfrobust import similarity
from tfrobust.attributions import MapSpec, make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.distribution import shard_over_replicas
from tfrobust.evaluation.attacked import plain_maps
from tfrobust.evaluation.predictions import batches, once_traced
from tfrobust.similarity.differentiable import cosine


@once_traced
def _alignment(network):
    score = make_score(network, "logit")
    return shard_over_replicas(lambda x, y: cosine(x, gradient(score, x, y)))


def image_gradient_cosine(network, x: np.ndarray, y: np.ndarray, batch_size: int) -> np.ndarray:
    """cos(x, d f_y / dx) of each image, [N] in [-1, 1]."""
    align = _alignment(network)
    return np.concatenate([align(tf.constant(x[r]), tf.constant(y[r])).numpy() for r in batches(len(x), batch_size)])


def map_agreement(network, other, x, y, spec: MapSpec, ties: str, batch_size: int, chunk=None) -> np.ndarray:
    """Spearman's correlation of the two networks' maps of each image, [N].  ties: see similarity.ranking."""
    maps = (plain_maps(each, x, y, spec, batch_size, chunk) for each in (network, other))
    return similarity.spearman(*maps, ties)

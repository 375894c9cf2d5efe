"""Whether a map says what the network uses: a constant map is perfectly robust and says nothing.

deletion    the mean probability of the class while the pixels that the map ranks highest are set to a grey level,
            part by part: low for a faithful map (Petsiuk et al., 2018)
insertion   the same while they are put back, in that order, into an image of that grey level: high
randomised  Spearman's correlation of the map with that of a network whose weights were shuffled within each tensor:
            near 0 for a map that depends on what was learned (Adebayo et al., 2018)
"""

import keras
import numpy as np
import tensorflow as tf

from tfrobust import similarity
from tfrobust.attributions import MapSpec, make_score
from tfrobust.distribution import shard_over_replicas
from tfrobust.evaluation.attacked import plain_maps
from tfrobust.evaluation.predictions import batches, once_traced

PARTS = 16


def curves(score, x: np.ndarray, y: np.ndarray, a: np.ndarray, baseline: float, insert: bool, batch_size: int):
    """score [N, PARTS + 1] as 0, 1/PARTS, ..., 1 of the pixels, those with the largest a [N,H,W] first, are deleted
    from x [N,H,W,C] (or inserted into an image of the grey level `baseline`)."""
    place = np.argsort(np.argsort(-a.reshape(len(a), -1), axis=1, kind="stable"), axis=1).reshape(a.shape)
    out = []
    for part in range(PARTS + 1):
        first = (place < round(part / PARTS * place[0].size))[..., np.newaxis]
        images = np.where(first == insert, x, np.float32(baseline))
        rows = (score(tf.constant(images[r]), tf.constant(y[r])) for r in batches(len(x), batch_size))
        out.append(np.concatenate([values.numpy() for values in rows]))
    return np.stack(out, axis=1)


@once_traced
def _probability(network):
    return shard_over_replicas(make_score(network, "probability"))


@once_traced
def _copy(network) -> keras.Model:
    return keras.models.clone_model(network)


def shuffled(network: keras.Model, seed: int) -> keras.Model:
    """A copy of the network, always the same one, with the entries of each weight tensor in random order."""
    copy, r = _copy(network), np.random.RandomState(seed)
    copy.set_weights([r.permutation(w.ravel()).reshape(w.shape) for w in network.get_weights()])
    return copy


def faithfulness(
    network, x: np.ndarray, y: np.ndarray, spec: MapSpec, ties: str, batch_size: int, chunk=None, seed: int = 0
) -> dict[str, np.ndarray]:
    """deletion, insertion (areas under the curves, by trapezoids) and randomised of the maps of the spec, each [N];
    and of the same curves along a random ranking: deletion_random, insertion_random.

    Pixels are deleted to the baseline of Integrated Gradients, or to black.  ties: see similarity.ranking.
    """
    score, baseline = _probability(network), getattr(spec.attribution, "baseline", 0.0)
    a = plain_maps(network, x, y, spec, batch_size, chunk)
    random = np.broadcast_to(np.random.RandomState(seed).rand(*a.shape[1:]), a.shape)
    out = {}
    for name, ranking in (("", a), ("_random", random)):
        for kind in ("deletion", "insertion"):
            curve = curves(score, x, y, ranking, baseline, kind == "insertion", batch_size)
            out[kind + name] = ((curve[:, 1:] + curve[:, :-1]) / 2).mean(axis=1)
    other = plain_maps(shuffled(network, seed), x, y, spec, batch_size, chunk)
    out["randomised"] = similarity.spearman(a, other, ties)
    return out

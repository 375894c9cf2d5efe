"""Measures whether a map shows what the network uses: a constant map is perfectly robust and shows nothing.

deletion    the mean probability of the class while the pixels that the map ranks highest are set to a grey level,
            part by part: low for a faithful map (Petsiuk et al., 2018)
insertion   the same while they are put back, in that order, into an image of that grey level: high
randomised  Spearman's correlation of the map with that of a network whose weights were shuffled within each tensor:
            near 0 for a map that depends on what was learned (Adebayo et al., 2018)

Under attack the deletion says whether a map that moved still shows what the network uses at the attacked image.  The
map from before the attack is measured there, too.  Where the attacked map deletes faster, the network has other reasons
at that image, and the map followed them; where the old map deletes faster, the attack drove the map alone away.
"""

import keras
import numpy as np
import tensorflow as tf

from tfrobust import similarity
from tfrobust.attacks import AttackedMaps
from tfrobust.attributions import MapSpec, make_score
from tfrobust.distribution import shard_over_replicas
from tfrobust.evaluation.attacked import plain_maps
from tfrobust.evaluation.predictions import batches, once_traced
from tfrobust.types import Score

PARTS = 16  # Steps in which the pixels are deleted or inserted.


def curves(
    score: Score, x: np.ndarray, y: np.ndarray, a: np.ndarray, baseline: float, *, insert: bool, batch_size: int
) -> np.ndarray:
    """The score as more and more pixels are deleted or inserted, those that a map ranks highest first.

    Args:
        score: (images, classes) -> one number per image.
        x: images [N,H,W,C].
        y: classes [N].
        a: maps [N,H,W] that rank the pixels.
        baseline: the grey level of deleted pixels, in [0, 1].
        insert: insert pixels into an image of the grey level `baseline`, instead of deleting them from x.
        batch_size: images held at once.

    Returns:
        [N, PARTS + 1], the scores after 0, 1/PARTS, ..., 1 of the pixels.
    """
    place = np.argsort(np.argsort(-a.reshape(len(a), -1), axis=1, kind="stable"), axis=1).reshape(a.shape)
    pixels = np.array([round(part / PARTS * a[0].size) for part in range(PARTS + 1)])
    # All parts of few images are asked for at once.
    part, image = np.divmod(np.arange((PARTS + 1) * len(x)), len(x))
    out = []
    for r in batches(len(part), batch_size):
        first = place[image[r]] < pixels[part[r], np.newaxis, np.newaxis]
        images = np.where(first[..., np.newaxis] == insert, x[image[r]], np.float32(baseline))
        out.append(score(tf.constant(images), tf.constant(y[image[r]])).numpy())
    return np.concatenate(out).reshape(PARTS + 1, len(x)).T


@once_traced
def _probability(network):
    return shard_over_replicas(make_score(network, "probability"))


@once_traced
def _copy(network) -> keras.Model:
    return keras.models.clone_model(network)


def shuffled(network: keras.Model, seed: int) -> keras.Model:
    """A copy of the network with the entries of each weight tensor in random order.

    The copy is made once for each network and changed at the next call.
    """
    copy, r = _copy(network), np.random.RandomState(seed)
    copy.set_weights([r.permutation(w.ravel()).reshape(w.shape) for w in network.get_weights()])
    return copy


def faithfulness(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    spec: MapSpec,
    ties: str,
    *,
    batch_size: int,
    chunk: int | None = None,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Deletion, insertion and randomisation check of maps.  Deleted pixels get the baseline of the map, or else black.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: classes [N] that the maps explain.
        spec: of the maps.
        ties: exact or tolerant; see similarity.ranking.
        batch_size: images that are held at once.
        chunk: path points of each image that are held at once; None: all.
        seed: of the shuffled weights and of the random ranking.

    Returns:
        name -> [N]: deletion and insertion, the areas under the curves by trapezoids; deletion_random and
        insertion_random, the same along a random ranking; randomised.
    """
    a = plain_maps(network, x, y, spec, batch_size, chunk=chunk)
    out = {}
    for name, ranking in (("", a), ("_random", _random_ranking(a, seed))):
        for kind in ("deletion", "insertion"):
            out[kind + name] = _area(network, x, y, ranking, spec, insert=kind == "insertion", batch_size=batch_size)
    other = plain_maps(shuffled(network, seed), x, y, spec, batch_size, chunk=chunk)
    out["randomised"] = similarity.spearman(a, other, ties)
    return out


def deletion_under_attack(
    network: keras.Model, maps: AttackedMaps, y: np.ndarray, spec: MapSpec, *, batch_size: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """The deletion of maps before and after an attack, each at its own image; deleted pixels as in `faithfulness`.

    Args:
        network: logits out.
        maps: images and maps before and after the attack.
        y: classes [N] that the maps explain.
        spec: of the maps.
        batch_size: images that are held at once.
        seed: of the random ranking, as in `faithfulness`.

    Returns:
        name -> [N]: deletion, of the map at its image; attacked_deletion, of the attacked map at the attacked image;
        and at the attacked image attacked_old_map_deletion, of the map before the attack, and attacked_deletion_random,
        of a random ranking.
    """
    rankings = {
        "deletion": (maps.x, maps.a),
        "attacked_deletion": (maps.x_adv, maps.a_adv),
        "attacked_old_map_deletion": (maps.x_adv, maps.a),
        "attacked_deletion_random": (maps.x_adv, _random_ranking(maps.a, seed)),
    }
    return {
        name: _area(network, x, y, ranking, spec, insert=False, batch_size=batch_size)
        for name, (x, ranking) in rankings.items()
    }


def _area(network, x, y, ranking, spec: MapSpec, *, insert: bool, batch_size: int) -> np.ndarray:
    """The area [N] under the curve of each image, by trapezoids."""
    baseline = getattr(spec.attribution, "baseline", 0.0)
    curve = curves(_probability(network), x, y, ranking, baseline, insert=insert, batch_size=batch_size)
    return ((curve[:, 1:] + curve[:, :-1]) / 2).mean(axis=1)


def _random_ranking(a: np.ndarray, seed: int) -> np.ndarray:
    """The same random order of pixels for all maps a [N,H,W]."""
    return np.broadcast_to(np.random.RandomState(seed).rand(*a.shape[1:]), a.shape)

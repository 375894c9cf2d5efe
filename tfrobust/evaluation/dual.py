"""Measures a dual attack: on how many images the prediction flips, and how alike the explanations are that one sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attacks import Dual
from tfrobust.attributions import saliency_map
from tfrobust.distribution import shard_over_replicas
from tfrobust.evaluation.predictions import once_traced
from tfrobust.similarity import Comparison, cosine

if TYPE_CHECKING:
    import keras


def dual_scores(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    attack: Dual,
    comparison: Comparison,
    *,
    examples: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Makes the attack, and compares the map of the class predicted then with that of the label before.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1], as many as fit into the memory at once.
        y: labels [N].
        attack: with the map that is compared.
        comparison: how maps are compared.
        examples: numbers [N] of the images, which seed their draws; None: 0, 1, ...

    Returns:
        prediction -> [N] classes at the attacked images; map_cosine, map_top_k_intersection and map_kendall -> [N], how
        alike the maps are where the prediction flipped, NaN elsewhere.
    """
    examples = np.arange(len(x)) if examples is None else examples
    numbers = tf.constant(examples, tf.int32)
    found = _attacked(network, attack)(tf.constant(x), tf.constant(y), numbers)
    predicted, a, a_adv = (each.numpy() for each in found)
    flipped, measured = predicted != y, comparison.measure(a, a_adv)
    scores = {"cosine": cosine(a, a_adv), **{name: measured[name] for name in ("top_k_intersection", "kendall")}}
    kept = {f"map_{name}": np.where(flipped, values, np.nan) for name, values in scores.items()}
    return {"prediction": predicted, **kept}


@once_traced
def _attacked(network, attack: Dual):
    """(images, labels, numbers) -> classes at the attacked images, maps before and after."""
    run = attack.on_predictions(network)

    def attacked(x, y, examples):
        x_adv = run(x, y, examples)
        predicted = tf.cast(tf.argmax(network(x_adv, training=False), axis=1), y.dtype)
        maps = (saliency_map(network, attack.map, *of) for of in ((x, y), (x_adv, predicted)))
        return predicted, *maps

    return shard_over_replicas(attacked)

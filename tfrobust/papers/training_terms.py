"""The terms of a training objective at the end of training, as RAR's text gives them for IG-NORM (Section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.data import to_unit
from tfrobust.evaluation import statistics
from tfrobust.evaluation.predictions import batches
from tfrobust.types import Batch, Step

if TYPE_CHECKING:
    import keras

    from tfrobust.data import ImageData
    from tfrobust.experiments.recipe import Recipe

TASK = "terms at the end of training"
EXAMPLES = 1000


def measured(
    network: keras.Model, recipe: Recipe, images: ImageData, *, examples: int, seed: int, batch: int
) -> dict[str, dict[str, float]]:
    """The terms of a recipe's objective, without their weight, on training images as they are.

    Args:
        network: trained by the recipe; logits out.
        recipe: with an objective that needs no maps.
        images: its training images.
        examples: how many are drawn at random (0: EXAMPLES).
        seed: of the draw, and of the inner maximum.
        batch: images held at once.

    Returns:
        term -> mean, low, high (95 %) over the images.
    """
    rows = np.sort(np.random.RandomState(seed).permutation(len(images.x_train))[: examples or EXAMPLES])
    found: dict[str, list[np.ndarray]] = {}
    for i, part in enumerate(batches(len(rows), batch)):
        x, y = to_unit(images.x_train[rows[part]]), images.y_train[rows[part]]
        for name, values in _terms(network, recipe.objective, x, y, seed=seed, i=i).items():
            found.setdefault(name, []).append(np.asarray(values))
    weight = {"ig_norm": getattr(recipe.objective, "attribution_weight", 1.0)}
    terms = {name: np.concatenate(parts) / weight.get(name, 1.0) for name, parts in found.items()}
    return {name: statistics.describe(values, 0.0) for name, values in terms.items()}


def _terms(network, objective, x, y, *, seed, i):
    """term -> [B] of one batch, at the inner maximum of the objective."""
    seeds, zero = tf.constant([seed, i]), tf.constant(0, tf.int64)
    step = Step(seeds, seeds, zero, zero, tf.constant(1.0))
    batch = Batch(tf.constant(x), tf.constant(y))
    return objective.outer(network, batch, objective.inner(network, batch, step), step)

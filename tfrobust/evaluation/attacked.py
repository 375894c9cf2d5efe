"""Makes attacks on the maps of a network, batch by batch, and measures how far the maps change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrobust.attacks import AttackedMaps
from tfrobust.attacks.best_iterate import judge_of
from tfrobust.attacks.ensemble import EnsembleOnNetwork
from tfrobust.attacks.map_attack import Search
from tfrobust.attributions import MapSpec
from tfrobust.evaluation.predictions import batches, once_traced
from tfrobust.evaluation.suite import MapTask
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import keras


@once_traced
def prepared(network: keras.Model, task: MapTask, chunk: int | None) -> Search | EnsembleOnNetwork:
    """The attack of a task on a network, traced once, ready for any number of batches.

    Args:
        network: logits out.
        task: the attack and the map.
        chunk: path points held at once; None: all.
    """
    return task.attack.on_maps(network, task.map, task.comparison, chunk)


def attack_maps(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    task: MapTask,
    batch_size: int,
    *,
    chunk: int | None = None,
    examples: np.ndarray | None = None,
    tick: Callable[[], None] = lambda: None,
    targets: np.ndarray | None = None,
) -> AttackedMaps:
    """Attacks the maps of images.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: labels [N], which the network predicts.
        task: the attack, the map, and how maps are compared.
        batch_size: images that are held at once.
        chunk: path points of each image that are held at once; None: all.
        examples: numbers [N] of the images, which seed their draws; None: 0, 1, ...
        tick: called once an iteration.
        targets: maps [N,H,W] that a targeted attack drives to; None: of each image that of the next one, of the last
          that of the first.

    Returns:
        The maps before and after the attack, with the measures of the task's comparison as scores.
    """
    examples = np.arange(len(x)) if examples is None else examples
    if task.attack.targeted and targets is None:
        targets = maps_of_the_next(network, x, y, task.map, batch_size, chunk=chunk)
    run: Any = prepared(network, task, chunk)  # An ensemble is called by `attack_with_ensemble`.
    parts: list[AttackedMaps] = []
    for rows in batches(len(x), batch_size):
        target = {} if targets is None else {"target": targets[rows]}
        parts.append(run(x[rows], y[rows], examples[rows], tick, **target))
    maps = AttackedMaps.join(parts)
    return maps.with_scores(task.comparison.measure(maps.a, maps.a_adv))


def plain_maps(
    network: keras.Model, x: np.ndarray, y: np.ndarray, spec: MapSpec, batch_size: int, *, chunk: int | None = None
) -> np.ndarray:
    """The maps of images, without an attack.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: classes [N] that the maps explain.
        spec: of the maps.
        batch_size: images that are held at once.
        chunk: path points of each image that are held at once; None: all.

    Returns:
        [N,H,W].
    """
    maps = judge_of(network, spec, chunk).maps
    return np.concatenate([maps(x[rows], y[rows]) for rows in batches(len(x), batch_size)])


def maps_of_the_next(
    network: keras.Model, x: np.ndarray, y: np.ndarray, spec: MapSpec, batch_size: int, *, chunk: int | None = None
) -> np.ndarray:
    """The targets [N,H,W] of targeted attacks: of each image the map of the next one, of the last that of the first.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: classes [N] that the maps explain.
        spec: of the maps.
        batch_size: images that are held at once.
        chunk: path points of each image that are held at once; None: all.
    """
    return np.roll(plain_maps(network, x, y, spec, batch_size, chunk=chunk), -1, axis=0)


def transferred(
    network: keras.Model,
    maps: AttackedMaps,
    y: np.ndarray,
    specs: Mapping[str, MapSpec],
    comparison: Comparison,
    *,
    batch_size: int,
    chunk: int | None = None,
) -> dict[tuple[str, str], np.ndarray]:
    """Compares other maps before and after an attack that was made on one map.

    Args:
        network: logits out.
        maps: what the attack found; its images x and x_adv are used.
        y: labels [N].
        specs: the other maps by name.
        comparison: how maps are compared.
        batch_size: images that are held at once.
        chunk: path points of each image that are held at once; None: all.

    Returns:
        (name of the map, measure) -> [N].
    """
    scores = {}
    for name, spec in specs.items():
        a, a_adv = (plain_maps(network, x, y, spec, batch_size, chunk=chunk) for x in (maps.x, maps.x_adv))
        scores.update({(name, measure): values for measure, values in comparison.measure(a, a_adv).items()})
    return scores

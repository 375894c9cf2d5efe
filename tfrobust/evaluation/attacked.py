"""How far the maps of a network move under an attack on them, or under noise of the same budget."""

from collections.abc import Callable, Mapping

import numpy as np

from tfrobust.attacks import AttackedMaps
from tfrobust.attacks.best_iterate import judge_of
from tfrobust.attributions import MapSpec
from tfrobust.evaluation.predictions import batches, once_traced
from tfrobust.evaluation.suite import MapTask
from tfrobust.similarity import Comparison


@once_traced
def prepared(network, task: MapTask, chunk: int | None):
    """The attack of a task, ready for any number of batches."""
    return task.attack.on_maps(network, task.map, task.comparison, chunk)


def attack_maps(
    network,
    x: np.ndarray,
    y: np.ndarray,
    task: MapTask,
    batch_size: int,
    chunk: int | None = None,
    examples: np.ndarray | None = None,
    tick: Callable[[], None] = lambda: None,
    targets: np.ndarray | None = None,
) -> AttackedMaps:
    """The maps of the images x [N,H,W,C] with labels y [N] (which the network predicts), and those under the attack of
    the task, with the measures of its comparison as scores.

    Args:
        examples: numbers [N] of the images, which seed their draws.
        tick: called once an iteration.
        targets: maps [N,H,W] of the attacks that have one, by default those of the next image (of the last: the first).
    """
    examples = np.arange(len(x)) if examples is None else examples
    if task.attack.targeted and targets is None:
        targets = maps_of_the_next(network, x, y, task.map, batch_size, chunk)
    run = prepared(network, task, chunk)
    parts = []
    for rows in batches(len(x), batch_size):
        target = {} if targets is None else {"target": targets[rows]}
        parts.append(run(x[rows], y[rows], examples[rows], tick, **target))
    maps = AttackedMaps.join(parts)
    return maps.with_scores(task.comparison.measure(maps.a, maps.a_adv))


def plain_maps(network, x, y, spec: MapSpec, batch_size: int, chunk=None) -> np.ndarray:
    """The maps [N,H,W] of the images x [N,H,W,C] for the classes y [N]."""
    maps = judge_of(network, spec, chunk).maps
    return np.concatenate([maps(x[rows], y[rows]) for rows in batches(len(x), batch_size)])


def maps_of_the_next(network, x, y, spec: MapSpec, batch_size: int, chunk=None) -> np.ndarray:
    """The targets [N,H,W] of targeted attacks: the map of the next image, of the last image that of the first."""
    return np.roll(plain_maps(network, x, y, spec, batch_size, chunk), -1, axis=0)


def transferred(
    network,
    maps: AttackedMaps,
    y: np.ndarray,
    specs: Mapping[str, MapSpec],
    comparison: Comparison,
    batch_size: int,
    chunk: int | None = None,
) -> dict[tuple[str, str], np.ndarray]:
    """(name of the map, measure) -> [N]: other maps at the images that an attack on one of them found."""
    scores = {}
    for name, spec in specs.items():
        a, a_adv = (plain_maps(network, x, y, spec, batch_size, chunk) for x in (maps.x, maps.x_adv))
        scores.update({(name, measure): values for measure, values in comparison.measure(a, a_adv).items()})
    return scores

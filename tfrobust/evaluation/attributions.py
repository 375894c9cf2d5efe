"""How far the maps of a network move: under an attack on them, and under noise of the same budget."""

from typing import Callable, Dict, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from tfrobust import similarity
from tfrobust.attacks import AttackSpec, Ifia, NoiseControl
from tfrobust.attacks.best import judge_of
from tfrobust.attacks.ifia import TARGETED
from tfrobust.attributions import AttributionSpec
from tfrobust.evaluation.predictions import batches, once_traced

MEASURES = ("top_k_intersection", "kendall", "spearman", "pearson", "lens_recall", "lens_precision", "top_k_div")


class Maps(NamedTuple):
    """Images and maps before and after: x, x_adv [N,H,W,C]; a, a_adv [N,H,W]; scores: name -> [N]."""

    x: np.ndarray
    a: np.ndarray
    x_adv: np.ndarray
    a_adv: np.ndarray
    scores: Dict[str, np.ndarray]


def compare_maps(a, a_adv, spec: AttributionSpec) -> Dict[str, np.ndarray]:
    """How alike each pair of maps [N,H,W] is, name of the measure -> [N]: the papers' three, Pearson's correlation, and
    LENS with the window of the spec (top_k_div: its recall of the spread-out top-k set)."""
    return {
        "top_k_intersection": similarity.top_k_intersection(a, a_adv, spec.k, spec.ties),
        "kendall": similarity.kendall(a, a_adv, spec.ties),
        "spearman": similarity.spearman(a, a_adv, spec.ties),
        "pearson": similarity.pearson(a, a_adv, spec.ties),
        "lens_recall": similarity.lens_recall(a, a_adv, spec.k, spec.window, ties=spec.ties),
        "lens_precision": similarity.lens_precision(a, a_adv, spec.k, spec.window, ties=spec.ties),
        "top_k_div": similarity.lens_recall(a, a_adv, spec.k, spec.window, True, spec.ties),
    }


@once_traced
def prepared(network, attribution: AttributionSpec, attack: AttackSpec, chunk: Optional[int]):
    """The attack on maps, or its control, ready for any number of batches."""
    return (NoiseControl if attack.method == "noise" else Ifia)(network, attribution, attack, chunk)


def attack_maps(
    network,
    x: np.ndarray,
    y: np.ndarray,
    attribution: AttributionSpec,
    attack: AttackSpec,
    batch_size: int,
    chunk: Optional[int] = None,
    examples: Optional[np.ndarray] = None,
    tick: Callable[[], None] = lambda: None,
    targets: Optional[np.ndarray] = None,
) -> Maps:
    """The maps of the images x [N,H,W,C] with labels y [N] (which the network predicts), and those under `attack`.

    Scores: MEASURES, and what became of the attack (see `attacks.Outcome`).  examples: numbers [N] of the images, which
    seed their draws.  tick: called once an iteration.  targets: maps [N,H,W] of the attacks that have one, by default
    those of the next image (of the last: the first).
    """
    examples = np.arange(len(x)) if examples is None else examples
    if attack.method in TARGETED and targets is None:
        targets = np.roll(plain_maps(network, x, y, attribution, batch_size, chunk), -1, axis=0)
    run = prepared(network, attribution, attack, chunk)
    outcomes = []
    for rows in batches(len(x), batch_size):
        target = {} if targets is None else {"target": targets[rows]}
        outcomes.append(run(x[rows], y[rows], examples[rows], tick, **target))
    joined = {name: np.concatenate([getattr(o, name) for o in outcomes]) for name in outcomes[0]._fields}
    a, x_adv, a_adv = (joined.pop(name) for name in ("map", "x_adv", "map_adv"))
    return Maps(x, a, x_adv, a_adv, {**compare_maps(a, a_adv, attribution), **joined})


def plain_maps(network, x, y, attribution: AttributionSpec, batch_size: int, chunk=None) -> np.ndarray:
    """The maps [N,H,W] of the images x [N,H,W,C] for the classes y [N]."""
    maps = judge_of(network, attribution, chunk).maps
    return np.concatenate([maps(x[rows], y[rows]) for rows in batches(len(x), batch_size)])


def transferred(
    network,
    maps: Maps,
    y: np.ndarray,
    specs: Mapping[str, AttributionSpec],
    batch_size: int,
    chunk: Optional[int] = None,
) -> Dict[Tuple[str, str], np.ndarray]:
    """(name of the map, measure) -> [N]: other maps at the images that an attack on one of them found."""
    scores = {}
    for name, spec in specs.items():
        a, a_adv = (plain_maps(network, x, y, spec, batch_size, chunk) for x in (maps.x, maps.x_adv))
        scores.update({(name, measure): values for measure, values in compare_maps(a, a_adv, spec).items()})
    return scores

"""How far the maps of a network move: under an attack on them, or under its control."""

from typing import Callable, Dict, NamedTuple, Optional

import numpy as np

from tfrobust import similarity
from tfrobust.attacks import AttackSpec, Ifia, NoiseControl
from tfrobust.attributions import AttributionSpec
from tfrobust.evaluation.predictions import batches


class Maps(NamedTuple):
    """Images and maps before and after: x, x_adv [N,H,W,C]; a, a_adv [N,H,W]; scores: name -> [N]."""

    x: np.ndarray
    a: np.ndarray
    x_adv: np.ndarray
    a_adv: np.ndarray
    scores: Dict[str, np.ndarray]


def compare_maps(a, a_adv, spec: AttributionSpec) -> Dict[str, np.ndarray]:
    """The papers' three measures of each pair of maps [N,H,W], each [N]."""
    return {
        "top_k_intersection": similarity.top_k_intersection(a, a_adv, spec.k, spec.ties),
        "kendall": similarity.kendall(a, a_adv, spec.ties),
        "spearman": similarity.spearman(a, a_adv, spec.ties),
    }


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
) -> Maps:
    """The maps of the images x [N,H,W,C] with labels y [N] (which the network predicts), and those under `attack`.

    Scores: the three measures, `moved`, `kept_label` and `counted` (see `attacks.Outcome`).  examples: numbers [N] of
    the images, which seed their draws.  tick: called once an iteration.
    """
    run = (NoiseControl if attack.method == "noise" else Ifia)(network, attribution, attack, chunk)
    examples = np.arange(len(x)) if examples is None else examples
    outcomes = [run(x[rows], y[rows], examples[rows], tick) for rows in batches(len(x), batch_size)]
    a, x_adv, a_adv, moved, kept_label, counted = (np.concatenate(part) for part in zip(*outcomes))
    scores = compare_maps(a, a_adv, attribution)
    scores.update(moved=moved, kept_label=kept_label, counted=counted)
    return Maps(x, a, x_adv, a_adv, scores)

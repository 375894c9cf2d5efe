"""Chooses softplus_beta, the sharpness of the softplus in a surrogate, for each network by a short trial attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tfrobust.attacks.ifia import Ifia
from tfrobust.attributions import MapSpec
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import keras

STEPS = 8  # Steps of the trial attack with each beta.


def climbs(
    network: keras.Model,
    spec: MapSpec,
    comparison: Comparison,
    attack: Ifia,
    betas: Sequence[float],
    *,
    x: np.ndarray,
    y: np.ndarray,
    chunk: int | None = None,
) -> dict[float, float]:
    """Makes one run of an attack with each of several values of softplus_beta.

    Args:
        network: logits out.
        spec: of the map that is attacked and measured.
        comparison: how maps are compared.
        attack: what is run, with its own number of steps.
        betas: the values that are tried.
        x: a few images [N,H,W,C].
        y: their labels [N], which the network predicts.
        chunk: path points held at once; None: all.

    Returns:
        beta -> the mean score that the run reached by the attack's criterion; the lower, the stronger the attack.
    """
    found = {}
    for beta in betas:
        run = replace(attack, softplus_beta=beta, restarts=1).on_maps(network, spec, comparison, chunk)
        best = run.keeper(x, y, (attack.criterion,))
        run.search(best)
        found[beta] = float(np.mean(1.0 - best.found[attack.criterion]))
    return found


def choose_beta(
    network: keras.Model,
    spec: MapSpec,
    comparison: Comparison,
    attack: Ifia,
    betas: Sequence[float],
    *,
    x: np.ndarray,
    y: np.ndarray,
    chunk: int | None = None,
) -> float | None:
    """The beta with which a run of STEPS steps lowers the score most.

    Args:
        network: logits out.
        spec: of the map that is attacked and measured.
        comparison: how maps are compared.
        attack: what is run, with STEPS steps instead of its own.
        betas: the values that are tried.
        x: a few images [N,H,W,C].
        y: their labels [N], which the network predicts.
        chunk: path points held at once; None: all.

    Returns:
        One of `betas`; the attack's own where there are none.
    """
    if len(betas) < 2:  # Nothing to choose from.
        return betas[0] if betas else attack.softplus_beta
    found = climbs(network, spec, comparison, replace(attack, steps=STEPS), betas, x=x, y=y, chunk=chunk)
    return min(found, key=found.__getitem__)

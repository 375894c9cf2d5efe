"""How sharp the softplus of a surrogate has to be, found for each network by a rule."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfrobust.attacks.ifia import Ifia
from tfrobust.attributions import MapSpec
from tfrobust.similarity import Comparison

STEPS = 8  # Of the climb by which betas are compared.


def climbs(
    network, spec: MapSpec, comparison: Comparison, attack: Ifia, betas: Sequence[float], x, y, chunk=None
) -> dict[float, float]:
    """beta -> the mean score that one run of the attack with it reaches by its criterion, the lower the better.

    Args:
        network: logits out.
        spec: of the map.
        comparison: of maps.
        attack: whose goal is climbed, with its own steps.
        betas: of its surrogate.
        x, y: a few images [N,H,W,C] and their labels [N], which the network predicts.
        chunk: path points held at once.
    """
    found = {}
    for beta in betas:
        run = replace(attack, softplus_beta=beta, restarts=1).on_maps(network, spec, comparison, chunk)
        best = run.keeper(x, y, (attack.criterion,))
        run.search(best)
        found[beta] = float(np.mean(1.0 - best.found[attack.criterion]))
    return found


def choose_beta(network, spec, comparison, attack: Ifia, betas, x, y, chunk=None) -> float | None:
    """The beta by which a climb of STEPS steps comes farthest; the attack's own where there is none to choose from.
    Arguments as those of `climbs`."""
    if not betas:
        return attack.softplus_beta
    found = climbs(network, spec, comparison, replace(attack, steps=STEPS), betas, x, y, chunk)
    return min(found, key=found.get)

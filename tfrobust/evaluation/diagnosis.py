"""What can be wrong with an attack on attributions, looked for with every result: each suspicion has a name and a
count.

A robust score from an attack that did not work says nothing of the network.  A flag is raised where more than its share
of the examples shows it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tfrobust import similarity
from tfrobust.attacks import AttackedMaps
from tfrobust.evaluation.suite import MapTask

TIED = 0.5  # Share of a map's entries that equal another one.
ALIKE = 0.8  # Spearman's correlation of the surrogate's and the network's map.
EMPTY = 0.1  # Share of a map that is not zero.
# What a map must not be before its stillness means anything, in a word for a table.
FLOOR = {
    "constant_map": "constant map",
    "deletes_no_better": "no better than a random order",
    "ignores_weights": "blind to weights",
}
SAME = 0.99  # Spearman's correlation of the maps of a network and of one with shuffled weights.
LOWER = 0.05  # Kendall's tau with twice the steps.

# name -> (share above which it is raised, what it says)
FLAGS = {
    "already_wrong": (0.5, "predicted wrongly without any attack; their maps are not attacked"),
    "no_gradient": (
        0.0,
        "no step had a gradient to follow (k above the non-zero entries? a ReLU network's plain gradient?)",
    ),
    "never_moved": (0.0, "the attack never changed the image; scored 1 as if robust"),
    "label_never_kept": (0.0, "no iterate kept the label; scored 1 as if robust"),
    "goal_did_not_rise": (0.0, "no iterate's goal exceeded that of the first one"),
    "k_above_nonzero": (0.0, "fewer non-zero entries in the map than k: the top-k set holds zeros"),
    "ties": (0.0, f"more than {TIED:.0%} of the map's entries are tied: ranks depend on how ties are broken"),
    "random_beats_attack": (0.1, "noise of the same budget lowered Kendall's tau further than the attack did"),
    "surrogate_differs": (0.0, f"Spearman of the surrogate's map and the network's is below {ALIKE}"),
    "no_relu_exchanged": (
        0.0,
        "no ReLU was found to exchange, so the surrogate is the network itself, whose gradient has kinks and no "
        "derivative: the attack had no curvature to follow",
    ),
    "not_converged": (0.1, f"twice the steps lowered Kendall's tau by more than {LOWER}"),
    "deletes_no_better": (
        0.5,
        "deleting the pixels that the map ranks highest lowers the probability no faster than a random order does: "
        "stillness says nothing for such a map",
    ),
    "ignores_weights": (
        0.5,
        f"a network with shuffled weights has nearly the same map (Spearman over {SAME}): it shows the image, not what "
        "was learned, and stillness says nothing for it",
    ),
    "nearly_empty_map": (0.0, f"less than {EMPTY:.0%} of the map is not zero: little of it can move"),
    "constant_map": (0.0, "the map is the same everywhere or for every image: still, and without meaning"),
    "random_map": (0.0, "the same image has another map when it is asked for again"),
    "masked_gradient": (
        0.1,
        "attacks that follow no gradient found a Kendall's tau lower by more than 0.02 than those that follow one",
    ),
    "more_budget_lowers": (0.0, "twice the budget of one part lowered the mean minimum by more than 0.02"),
    "other_beta_lowers": (
        0.0,
        "another beta of the surrogate than the chosen one lowered Kendall's tau by more than 0.02",
    ),
}
OF_FAITHFULNESS = {"deletes_no_better", "ignores_weights"}  # Asked of maps themselves.
OF_ENSEMBLES = {"random_map", "masked_gradient", "more_budget_lowers", "other_beta_lowers"}  # Asked of these alone.


class Flag(NamedTuple):
    """count of `of` examples show it; raised: more than its share.  text: what it says."""

    name: str
    count: int
    of: int
    raised: bool
    text: str


def flag(name: str, shows) -> Flag:
    """The flag for the examples `shows` [N] bool."""
    shows = np.asarray(shows, bool)
    share, text = FLAGS[name]
    count = int(shows.sum())
    return Flag(name, count, len(shows), bool(len(shows)) and count > share * len(shows), text)


def tied(a: np.ndarray) -> np.ndarray:
    """The share of each map's entries that equal another of its entries, [N]."""
    out = np.zeros(len(a))
    for i, values in enumerate(a.reshape(len(a), -1)):
        _, counts = np.unique(values, return_counts=True)
        out[i] = counts[counts > 1].sum() / values.size
    return out


def fate_flags(maps: AttackedMaps) -> list[Flag]:
    """What became of an attack on the images."""
    return [
        flag("no_gradient", ~maps.had_gradient),
        flag("never_moved", ~maps.moved),
        flag("label_never_kept", ~maps.kept_label),
        flag("goal_did_not_rise", ~maps.goal_rose),
    ]


def map_flags(a: np.ndarray, k: int) -> list[Flag]:
    """What maps [N,H,W] can be that makes their measures say little; k: of the top-k set."""
    nonzero = np.count_nonzero(a, axis=(1, 2))
    same = np.all(np.abs(a - a[:1]) <= 1e-6 * np.abs(a).max(initial=0.0), axis=(1, 2)).all() and len(a) > 1
    return [
        flag("k_above_nonzero", nonzero < k),
        flag("ties", tied(a) > TIED),
        flag("nearly_empty_map", nonzero < EMPTY * a[0].size),
        flag("constant_map", (np.ptp(a, axis=(1, 2)) == 0) | same),
    ]


def random_beats(maps: AttackedMaps, control: AttackedMaps) -> Flag:
    """Whether the control lowered Kendall's tau further than the attack."""
    return flag("random_beats_attack", control.scores["kendall"] < maps.scores["kendall"])


def faithfulness_flags(columns: Mapping[str, np.ndarray]) -> list[Flag]:
    """What `faithfulness` says against maps: a floor below which no ranking by stillness counts."""
    return [
        flag("deletes_no_better", columns["deletion"] >= columns["deletion_random"]),
        flag("ignores_weights", columns["randomised"] > SAME),
    ]


def diagnose(
    maps: AttackedMaps,
    control: AttackedMaps,
    task: MapTask,
    surrogate_maps: np.ndarray | None = None,
    doubled: np.ndarray | None = None,
    no_curvature: bool | None = None,
) -> list[Flag]:
    """The flags of an attack on maps.

    Args:
        maps, control: under the attack of the task and under noise.
        surrogate_maps: the surrogate's maps [N,H,W] of the images.
        doubled: Kendall's tau under twice the steps, of the first [D] images.
        no_curvature: see `lacks_curvature`.
    """
    flags = [
        *fate_flags(maps),
        *map_flags(maps.a, max(task.comparison.k, task.attack.k or 0)),
        random_beats(maps, control),
    ]
    if surrogate_maps is not None:
        flags.append(flag("surrogate_differs", similarity.spearman(maps.a, surrogate_maps) < ALIKE))
    if no_curvature is not None:
        flags.append(flag("no_relu_exchanged", np.full(len(maps), no_curvature)))
    if doubled is not None:
        flags.append(flag("not_converged", doubled < maps.scores["kendall"][: len(doubled)] - LOWER))
    return flags

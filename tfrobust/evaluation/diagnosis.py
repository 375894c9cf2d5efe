"""Flags: signs that an attack on maps did not work, or that the maps themselves mean little.

A robust score from an attack that did not work says nothing about the network.  So every result is checked for known
faults; each has a name and counts the examples that show it, and its flag is raised where their share is too large.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tfrobust import similarity
from tfrobust.attacks import AttackedMaps
from tfrobust.evaluation.suite import MapTask

TIED = 0.5  # A map has ties if a larger share of its entries than this equals another entry.
ALIKE = 0.8  # The surrogate differs if Spearman's correlation of its map with the network's is below this.
EMPTY = 0.1  # A map is nearly empty if a smaller share of it than this is not zero.
# Flags that say that a map's robustness means nothing, and their words in a table.
FLOOR = {
    "constant_map": "constant map",
    "deletes_no_better": "no better than a random order",
    "ignores_weights": "blind to weights",
}
SAME = 0.99  # Above this Spearman's correlation, a network and one with shuffled weights have the same map.
LOWER = 0.05  # An attack has not converged if twice the steps lower Kendall's tau by more than this.

# name -> (share of the examples above which it is raised, what it says)
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
    "more_budget_lowers": (
        0.0,
        "twice the budget of one part lowered the mean minimum by more than 0.02, even at the lower end of the 95 % "
        "confidence interval",
    ),
    "other_beta_lowers": (
        0.0,
        "another beta of the surrogate than the chosen one lowered Kendall's tau by more than 0.02",
    ),
    "certificate_beaten": (0.0, "the cosine of the exact smoothed maps is below its certified bound: a fault"),
    "random_network": (
        0.0,
        "the network gives other logits when it is asked again: its gradients are noisy, take the version rand",
    ),
    "zero_gradient": (
        0.1,
        "the gradient of the cross-entropy is exactly zero (saturated logits, or an operation without a gradient)",
    ),
    "few_classes": (
        0.0,
        "fewer than four classes: the DLR loss is divided by f_(1) - f_(3), with two classes by nothing, and fewer "
        "classes are targeted",
    ),
    "square_beats_gradients": (
        0.01,
        "Square Attack, which follows no gradient, fooled images that all gradients had not: masked gradients",
    ),
}
OF_FAITHFULNESS = {"deletes_no_better", "ignores_weights"}  # These concern maps without any attack.
OF_ENSEMBLES = {"random_map", "masked_gradient", "more_budget_lowers", "other_beta_lowers"}  # Of ensembles only.
OF_CERTIFICATES = {"certificate_beaten"}  # Of uniformly smoothed maps only.
# Of AutoAttack only.
OF_AUTOATTACK = {"random_network", "zero_gradient", "few_classes", "square_beats_gradients"}


class Flag(NamedTuple):
    """How many examples show one sign of trouble.

    Attributes:
        name: a key of FLAGS.
        count: number of examples that show it.
        of: number of examples that were checked.
        raised: whether the share of these examples is above that of FLAGS.
        text: what the flag says.
    """

    name: str
    count: int  # type: ignore[assignment]  # A field, not the method of a tuple.
    of: int
    raised: bool
    text: str


def flag(name: str, shows: np.ndarray) -> Flag:
    """The flag `name`, a key of FLAGS, for N examples of which those in `shows` [N] bool show it."""
    shows = np.asarray(shows, bool)
    share, text = FLAGS[name]
    count = int(shows.sum())
    return Flag(name, count, len(shows), bool(len(shows)) and count > share * len(shows), text)


def tied(a: np.ndarray) -> np.ndarray:
    """The share of each map's entries that equal another of its entries, [N] of maps a [N,H,W]."""
    out = np.zeros(len(a))
    for i, values in enumerate(a.reshape(len(a), -1)):
        _, counts = np.unique(values, return_counts=True)
        out[i] = counts[counts > 1].sum() / values.size
    return out


def fate_flags(maps: AttackedMaps) -> list[Flag]:
    """The flags that say that an attack did not work: no gradient, no change, no label kept, no rise of its goal."""
    return [
        flag("no_gradient", ~maps.had_gradient),
        flag("never_moved", ~maps.moved),
        flag("label_never_kept", ~maps.kept_label),
        flag("goal_did_not_rise", ~maps.goal_rose),
    ]


def map_flags(a: np.ndarray, k: int) -> list[Flag]:
    """The flags that say that the measures of maps mean little: too few non-zero entries, ties, constant maps.

    Args:
        a: maps [N,H,W].
        k: size of the top-k set, in pixels.
    """
    nonzero = np.count_nonzero(a, axis=(1, 2))
    same = np.all(np.abs(a - a[:1]) <= 1e-6 * np.abs(a).max(initial=0.0), axis=(1, 2)).all() and len(a) > 1
    return [
        flag("k_above_nonzero", nonzero < k),
        flag("ties", tied(a) > TIED),
        flag("nearly_empty_map", nonzero < EMPTY * a[0].size),
        flag("constant_map", (np.ptp(a, axis=(1, 2)) == 0) | same),
    ]


def random_beats(maps: AttackedMaps, control: AttackedMaps) -> Flag:
    """The flag that says that noise, the control, lowered Kendall's tau further than the attack."""
    return flag("random_beats_attack", control.scores["kendall"] < maps.scores["kendall"])


def certificate_flag(maps: AttackedMaps) -> Flag:
    """The flag that says that an attack went below a certified bound, by more than its estimate may be wrong."""
    return flag("certificate_beaten", maps.scores["smoothed_cosine"] < maps.scores["certified_cosine"] - LOWER)


def faithfulness_flags(columns: Mapping[str, np.ndarray]) -> list[Flag]:
    """The flags that say that a map does not show what the network uses, so that its robustness means nothing.

    Args:
        columns: what `faithfulness` gave, name -> [N].
    """
    return [
        flag("deletes_no_better", columns["deletion"] >= columns["deletion_random"]),
        flag("ignores_weights", columns["randomised"] > SAME),
    ]


def diagnose(
    maps: AttackedMaps,
    control: AttackedMaps,
    task: MapTask,
    *,
    surrogate_maps: np.ndarray | None = None,
    doubled: np.ndarray | None = None,
    no_curvature: bool | None = None,
) -> list[Flag]:
    """The flags of an attack on maps.

    Args:
        maps: under the attack of the task, with their scores.
        control: the same under noise.
        task: the attack and how maps are compared.
        surrogate_maps: the surrogate's maps [N,H,W] of the images; None: not checked.
        doubled: Kendall's tau under twice the steps, of the first [D] images; None: not checked.
        no_curvature: see `lacks_curvature`; None: not checked.
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

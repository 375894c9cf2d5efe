"""Scores of attacked maps on the images whose output hardly changed: where the output moved, so should the map.

An attack on maps keeps the predicted class and no more: between x and x' the logits f may change much.  A map that
moves along with them tells of the network, one that moves while they hold still of the explanation.  Kiourti et al.
(2025, arXiv 2512.06665) therefore judge an explanation among inputs whose logits are within a stated distance.

change of the logits          || f(x') - f(x) ||_2
change of the probabilities   1/2 sum over classes c of | p_c(x') - p_c(x) |,  p = softmax(f): the total variation,
                              from 0 to 1, the most by which the probability of any set of classes changes
same output                   images whose probabilities change by at most 0.05
calmer half                   images whose logits change by at most the median over the images that the attack changed

The first limit is the same for all networks, and no image may be within it.  Of the second always some are, and the
scale of a network's logits does not matter to it, but how much its outputs do change differs from network to network.

Images on which an attack found nothing are in both subsets and score 1.  They say nothing of what a map does while the
output holds, so each subset has its scores once more on the images that the attack changed.

Differs from the paper: inputs are those that the attacks found, and not drawn from a generative adversarial network;
the attacks do not try to keep the output, so a high score on few images is no proof that none would succeed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfrobust.distribution import shard_over_replicas
from tfrobust.errors import InputError
from tfrobust.evaluation import statistics
from tfrobust.evaluation.predictions import once_traced

if TYPE_CHECKING:
    import keras

SAME_OUTPUT = 0.05  # Up to this change of the probabilities an output counts as the same.
SUBSETS = ("same_output", "calmer_half")
LOGITS, PROBABILITIES, UNCHANGED = "logit_change", "output_change", "unchanged"  # Columns of records.


@dataclass(frozen=True)
class OutputChange:
    """How far the outputs of N images changed, and which images are the same as before.

    Attributes:
        logits: [N], l2 distance of the logits.
        probabilities: [N], total variation of the softmax.
        unchanged: [N] bool, the attack found no other image than x.
    """

    logits: np.ndarray
    probabilities: np.ndarray
    unchanged: np.ndarray

    @classmethod
    def between(cls, f: np.ndarray, f_adv: np.ndarray, unchanged: np.ndarray) -> OutputChange:
        """The change from logits f [N,K] to f_adv [N,K]; unchanged: as the attribute."""
        f, f_adv = np.asarray(f, np.float64), np.asarray(f_adv, np.float64)
        moved = np.abs(_softmax(f_adv) - _softmax(f)).sum(axis=1) / 2
        return cls(np.linalg.norm(f_adv - f, axis=1), moved, np.asarray(unchanged, bool))

    def limits(self) -> dict[str, float]:
        """The largest change of each of SUBSETS, of the probabilities and of the logits."""
        changed = self.logits[~self.unchanged]
        return {"same_output": SAME_OUTPUT, "calmer_half": float(np.median(changed)) if len(changed) else 0.0}

    def subsets(self) -> dict[str, np.ndarray]:
        """Which images each of SUBSETS holds, name -> [N] bool."""
        limits = self.limits()
        return {
            "same_output": self.probabilities <= limits["same_output"],
            "calmer_half": self.logits <= limits["calmer_half"],
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays [N] by name, as files hold it."""
        return {"logits": self.logits, "probabilities": self.probabilities, "unchanged": self.unchanged}

    def columns(self, before: str = "", after: str = "") -> dict[str, np.ndarray]:
        """All of it as columns of records, with words before and after their names."""
        named = {LOGITS: self.logits, PROBABILITIES: self.probabilities, UNCHANGED: self.unchanged}
        return {f"{before}{name}{after}": values for name, values in named.items()}


@dataclass(frozen=True)
class OutputChanges:
    """The changes of output that belong to the scores of one task.

    Attributes:
        attacked: at the images that stand for the attack.
        noise: at those of the control, for scores whose name says noise.
        of_measures: measure -> the change at the images that it was measured on, where these are others: of an ensemble
          each measure has its strongest attack.
    """

    attacked: OutputChange
    noise: OutputChange
    of_measures: Mapping[str, OutputChange] = field(default_factory=dict)

    def of(self, score: str) -> OutputChange:
        """The change at the images on which a score was measured."""
        return self.noise if "noise_" in score else self.of_measures.get(score, self.attacked)

    def columns(self) -> dict[str, np.ndarray]:
        """All changes as columns of records, name -> [N]."""
        out = {**self.attacked.columns(), **self.noise.columns("noise_")}
        for measure, change in self.of_measures.items():
            out.update(change.columns(after=f" of {measure}"))
        return out


def output_change(network: keras.Model, x: np.ndarray, x_adv: np.ndarray) -> OutputChange:
    """How far the output of a network changes.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1], as many as fit into the memory at once.
        x_adv: the same images after an attack.
    """
    logits = _logits(network)
    f, f_adv = (logits(tf.constant(images, tf.float32)).numpy() for images in (x, x_adv))
    return OutputChange.between(f, f_adv, np.all(x_adv == x, axis=(1, 2, 3)))


def conditional_scores(
    scores: Mapping[str, np.ndarray],
    changes: OutputChanges,
    bounds: Callable[[str], tuple[float, float]],
    describe: Callable[..., dict[str, float]] = statistics.describe,
) -> dict[str, dict[str, dict[str, Any]]]:
    """The scores on the images whose output hardly changed, as plain values.

    Args:
        scores: name -> [N] for each image.
        changes: of the output at the images that were scored.
        bounds: name -> the smallest and the largest value of the score.
        describe: (values, least, most) -> the statistics of a score.

    Returns:
        score -> one of SUBSETS -> limit (the largest change in it), images and of (how many it holds, of how many),
        share (with its interval), scores (their statistics); changed, how many of its images the attack changed, and
        changed_scores, the statistics of these alone.  Statistics are None where there is no image; of a single one the
        ends of the interval are None.
    """
    return {
        name: {
            subset: _on(values, rows, changes.of(name), limit, lambda v, name=name: describe(v, *bounds(name)))
            for (subset, rows), limit in zip(changes.of(name).subsets().items(), changes.of(name).limits().values())
        }
        for name, values in scores.items()
    }


def scores_within(
    records: Iterable[Mapping[str, Any]],
    measure: str,
    at_most: float,
    *,
    by: str = PROBABILITIES,
    unchanged: bool = False,
) -> np.ndarray:
    """The scores on the images whose output changed by no more than a limit that is chosen afterwards.

    Args:
        records: of one task on maps, such as `Evaluation.records_of` gives or a file holds.
        measure: such as kendall or noise_kendall.
        at_most: the largest change.
        by: output_change (of the probabilities) or logit_change.
        unchanged: count the images, too, that the attack left as they were and that score 1.

    Returns:
        [n], empty where every output changed further.

    Raises:
        InputError: where records have no change of output, as those of version 0.1 have none.
    """
    before, found = "noise_" if "noise_" in measure else "", []
    for record in records:
        change, same = (record.get(f"{key} of {measure}", record.get(before + key)) for key in (by, UNCHANGED))
        if change is None:
            raise InputError(f"the records have no {before}{by}: evaluate again with this version")
        if change <= at_most and (unchanged or not same):
            found.append(record[measure])
    return np.array(found, np.float64)


def _on(values, rows, change, limit, describe) -> dict[str, Any]:
    changed = rows & ~change.unchanged
    return {
        "limit": limit,
        "images": int(rows.sum()),
        "of": len(rows),
        "share": statistics.share(rows),
        "scores": _statistics(values[rows], describe),
        "changed": int(changed.sum()),
        "changed_scores": _statistics(values[changed], describe),
    }


def _statistics(values, describe) -> dict[str, Any] | None:
    """None of no image; of one without an interval, which would be a point and look certain."""
    alone = {"low": None, "high": None} if len(values) == 1 else {}
    return {**describe(values), **alone} if len(values) else None


@once_traced
def _logits(network):
    return shard_over_replicas(lambda x: network(x, training=False))


def _softmax(f: np.ndarray) -> np.ndarray:
    e = np.exp(f - f.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)

"""An audit of two Python functions, one that predicts and one that explains, by attacks that ask for nothing else.

The functions may call a network of any framework, a server or a program.  There is no gradient to follow, so a search
finds less than the attacks on a Keras network do: what it moves can be moved, and what it does not may be moved yet.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfrobust.attacks import AttackedMaps, Ensemble, Found, Noise, Squares, Stripes
from tfrobust.attacks.attacked_maps import as_records, join_batches
from tfrobust.attacks.ensemble import CRITERIA
from tfrobust.auditing.function_judge import Explain, FunctionJudge, Predict
from tfrobust.auditing.plan import EPS, in_pixels
from tfrobust.checks import check_number, check_whole
from tfrobust.data import to_unit
from tfrobust.errors import InputError
from tfrobust.evaluation import statistics
from tfrobust.evaluation.diagnosis import LOWER, Flag, fate_flags, flag, map_flags, random_beats
from tfrobust.evaluation.ensembles import maps_differ
from tfrobust.evaluation.evaluator import summarize_maps
from tfrobust.evaluation.predictions import batches
from tfrobust.labels import check_labels
from tfrobust.names import AUDITED_IMAGES
from tfrobust.networks import check_images
from tfrobust.progress import SILENT, Progress
from tfrobust.similarity import MEASURES, Comparison

PREDICTED = 1000  # At most so many of the images given are predicted.
NOISE_SHARE = 0.1  # Queries of the random search, as a share of those of the squares.
PIXELS_SHARE = 8  # k is the pixels of an image divided by this.


@dataclass(frozen=True)
class CallableMeasured:
    """What an audit of two functions measured.

    Attributes:
        eps: the radii, ascending.
        k: size of the top-k sets, in pixels.
        records: a dict for each image and task; `index` is the place of the image among those given.
        summary: task -> name -> number, or mean, low and high of its 95 % interval and other statistics.
        flags: task -> the diagnosis of its attack.
        maps: task -> the attacked images and maps, of each image the least alike by Kendall's tau.
        found: task -> what each attack found.
        settings: of the attacks.
        seconds: taken.
        queries: images that were shown to `predict` and to `explain`.
    """

    eps: tuple[float, ...]
    k: int
    records: list[dict[str, Any]]
    summary: dict[str, dict[str, Any]]
    flags: dict[str, list[Flag]]
    maps: Mapping[str, AttackedMaps]
    found: Mapping[str, Found]
    settings: dict[str, Any]
    seconds: float
    queries: dict[str, int]

    @property
    def middle_eps(self) -> float:
        """The eps that the verdict is about: the middle one, the smaller of two."""
        return self.eps[(len(self.eps) - 1) // 2]


def task_name(eps: float) -> str:
    """What the attacks within a ball of radius eps are called."""
    return f"maps at {in_pixels(eps)}"


def attacks_within(eps: float, queries: int, norm: str = "linf", seed: int = 0) -> Ensemble:
    """The attacks that ask for maps and predictions alone: random noise, one query of stripes, a search with squares.

    Args:
        eps: radius of the ball, in units of the pixel range [0, 1].
        queries: of the squares for each image; noise has a tenth as many.
        norm: of the ball, linf or l2.
        seed: of every draw.
    """
    ball: dict[str, Any] = {"norm": norm, "seed": seed}
    noise = Noise(eps, restarts=max(1, round(NOISE_SHARE * queries)), **ball)
    parts = {"noise": noise, "one query": Stripes(eps, **ball), "squares": Squares(eps, queries, **ball)}
    return Ensemble(eps, parts, **ball)


def measure_callable(
    predict: Predict,
    explain: Explain,
    x: Any,
    y: Any,
    eps: float | Sequence[float] = EPS,
    *,
    queries: int = 200,
    images: int = AUDITED_IMAGES,
    k: int | None = None,
    norm: str = "linf",
    ties: str = "exact",
    batch_size: int = 32,
    seed: int = 0,
    progress: Progress = SILENT,
) -> CallableMeasured:
    """Audits a pair of functions by attacks that call them and nothing else.

    Args:
        predict: images [B,H,W,C], float32 in [0, 1] -> scores [B,K] (logits or probabilities), or classes [B].
        explain: the same images and classes [B], int32 -> maps [B,H,W], or [B,H,W,C], whose absolute values are summed
          over the channels.
        x: images [N,H,W,C], float in [0, 1] or uint8.
        y: labels [N].
        eps: radius of the ball, or several radii, in units of the pixel range [0, 1].
        queries: of the search, for each image and eps.
        images: whose maps are attacked, at most, of those that are predicted correctly.
        k: size of the top-k sets, in pixels; None: an eighth of the pixels.
        norm: of the ball, linf or l2.
        ties: how equal entries of a map are ranked, see `similarity.ranking`.
        batch_size: images that the functions get at once.
        seed: of the choice of images and of every draw.
        progress: shows how far it is.

    Raises:
        InputError: where images and labels do not fit, a setting makes no sense, or a function raises an error, or
          gives another number of images, another shape, or numbers that are not finite.
    """
    began = time.monotonic()
    eps = _checked_eps(eps)
    for name, value in (("queries", queries), ("images", images), ("batch_size", batch_size)):
        check_whole(name, value, 1)
    x = to_unit(np.asarray(x))
    check_images(x)
    y = check_labels(y, len(x))
    comparison = Comparison(max(1, x[0, ..., 0].size // PIXELS_SHARE) if k is None else k, ties)
    comparison.check(x.shape[1:])
    attacks = [attacks_within(radius, queries, norm, seed) for radius in eps]
    judge = FunctionJudge(predict, explain, batch_size)
    chosen = np.random.RandomState(seed).permutation(len(x))[:PREDICTED]
    measured = _Measuring(judge, x[chosen], y[chosen], chosen, comparison, batch_size=batch_size, progress=progress)
    measured.predictions()
    measured.attack(attacks, images)
    settings = {"queries": queries, "images": images, "k": comparison.k, "norm": norm, "ties": ties, "seed": seed}
    return CallableMeasured(
        eps,
        comparison.k,
        measured.records,
        measured.summary,
        measured.flags,
        measured.maps,
        measured.found,
        {**settings, "eps": list(eps), "batch_size": batch_size},
        time.monotonic() - began,
        dict(judge.asked),
    )


def _checked_eps(eps) -> tuple[float, ...]:
    radii = (eps,) if isinstance(eps, (int, float)) else tuple(eps)
    if not radii or len(set(radii)) != len(radii):
        raise InputError("eps must be a number, or several different ones")
    for radius in radii:
        check_number("eps, in units of the pixel range [0, 1],", radius)
        if radius == 0:
            raise InputError("eps must be above 0 (8/255, not 8)")
    return tuple(sorted(float(radius) for radius in radii))


class _Measuring:
    """Gathers records, summaries and flags; arguments, which are checked already, as of `measure_callable`."""

    def __init__(self, judge, x, y, chosen, comparison, *, batch_size, progress):
        self.judge, self.x, self.y, self.chosen = judge, x, y, chosen
        self.comparison, self.batch_size, self.progress = comparison, batch_size, progress
        self.records: list[dict[str, Any]] = []
        self.summary: dict[str, dict[str, Any]] = {}
        self.flags: dict[str, list[Flag]] = {}
        self.maps: dict[str, AttackedMaps] = {}
        self.found: dict[str, Found] = {}

    def predictions(self) -> None:
        """Asks for the class of every image."""
        self.predicted = self.judge.labels(self.x)
        right = self.predicted == self.y
        self._record("natural", np.arange(len(right)), {"prediction": self.predicted})
        self.summary["natural"] = {"accuracy": statistics.share(right), "examples": len(right)}
        self.flags["natural"] = [flag("already_wrong", ~right)]

    def attack(self, attacks: Sequence[Ensemble], images: int) -> None:
        """Attacks the maps of images that are predicted correctly, within each ball."""
        rows = np.flatnonzero(self.predicted == self.y)[:images]
        if not len(rows):
            return
        few = rows[: self.batch_size]
        differs = maps_differ(self.judge, self.x[few], self.y[few])
        for attack in attacks:
            found, control = self._searched(attack, rows)
            self._report(task_name(attack.eps), attack, rows, found=found, control=control, differs=differs)

    def _searched(self, attack, rows) -> tuple[Found, AttackedMaps]:
        """What the attacks found, and the maps under one draw of noise, the control."""
        other = (attack.seed + 1) % 2**31  # The control is none of the draws of the search.
        control = replace(attack.control(), seed=other)
        search, control = (each.on_judge(self.judge, self.comparison) for each in (attack, control))
        parts = list(batches(len(rows), self.batch_size))
        bar = self.progress.bar(len(parts) * attack.rounds, task_name(attack.eps))
        found, noise = [], []
        for part in parts:
            x, y, examples = (of[rows[part]] for of in (self.x, self.y, self.chosen))
            found.append(search(x, y, examples, bar.update).arrays())
            noise.append(control(x, y, examples))
        bar.close()
        return Found.from_arrays(join_batches(found)), AttackedMaps.join(noise)

    def _report(self, task, attack, rows, *, found, control, differs) -> None:
        """Adds what was found within one ball to records, summary and flags."""
        least, k = found.least[attack.criterion], self.comparison.k
        scores = self.comparison.measure(least.a, least.a_adv)
        scores.update({measure: found.lowest(of) for of, measure in CRITERIA.items()})
        self.maps[task], self.found[task] = maps, _ = least.with_scores(scores), found
        noise = control.with_scores(self.comparison.measure(control.a, control.a_adv))
        scores.update({f"noise_{key}": noise.scores[key] for key in MEASURES})
        of_parts = {f"{CRITERIA[of]} of {part}": own for (part, of), own in found.scores.items()}
        self._record(task, rows, {**scores, **of_parts, **maps.fates})
        self.summary[task] = summarize_maps({**scores, **of_parts}, maps, attack.eps, statistics.bootstrapped)
        flags = [*fate_flags(maps), *map_flags(maps.a, k), random_beats(maps, noise)]
        self.flags[task] = [*flags, flag("random_map", differs), _not_converged(found)]

    def _record(self, task, rows, columns) -> None:
        for row, values in zip(rows, as_records(columns, len(rows))):
            self.records.append({"task": task, "index": int(self.chosen[row]), "label": int(self.y[row]), **values})


def _not_converged(found: Found) -> Flag:
    """The flag that says that the second half of the squares' queries still found much less alike maps."""
    curve = found.curves["squares", "kendall"]
    return flag("not_converged", curve[:, -1] < curve[:, (curve.shape[1] - 1) // 2] - LOWER)

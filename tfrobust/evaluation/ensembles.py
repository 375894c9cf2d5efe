"""Evaluates an ensemble of attacks on the maps of one network.

The result has the minimum for each image and measure, what each part contributed to it, and flags that say whether it
can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tfrobust import similarity
from tfrobust.attacks import AttackedMaps, Found
from tfrobust.attacks.best_iterate import Judge, judge_of
from tfrobust.attacks.ensemble import CRITERIA, Ensemble
from tfrobust.attacks.ifia import Ifia
from tfrobust.attacks.surrogate_choice import choose_beta, climbs
from tfrobust.evaluation.attacked import prepared
from tfrobust.evaluation.diagnosis import Flag, fate_flags, flag, map_flags
from tfrobust.evaluation.statistics import bootstrapped
from tfrobust.evaluation.suite import MapTask

if TYPE_CHECKING:
    import keras

LOOKED_AT = 8  # Images on which beta is chosen, and on which the other betas are tried.
LOWER = 0.02  # A flag is raised where more budget, another beta or a black-box part lowers a score by more than this.


@dataclass(frozen=True)
class EnsembleResult:
    """What an ensemble found on the images of an evaluation.

    Attributes:
        found: the scores of each part, per image and measure.
        maps: the images that the ensemble's criterion keeps, with all measures of their maps as scores; of the measures
          in `CRITERIA` the score is the minimum over all parts.
        beta: softplus_beta of the surrogate, as chosen for the network; None where no part follows a gradient.
        flags: the diagnosis.
    """

    found: Found
    maps: AttackedMaps
    beta: float | None
    flags: list[Flag]

    def parts(self) -> list[dict[str, Any]]:
        """What each part contributed, a row per part.

        Returns:
            Dicts with part, gradients and seconds per image, and for each measure: MEASURE, the mean score (None where
            the part found nothing), won_MEASURE, the share of images on which the part was the strongest, and
            MEASURE_without, the mean minimum over the other parts.
        """
        rows = []
        for part in dict.fromkeys(part for part, _ in self.found.scores):
            row = {"part": part, "gradients": float(self.found.gradients[part,].mean())}
            row["seconds"] = float(self.found.seconds[part,].mean())
            for criterion, measure in CRITERIA.items():
                own = self.found.scores[part, criterion]
                row[measure] = float(np.nanmean(own)) if np.isfinite(own).any() else None
                row[f"won_{measure}"] = float(np.mean(self.found.winners(criterion) == part))
                row[f"{measure}_without"] = float(self.found.lowest(criterion, without=part).mean())
            rows.append(row)
        return rows

    def as_dict(self) -> dict[str, Any]:
        """beta, parts and curves as plain values for JSON."""
        return {"beta": self.beta, "parts": self.parts(), "curves": self.curves()}

    def of_parts(self) -> dict[str, np.ndarray]:
        """Columns for the records of images, name -> [N]: each part's score, and the part that won, by measure."""
        out = {f"{CRITERIA[of]} of {part}": scores for (part, of), scores in self.found.scores.items()}
        out.update({f"part with the least {measure}": self.found.winners(of) for of, measure in CRITERIA.items()})
        return out

    def shares_above_half(self) -> dict[str, float]:
        """The share of images whose minimum stays above 0.5, as share_above_half_MEASURE -> number."""
        lowest = {measure: self.found.lowest(criterion) for criterion, measure in CRITERIA.items()}
        return {f"share_above_half_{measure}": float(np.mean(scores > 0.5)) for measure, scores in lowest.items()}

    def curves(self) -> dict[str, dict[str, list[list[float]]]]:
        """How the scores fall as gradients are spent, of the parts that follow gradients.

        Returns:
            measure -> part -> points [gradients spent, mean of the lowest scores so far].
        """
        out: dict[str, dict[str, list[list[float]]]] = {measure: {} for measure in CRITERIA.values()}
        for (part, criterion), curve in self.found.curves.items():
            gradients = self.found.gradients[part,].max(initial=0)
            if gradients and np.isfinite(curve).any():
                spent = np.linspace(0, gradients, curve.shape[1])
                out[CRITERIA[criterion]][part] = np.stack([spent, np.nanmean(curve, axis=0)], axis=1).tolist()
        return out


def attack_with_ensemble(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    task: MapTask,
    examples: np.ndarray,
    *,
    batched: Callable[..., dict[str, np.ndarray]],
    chunk: int | None,
    doubled: int,
) -> EnsembleResult:
    """Makes all attacks of an ensemble on the maps of images.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: labels [N], which the network predicts.
        task: whose attack is an ensemble.
        examples: numbers [N] of the images, which seed their draws.
        batched: (name, x, work, rounds) -> the joined arrays of work(rows, tick) over batches.
        chunk: path points held at once; None: all.
        doubled: number of images on which each part is made once more with twice its budget.
    """
    beta = _beta(network, x, y, task, chunk)
    task = task if beta is None else replace(task, attack=_ensemble(task).with_beta(beta))
    found = _found("", network, x, y, task, examples=examples, batched=batched, chunk=chunk)
    least = found.least[task.attack.criterion]
    scores = task.comparison.measure(least.a, least.a_adv)
    scores.update({measure: found.lowest(criterion) for criterion, measure in CRITERIA.items()})
    maps = least.with_scores(scores)
    result = EnsembleResult(found, maps, beta, [])
    flags = [*fate_flags(maps), *map_flags(maps.a, task.comparison.k)]
    flags += _flags_of_parts(result, task)
    flags.append(flag("random_map", maps_differ(judge_of(network, task.map, chunk), x[:LOOKED_AT], y[:LOOKED_AT])))
    if _ensemble(task).betas:
        flags.append(_other_betas(result, network, x, y, task, chunk=chunk))
    if doubled:
        flags.append(
            _more_budget(result, network, x, y, task, examples=examples, batched=batched, chunk=chunk, doubled=doubled)
        )
    return replace(result, flags=flags)


def _ensemble(task: MapTask) -> Ensemble:
    """The attack of a task, which is an ensemble."""
    return cast(Ensemble, task.attack)


def _beta(network, x, y, task: MapTask, chunk) -> float | None:
    """The beta of the surrogates, chosen on the first images; None where no part follows a gradient."""
    attack, few = _ensemble(task), {"x": x[:LOOKED_AT], "y": y[:LOOKED_AT], "chunk": chunk}
    if attack.first_climb is None:
        return None
    return choose_beta(network, task.map, task.comparison, attack.first_climb, attack.betas, **few)


def _other_betas(result, network, x, y, task: MapTask, *, chunk) -> Flag:
    """The flag that says that one run of the first climb with another beta, on the first images, went further."""
    attack, few = _ensemble(task), {"x": x[:LOOKED_AT], "y": y[:LOOKED_AT], "chunk": chunk}
    climb = cast(Ifia, attack.first_climb)
    found = climbs(network, task.map, task.comparison, climb, attack.betas, **few)
    return flag("other_beta_lowers", np.full(len(few["x"]), min(found.values()) < found[result.beta] - LOWER))


def _found(what, network, x, y, task, *, examples, batched, chunk) -> Found:
    run = prepared(network, task, chunk)
    work = lambda r, tick: run(x[r], y[r], examples[r], tick).arrays()  # noqa: E731
    return Found.from_arrays(batched(what, x, work, task.attack.rounds))


def _flags_of_parts(result: EnsembleResult, task: MapTask) -> list[Flag]:
    """The flag that says that parts that follow no gradient went further than those that follow one."""
    scores, parts = result.found.scores, _ensemble(task).parts
    climbed = [scores[name, "kendall"] for name, part in parts.items() if part.gradients]
    searched = [scores[name, "kendall"] for name, part in parts.items() if not part.gradients]
    if not climbed or not searched:
        return []
    return [flag("masked_gradient", np.fmin.reduce(searched) < np.fmin.reduce(climbed) - LOWER)]


def maps_differ(judge: Judge, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether the map of the same image differs when it is asked for a second time, [N] bool.

    Args:
        judge: gives the maps.
        x: images [N,H,W,C].
        y: classes [N] that the maps explain.
    """
    a, b = judge.maps(x, y), judge.maps(x, y)
    return similarity.spearman(a, b) < 1 - 1e-3


def _more_budget(result, network, x, y, task, *, examples, batched, chunk, doubled) -> Flag:
    """The flag that says that a part with twice its runs, on the first images, lowers the minimum over all parts.

    On few images the largest of so many mean gains is above LOWER by chance: the lower end of its interval decides.
    """
    n = min(doubled, len(x))
    gains = []
    for name, part in task.attack.parts.items():
        more = replace(part, restarts=2 * part.restarts)
        alone = replace(task, attack=replace(task.attack, parts={name: more}))
        found = _found(
            f", {name} twice", network, x[:n], y[:n], alone, examples=examples[:n], batched=batched, chunk=chunk
        )
        for criterion in CRITERIA:
            before = result.found.lowest(criterion)[:n]
            gains.append(bootstrapped(before - np.fmin(before, found.lowest(criterion)))["low"])
    return flag("more_budget_lowers", np.full(n, max(gains) > LOWER))

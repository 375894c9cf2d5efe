"""An ensemble of attacks on the maps of one network: the minimum for each image and measure, what each part
contributed to it, and the flags that say whether it can be believed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfrobust import similarity
from tfrobust.attacks import AttackedMaps, Found
from tfrobust.attacks.best_iterate import judge_of
from tfrobust.attacks.ensemble import CRITERIA
from tfrobust.attacks.surrogate_choice import choose_beta, climbs
from tfrobust.evaluation.attacked import prepared
from tfrobust.evaluation.diagnosis import Flag, fate_flags, flag, map_flags
from tfrobust.evaluation.suite import MapTask

LOOKED_AT = 8  # Images on which beta is chosen, and on which the others are tried.
LOWER = 0.02  # By which more budget may lower the mean minimum without a flag, and squares the white box's.


@dataclass(frozen=True)
class EnsembleResult:
    """What an ensemble found on the images of an evaluation.

    Attributes:
        found: per image and measure.
        maps: the images that the ensemble's criterion keeps, with all measures of their maps as scores; those that
          have a minimum of their own (`CRITERIA`) have that.
        beta: of the surrogate, as chosen for the network.
        flags: the diagnosis.
    """

    found: Found
    maps: AttackedMaps
    beta: float | None
    flags: list[Flag]

    def parts(self) -> list[dict[str, Any]]:
        """A row per part: mean scores, the share of images on which it was the strongest, the mean minimum that would
        be left without it, gradients and seconds per image."""
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
        """beta, parts and curves as plain values."""
        return {"beta": self.beta, "parts": self.parts(), "curves": self.curves()}

    def of_parts(self) -> dict[str, np.ndarray]:
        """For the record of each image: the score of each part, and the part that won, by measure."""
        out = {f"{CRITERIA[of]} of {part}": scores for (part, of), scores in self.found.scores.items()}
        out.update({f"part with the least {measure}": self.found.winners(of) for of, measure in CRITERIA.items()})
        return out

    def shares_above_half(self) -> dict[str, float]:
        """Of images whose minimum stays above 0.5, by measure."""
        lowest = {measure: self.found.lowest(criterion) for criterion, measure in CRITERIA.items()}
        return {f"share_above_half_{measure}": float(np.mean(scores > 0.5)) for measure, scores in lowest.items()}

    def curves(self) -> dict[str, dict[str, list[list[float]]]]:
        """measure -> part -> [gradients spent, mean of the lowest scores so far] of parts that follow gradients."""
        out: dict[str, dict[str, list[list[float]]]] = {measure: {} for measure in CRITERIA.values()}
        for (part, criterion), curve in self.found.curves.items():
            gradients = self.found.gradients[part,].max(initial=0)
            if gradients and np.isfinite(curve).any():
                spent = np.linspace(0, gradients, curve.shape[1])
                out[CRITERIA[criterion]][part] = np.stack([spent, np.nanmean(curve, axis=0)], axis=1).tolist()
        return out


def attack_with_ensemble(
    network, x, y, task: MapTask, examples, batched: Callable, chunk: int | None, doubled: int
) -> EnsembleResult:
    """Makes all parts on the images x [N,H,W,C] with labels y [N].

    Args:
        task: whose attack is an ensemble.
        examples: numbers [N] of the images.
        batched: (name, x, work, rounds) -> the joined arrays of work(rows, tick) over batches.
        doubled: images on which each part is made with twice its budget.
    """
    beta = _beta(network, x, y, task, chunk)
    task = task if beta is None else replace(task, attack=task.attack.with_beta(beta))
    found = _found("", network, x, y, task, examples, batched, chunk)
    least = found.least[task.attack.criterion]
    scores = task.comparison.measure(least.a, least.a_adv)
    scores.update({measure: found.lowest(criterion) for criterion, measure in CRITERIA.items()})
    maps = least.with_scores(scores)
    result = EnsembleResult(found, maps, beta, [])
    flags = [*fate_flags(maps), *map_flags(maps.a, task.comparison.k)]
    flags += _flags_of_parts(result, task)
    flags.append(flag("random_map", _differs(network, x, y, task, chunk)))
    if task.attack.betas:
        flags.append(_other_betas(result, network, x, y, task, chunk))
    if doubled:
        flags.append(_more_budget(result, network, x, y, task, examples, batched, chunk, doubled))
    return replace(result, flags=flags)


def _beta(network, x, y, task: MapTask, chunk) -> float | None:
    """The beta of the surrogates, chosen on the first images; None where no part follows a gradient."""
    attack, few = task.attack, (x[:LOOKED_AT], y[:LOOKED_AT])
    if attack.first_climb is None:
        return None
    return choose_beta(network, task.map, task.comparison, attack.first_climb, attack.betas, *few, chunk)


def _other_betas(result, network, x, y, task: MapTask, chunk) -> Flag:
    """One run of the first climb with each beta on the first images."""
    attack, few = task.attack, (x[:LOOKED_AT], y[:LOOKED_AT])
    found = climbs(network, task.map, task.comparison, attack.first_climb, attack.betas, *few, chunk)
    return flag("other_beta_lowers", np.full(len(few[0]), min(found.values()) < found[result.beta] - LOWER))


def _found(what, network, x, y, task, examples, batched, chunk) -> Found:
    run = prepared(network, task, chunk)
    work = lambda r, tick: run(x[r], y[r], examples[r], tick).arrays()  # noqa: E731
    return Found.from_arrays(batched(what, x, work, task.attack.rounds))


def _flags_of_parts(result: EnsembleResult, task: MapTask) -> list[Flag]:
    """What the scores of the parts beside each other say."""
    scores, parts = result.found.scores, task.attack.parts
    climbed = [scores[name, "kendall"] for name, part in parts.items() if part.gradients]
    searched = [scores[name, "kendall"] for name, part in parts.items() if not part.gradients]
    if not climbed or not searched:
        return []
    return [flag("masked_gradient", np.fmin.reduce(searched) < np.fmin.reduce(climbed) - LOWER)]


def _differs(network, x, y, task, chunk) -> np.ndarray:
    """[N] bool: the network's map of the same image is another one when it is asked for again."""
    x, y = x[:LOOKED_AT], y[:LOOKED_AT]
    judge = judge_of(network, task.map, chunk)
    a, b = judge.maps(x, y), judge.maps(x, y)
    return similarity.spearman(a, b) < 1 - 1e-3


def _more_budget(result, network, x, y, task, examples, batched, chunk, doubled) -> Flag:
    """Each part with twice its starts (squares: queries) on the first images, beside the minimum over all parts."""
    n = min(doubled, len(x))
    gains = []
    for name, part in task.attack.parts.items():
        more = replace(part, restarts=2 * part.restarts)
        alone = replace(task, attack=replace(task.attack, parts={name: more}))
        found = _found(f", {name} twice", network, x[:n], y[:n], alone, examples[:n], batched, chunk)
        for criterion in CRITERIA:
            before = result.found.lowest(criterion)[:n]
            gains.append(np.mean(before - np.fmin(before, found.lowest(criterion))))
    return flag("more_budget_lowers", np.full(n, max(gains) > LOWER))

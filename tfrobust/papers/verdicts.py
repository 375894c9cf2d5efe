"""The verdicts of claims on a comparison, by the attack of its evaluation and by the ensemble `auto` beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from tfrobust.experiments.comparison_scores import ACCURACIES, RULERS, UNATTACKED, ComparisonScores
from tfrobust.papers.claims import SAME_TIME, Claim, difference


def judge(claims: Sequence[Claim], folder: str, name: str, accuracies: str = "") -> list[dict[str, Any]]:
    """The verdicts of claims on one comparison.

    Args:
        claims: those whose rows or evaluations are missing there have no line.
        folder: of the comparison, as `compare` leaves it.
        name: of the evaluation that decides the claims which name none.
        accuracies: of the evaluation that decides those of them which are about accuracies, where it is there.

    Returns:
        A line for each claim: its attributes, `than` as the row that it stands for, dataset, and for each of RULERS the
        difference (RULER: mean, low, high, seeds, images) and the verdict (RULER_verdict), None where it was not
        measured.  Natural accuracies and costs, which no attack decides, have the first alone.

    Raises:
        InputError: where there is no comparison of that name, or the evaluation of one of its runs is missing.
    """
    return list(_lines(claims, folder, name, accuracies).values())


def judge_all(claims: Sequence[Claim], folders: Sequence[str], name: str, accuracies: str = "") -> list[dict[str, Any]]:
    """The verdicts of claims on several comparisons; of two on one data set that of more images counts.

    Args:
        claims: as for `judge`.
        folders: of the comparisons.
        name: as for `judge`.
        accuracies: as for `judge`.

    Returns:
        Lines as those of `judge`, in the order of the claims.

    Raises:
        InputError: as `judge`.
    """
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for folder in folders:
        for place, line in _lines(claims, folder, name, accuracies).items():
            key = place, line["dataset"]
            if key not in found or _images(line) > _images(found[key]):
                found[key] = line
    return [found[key] for key in sorted(found, key=lambda key: key[0])]


def _lines(claims: Sequence[Claim], folder: str, name: str, accuracies: str) -> dict[int, dict[str, Any]]:
    """place of the claim -> its line, as `judge` has it."""
    compared = {name: ComparisonScores(folder, name)}
    for other in {accuracies, *(part for claim in claims for part in claim.evaluation.split("/"))} - {"", name}:
        if os.path.isfile(os.path.join(folder, other + ".json")):
            compared[other] = ComparisonScores(folder, other)
    lines = {}
    for place, claim in enumerate(claims):
        own = accuracies if claim.measure in ACCURACIES and accuracies in compared else name
        lines[place] = _line(claim, compared, (claim.evaluation or own).split("/"))
    return {place: line for place, line in lines.items() if line}


def _images(line: dict[str, Any]) -> int:
    """How many pairs of scores a line rests on."""
    return line[RULERS[0]]["images"] if line[RULERS[0]] else 0


def _line(claim: Claim, compared: dict[str, ComparisonScores], names: Sequence[str]) -> dict[str, Any] | None:
    """The line of a claim by the evaluations of those names; None where they or its rows are missing."""
    if not all(each in compared for each in names):
        return None
    first, second = compared[names[0]], compared[names[-1]]
    than = first.beside(claim.row) if claim.than == SAME_TIME else claim.than
    if claim.row not in first or than not in second:
        return None
    line: dict[str, Any] = {**vars(claim), "than": than, "dataset": first.dataset}
    for ruler in RULERS[:1] if claim.measure in UNATTACKED else RULERS:
        found = difference(first.of(claim.row, claim.measure, ruler), second.of(than, claim.measure, ruler))
        line[ruler] = found._asdict() if found else None
        line[f"{ruler}_verdict"] = claim.verdict(found) if found else None
    return line

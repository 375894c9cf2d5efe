"""The scores of each image in the runs of a finished comparison, as its files hold them."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tfrobust.errors import InputError
from tfrobust.names import AUTO_TASK, AUTOATTACK_TASK

STEP_COST = "step_cost"
# The first attack of an evaluation, and the strongest: on maps the ensemble auto, on predictions AutoAttack.
RULERS = ("attack", AUTO_TASK)
NATURAL, ADVERSARIAL = ACCURACIES = ("natural", "adversarial")
UNATTACKED = (NATURAL, STEP_COST)  # Measures that no attack decides.


class ComparisonScores:
    """What a comparison found, image by image.

    Attributes:
        folder: of the comparison.
        name: of its evaluation.
        dataset: the images of the evaluation.

    Args:
        folder: where `compare` wrote it.
        name: of the evaluation.

    Raises:
        InputError: where there is no such comparison.
    """

    def __init__(self, folder: str, name: str):
        path = os.path.join(folder, name + ".json")
        if not os.path.isfile(path):
            raise InputError(
                f"no comparison {name!r} in {folder}: launch.compare --name={name} --output={folder} leaves it"
            )
        stored = _json(path)
        about = stored.get("about") if isinstance(stored, dict) else None
        if not isinstance(about, dict) or "runs" not in about:
            raise InputError(f"{path} is not the file of a comparison")
        self.folder, self.name = folder, name
        self.dataset = os.path.basename(os.path.normpath(about["dataset"])).removesuffix(".npz")
        self._runs: Mapping[str, Sequence[Mapping[str, Any]]] = about["runs"]
        self._seeds: Sequence[str] = about["seeds"]
        self._read = functools.cache(self._evaluation)

    def __contains__(self, row: str) -> bool:
        """Whether a row of that name was compared."""
        return row in self._runs

    def beside(self, row: str) -> str | None:
        """The row of PGD training that takes as long as a row; None where the comparison has none."""
        return self._runs[row][0].get("beside") if row in self._runs else None

    def of(self, row: str, measure: str, ruler: str = RULERS[0]) -> dict[str, dict[int, float]]:
        """The scores of a row.

        Args:
            row: its name.
            measure: natural or adversarial, 1 where the prediction is right and 0 where it is not; a measure of maps,
              such as kendall; or step_cost, one number, in steps of the cheapest row.
            ruler: of measures that an attack decides, one of RULERS.

        Returns:
            seed -> number of the image -> score; empty where that was not measured.
        """
        runs = dict(zip(self._seeds, self._runs[row]))
        if measure == STEP_COST:
            return {seed: {0: line["cost"]} for seed, line in runs.items()}
        return {seed: _scores(self._read(row, seed, line["steps"]), measure, ruler) for seed, line in runs.items()}

    def _evaluation(self, row: str, seed: str, steps: int) -> Mapping[str, Any]:
        run = os.path.join(self.folder, f"seed{seed}", row.replace(", ", "_").replace(" ", "_"))
        paths = [os.path.join(folder, self.name + ".json") for folder in (run, f"{run}_{steps}")]
        found = [path for path in paths if os.path.isfile(path)]
        if not found:
            raise InputError(f"the evaluation of {row}, seed {seed}, is not at {paths[0]}")
        return _json(found[0])


def _scores(evaluation: Mapping[str, Any], measure: str, ruler: str) -> dict[int, float]:
    """number of the image -> score, of the records of an evaluation."""
    predictions, attributions = (list(evaluation["about"][kind]) for kind in ("predictions", "attributions"))
    tasks: dict[str, dict[int, dict[str, Any]]] = {}
    for record in evaluation["records"]:
        tasks.setdefault(record["task"], {})[record["index"]] = record
    if measure in ACCURACIES:
        task = AUTOATTACK_TASK if ruler == AUTO_TASK else (*predictions, "")[0]
        own = [tasks["natural"]] + ([tasks.get(task, {})] if measure == ADVERSARIAL else [])
        common = set(own[0]).intersection(*own)
        return {i: float(all(of[i]["prediction"] == of[i]["label"] for of in own)) for i in sorted(common)}
    task = AUTO_TASK if ruler == AUTO_TASK else (*attributions, "")[0]
    known = tasks.get(task, {}).items()
    return {i: record[measure] for i, record in known if record.get(measure) is not None}


def _json(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.load(file)

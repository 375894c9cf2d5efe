"""`Evaluation`: the result of a suite of attacks on one network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfrobust.attacks import AttackedMaps
from tfrobust.attacks.attacked_maps import FATES
from tfrobust.evaluation.diagnosis import FLOOR, Flag
from tfrobust.evaluation.ensembles import EnsembleResult
from tfrobust.evaluation.reference_sensitivity import ReferenceSensitivity
from tfrobust.evaluation.robustness import Robustness
from tfrobust.evaluation.suite import Suite
from tfrobust.names import AUTO_TASK, AUTOATTACK_TASK

# Columns of a table of networks: measures of maps without an attack, and of maps under attack.
OF_MAPS = ("deletion", "deletion_random", "randomised")
IN_TABLES = ("top_k_intersection", "kendall", "spearman")
NEARBY = "lens_precision"  # As top_k_intersection, where a pixel next to the place counts as well.


@dataclass(frozen=True)
class Evaluation:
    """The result of a suite on one network.

    Attributes:
        suite: the suite that was run.
        records: a dict for each example and task, with "task", "index" and "label".
        summary: task -> name -> number, or mean, low and high of its 95 % interval and other statistics.
        flags: task -> the diagnosis of its attack.
        maps: task -> the attacked maps.
        chosen: indices [N] of the images used.
        ensembles: task -> what each part of its ensemble found, for tasks that have one.
        robustness: task -> what each part of AutoAttack found, for the tasks that are AutoAttack.
        outputs: task -> its scores on the images whose output hardly changed, see `output_change.conditional_scores`.
        references: method of a map -> how far it depends on its reference, where the suite measures that.
    """

    suite: Suite
    records: list[dict[str, Any]]
    summary: dict[str, dict[str, Any]]
    flags: dict[str, list[Flag]]
    maps: Mapping[str, AttackedMaps]
    chosen: np.ndarray
    ensembles: Mapping[str, EnsembleResult] = field(default_factory=dict)
    robustness: Mapping[str, Robustness] = field(default_factory=dict)
    outputs: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    references: Mapping[str, ReferenceSensitivity] = field(default_factory=dict)

    @property
    def accuracies(self) -> list[dict[str, Any]]:
        """The accuracy of each task on predictions, a row per task: task, mean, low, high (95 %), examples."""
        return [
            {"task": task, **summary["accuracy"], "examples": summary["examples"]}
            for task, summary in self.summary.items()
            if "accuracy" in summary
        ]

    def records_of(self, task: str) -> list[dict[str, Any]]:
        """The records of the task of that name."""
        return [record for record in self.records if record["task"] == task]

    def scores(self, task: str, measure: str) -> dict[str, list[float]]:
        """The values of a measure for every example of a task on maps.

        Args:
            task: its name.
            measure: such as kendall, see similarity.MEASURES.

        Returns:
            attacked -> [N] under the attack, noise -> [N] under noise.
        """
        records = self.records_of(task)
        return {"attacked": [r[measure] for r in records], "noise": [r[f"noise_{measure}"] for r in records]}

    @property
    def plain_flags(self) -> dict[str, list[dict[str, Any]]]:
        """task -> its flags as plain dicts."""
        return {task: [flag._asdict() for flag in own] for task, own in self.flags.items()}

    @property
    def below_floor(self) -> list[str]:
        """Words for what makes the maps meaningless, however robust they are; empty where nothing was found."""
        raised = {flag.name for own in self.flags.values() for flag in own if flag.raised}
        return [words for name, words in FLOOR.items() if name in raised]

    def as_dict(self) -> dict[str, Any]:
        """Summary, flags and records as plain values."""
        return {**self.without_records(), "records": self.records}

    def without_records(self) -> dict[str, Any]:
        """Summary, flags, scores by change of output, the parts of ensembles and of AutoAttack, and what other
        references change, as plain values."""
        out: dict[str, Any] = {"summary": self.summary, "flags": self.plain_flags}
        if self.outputs:
            out["output_change"] = self.outputs
        if self.ensembles:
            out["ensembles"] = {task: own.as_dict() for task, own in self.ensembles.items()}
        if self.robustness:
            out["robustness"] = {task: own.rows() for task, own in self.robustness.items()}
        if self.references:
            out["references"] = {method: own.rows() for method, own in self.references.items()}
        return out

    def table_row(self) -> dict[str, Any]:
        """The natural accuracy and the first attack of each kind as one line of a table of networks.

        Returns:
            Numbers by name: NAME is a mean, NAME_low and NAME_high its 95 % interval.  Scores of maps are left out
            where no image was predicted correctly.  auto_NAME, autoattack_accuracy: under the ensemble auto and
            AutoAttack, where the suite has them beside the first attack.  deletion, deletion_random, randomised and
            floor (words, see `below_floor`) concern maps without an attack, where the suite measures them.
        """
        row: dict[str, Any] = {"examples": len(self.chosen), "attribution_examples": 0}
        first = next(iter(self.suite.predictions), None)
        accuracies = {"natural_accuracy": "natural", "adversarial_accuracy": first}
        if AUTOATTACK_TASK in self.suite.predictions and first != AUTOATTACK_TASK:
            accuracies["autoattack_accuracy"] = AUTOATTACK_TASK
        row.update(_spread({name: self.summary[task]["accuracy"] for name, task in accuracies.items() if task}))
        task = next(iter(self.suite.attributions), None)
        if task not in self.summary:
            return row
        own = self.summary[task]
        row["attribution_examples"] = own["examples"]
        row.update(_spread({key: own[key] for name in IN_TABLES for key in (name, f"noise_{name}")}))
        row.update(_spread({NEARBY: own[NEARBY]}))
        row.update({f"share_not_{name}": own[f"share_not_{name}"] for name in FATES})
        if AUTO_TASK in self.ensembles and task != AUTO_TASK:
            auto = self.summary[AUTO_TASK]
            row.update(_spread({f"{AUTO_TASK}_{name}": auto[name] for name in (*IN_TABLES, NEARBY)}))
        faithfulness = self.summary.get(f"faithfulness of {self.suite.first_task.map.method}")
        if faithfulness:
            row.update(_spread({name: faithfulness[name] for name in OF_MAPS}))
            row["floor"] = ", ".join(self.below_floor)
        return row


def _spread(described: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """name -> mean, low and high, as NAME, NAME_low and NAME_high."""
    out = {}
    for name, values in described.items():
        out.update({name: values["mean"], f"{name}_low": values["low"], f"{name}_high": values["high"]})
    return out

"""Conditions under which an audit fails, for a pipeline that ships networks: "kendall<0.5", "accuracy<baseline-0.02".

CONDITION  [TASK:]MEASURE[.STATISTIC] OP VALUE
TASK       of the report, such as "gradient at 8/255" or "APGD at 4/255"; unless given the one that the verdict is
           about, and for accuracy "natural"
MEASURE    of that task, such as top_k_intersection, kendall, spearman, noise_kendall, accuracy
STATISTIC  mean (unless given), low, high, median and whatever else the report has of it
OP         <, <=, > or >=
VALUE      a number (0.5, 50%), or the same number of the baseline report with [FACTOR*]baseline[+NUMBER|-NUMBER]
"""

import json
import math
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfrobust.errors import InputError

OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?%?"
FORM = re.compile(
    r"(?:(?P<task>[^<>]+):)?(?P<measure>[a-z_]\w*)(?:\.(?P<statistic>\w+))?\s*(?P<comparison><=|>=|<|>)\s*(?P<value>.+)",
    re.I,
)
RELATIVE = re.compile(rf"(?:(?P<factor>{NUMBER})\s*\*\s*)?baseline(?:\s*(?P<offset>[-+]\s*{NUMBER}))?", re.I)
OF_MAPS = ("IG at ", "gradient at ")  # How the tasks on maps begin.
EXAMPLES = '"kendall<0.5", "accuracy<0.9", "APGD at 4/255:accuracy<0.2", "top_k_intersection.low<baseline-0.05"'


@dataclass(frozen=True)
class Condition:
    """One condition; an audit that meets it fails.

    Attributes:
        text: as it was given.
        task: of the report; None: the one that the verdict is about, or "natural" for an accuracy.
        measure, statistic: the number that is looked at.
        comparison: one of OPERATORS.
        factor: of the baseline's number; 0: the number is compared with `offset` alone.
        offset: that is added.
    """

    text: str
    task: str | None
    measure: str
    statistic: str
    comparison: str
    factor: float
    offset: float

    def failure(self, report: Mapping[str, Any], baseline: Mapping[str, Any] | None = None) -> str | None:
        """What a report fails by, in a line; None where it passes.

        Args:
            report: an audit's summary, as audit.json holds it.
            baseline: that of an earlier audit, for a condition that asks for it.

        Raises:
            InputError: where the condition needs a baseline and has none, or names what no report has.
        """
        value, where = self._number(report)
        limit, words = self.offset, ""
        if self.factor:
            if baseline is None:
                raise InputError(f"{self.text}: there is no baseline to compare with (--baseline=OLD/audit.json)")
            before, _ = self._number(baseline)
            if before is None:
                return f"{self.text}: the baseline has no {self.measure} of {where}"
            limit += self.factor * before
            words = f" (baseline {before:.4g})"
        if value is None:  # What was not measured has not passed.
            return f"{self.text}: {self.measure} of {where} was not measured"
        if not OPERATORS[self.comparison](value, limit):
            return None
        return f"{self.text}: {self.measure} of {where} is {value:.4g}, {self.comparison} {limit:.4g}{words}"

    def _number(self, report) -> tuple[float | None, str]:
        """(the number, or None where it was not measured; of which task)."""
        task = self.task or ("natural" if self.measure == "accuracy" else task_of_verdict(report))
        summary = report["summary"]
        if task not in summary:
            if task.startswith(OF_MAPS):  # There is none where no image was predicted correctly.
                return None, task
            raise InputError(f"{self.text}: the report has no {task!r}; it has {', '.join(summary)}")
        measures = {name: value for name, value in summary[task].items() if isinstance(value, (dict, float, int))}
        if self.measure not in measures:
            raise InputError(f"{self.text}: {task} has no {self.measure!r}; it has {', '.join(measures)}")
        found = measures[self.measure]
        if isinstance(found, dict):
            if self.statistic not in found:
                raise InputError(f"{self.text}: {self.measure} has no {self.statistic!r}; it has {', '.join(found)}")
            found = found[self.statistic]
        return (None if math.isnan(found) else float(found)), task


def task_of_verdict(report: Mapping[str, Any]) -> str:
    """The task that the verdict of a report is about."""
    return f"IG at {255 * report['eps_of_verdict']:.3g}/255"


def read_report(path: str) -> dict[str, Any]:
    """The summary of an audit, from its audit.json.

    Raises:
        InputError: where the file is none.
    """
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        task_of_verdict(report)
        return {**report, "summary": dict(report["summary"])}
    except OSError as e:
        raise InputError(f"{path} cannot be read: {e.strerror}") from e
    except (ValueError, KeyError, TypeError) as e:
        raise InputError(f"{path} is no audit.json of an audit") from e


def parse_condition(text: str) -> Condition:
    """The condition that is written in this form (see above).

    Raises:
        InputError: where it is none.
    """
    found = FORM.fullmatch(text.strip())
    value = found["value"].strip() if found else ""
    relative = RELATIVE.fullmatch(value)
    if not found or not (relative or re.fullmatch(NUMBER, value, re.I)):
        raise InputError(f"{text!r} is no condition: write for example {EXAMPLES}")
    factor, offset = (_of(relative["factor"], 1.0), _of(relative["offset"], 0.0)) if relative else (0.0, _of(value))
    own = found["task"], found["measure"], found["statistic"] or "mean", found["comparison"]
    return Condition(text.strip(), *own, factor, offset)


def failures(
    conditions: list[Condition], report: Mapping[str, Any], baseline: Mapping[str, Any] | None = None
) -> list[str]:
    """A line for each condition that the report meets, as `Condition.failure` gives it."""
    lines = (condition.failure(report, baseline) for condition in conditions)
    return [line for line in lines if line is not None]


def _of(text: str | None, unless: float = 0.0) -> float:
    """The number, which may be a percentage."""
    if text is None:
        return unless
    text = text.replace(" ", "")
    return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)

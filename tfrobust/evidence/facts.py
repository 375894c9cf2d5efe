"""What an audit's report says, as the facts that evidence is made of."""

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from tfrobust import gate
from tfrobust.errors import InputError

MAP_NAMES = {"IG": "Integrated Gradients", "gradient": "the gradient"}


class Measure(NamedTuple):
    """A number of the report with its 95 % interval.

    Attributes:
        task: of the report, such as "IG at 4/255".
        name: of the number, such as "top_k_intersection".
        value, low, high: the mean and its interval; low and high are None where there is none.
        examples: images that it rests on.
        eps: radius of the ball, in units of [0, 1]; 0 where nothing was changed.
    """

    task: str
    name: str
    value: float
    low: float | None
    high: float | None
    examples: int
    eps: float

    @property
    def percent(self) -> str:
        """The number with its interval, as a percentage."""
        if self.low is None or self.high is None:
            return f"{self.value:.1%}"
        return f"{self.value:.1%} (95 % interval {_cut(self.low):.1%} to {_cut(self.high):.1%})"


def _cut(value: float) -> float:
    return min(max(value, 0.0), 1.0)


class Facts(NamedTuple):
    """An audit, as evidence needs it.

    Attributes:
        report: all of the report.
        name: of the network.
        data: what it was audited on.
        verdict: the report's own words.
        grade: fragile, moves, holds, unsure or none.
        accuracy: predictions right, without a change and under attack.
        maps: how much of the explanations stays under attack, a measure per task.
        noise: the same under random noise, task -> measure.
        suspicious: the raised flags of the diagnosis: (task, text, count, of).
        cut: what there was no time for.
    """

    report: Mapping[str, Any]
    name: str
    data: str
    verdict: str
    grade: str
    accuracy: list[Measure]
    maps: list[Measure]
    noise: dict[str, Measure]
    suspicious: list[tuple[str, str, int, int]]
    cut: list[str]

    @property
    def about(self) -> Mapping[str, Any]:
        """Settings and versions."""
        return self.report.get("about", {})

    @property
    def plan(self) -> Mapping[str, Any]:
        """What was planned: steps, points, k, eps."""
        return self.about.get("plan", {})

    @property
    def task(self) -> str:
        """The task that the verdict is about."""
        return gate.task_of_verdict(self.report)

    @property
    def judged(self) -> Measure | None:
        """What the verdict rests on; None where no explanation could be attacked."""
        return next((measure for measure in self.maps if measure.task == self.task), None)


def read_facts(path: str, name: str | None = None, data: str | None = None) -> Facts:
    """The facts of an audit.

    Args:
        path: of its audit.json, or of the folder that it lies in.
        name: of the network; None: that of its file.
        data: what it was audited on, in words; None: the name of the file or folder.

    Raises:
        InputError: where the file is none.
    """
    path = os.path.join(path, "audit.json") if os.path.isdir(path) else path
    report = gate.read_report(path)
    try:
        return _facts(report, name, data)
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise InputError(f"{path} is no audit.json of an audit, or a part of it is missing ({e})") from e


def _facts(report, name, data) -> Facts:
    about, verdict = report.get("about", {}), report["verdict"]
    tasks = report["summary"]
    accuracy = [_measure(task, "accuracy", own) for task, own in tasks.items() if "accuracy" in own]
    maps = {task: own for task, own in tasks.items() if "top_k_intersection" in own}
    raised = [
        (task, str(flag.get("text", flag["name"])), int(flag["count"]), int(flag["of"]))
        for task, own in report.get("flags", {}).items()
        for flag in own
        if flag["raised"]
    ]
    return Facts(
        report,
        name or _stem(about.get("network")) or "network",
        data or _stem(about.get("data")) or "images of its own",
        str(verdict["headline"]),
        str(verdict["grade"]),
        accuracy,
        [_measure(task, "top_k_intersection", own) for task, own in maps.items()],
        {task: _measure(task, "noise_top_k_intersection", own) for task, own in maps.items()},
        raised,
        [str(cut) for cut in report.get("cut", [])],
    )


def _measure(task, name, own) -> Measure:
    found = own[name]
    low, high = (float(found[end]) if end in found else None for end in ("low", "high"))
    return Measure(task, name, float(found["mean"]), low, high, int(own["examples"]), float(own.get("eps", 0.0)))


def _stem(path: Any) -> str:
    """The name of a file or folder, without what stands before it and behind it."""
    return os.path.splitext(os.path.basename(os.path.normpath(str(path))))[0] if path else ""


def in_pixels(eps: float) -> str:
    """`eps` as people write it: 4/255."""
    return f"{255 * eps:.3g}/255"


def in_words(task: str) -> str:
    """What a task of the report is about: "Integrated Gradients, changes up to 4/255"."""
    kind, _, eps = task.partition(" at ")
    if task == "natural":
        return "as they are"
    return f"{MAP_NAMES.get(kind, kind)}, changes up to {eps}" if eps else kind


def plain(value: Any) -> str:
    """A value as JSON writes it, which is YAML, too."""
    return json.dumps(value, ensure_ascii=False)

"""What costs of rows say: a table of the rows, one of the papers, and how both came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfrobust import report
from tfrobust.benchmark.row_cost import CostedRow
from tfrobust.benchmark.table import where

ROWS = (
    report.Column("row", "row"),
    report.Column("alike", "rows alike", ",d"),
    report.Column("needs", "after"),
    report.Column("batch", "batch", ",d"),
    report.Column("operations", "10^9 operations a step", ",.2f"),
    report.Column("steps", "steps", ",d"),
    report.Column("total", "10^15 operations", ",.2f"),
    report.Column("seconds", "s a step", ",.2f"),
    report.Column("images", "measured with images", ",d"),
    report.Column("cpu_hours", "CPU-hours", ",.2f"),
    report.Column("gpu_hours", "GPU-hours, reckoned", ",.2f"),
    report.Column("pipeline_ms", "pipeline, ms a batch", ",.1f"),
    report.Column("pipeline_share", "of a step", ".1%"),
)
GROUPS = (
    report.Column("group", "rows of"),
    report.Column("alike", "networks", ",d"),
    report.Column("total", "10^15 operations", ",.0f"),
    report.Column("cpu_hours", "CPU-hours", ",.0f"),
    report.Column("gpu_hours", "GPU-hours, reckoned", ",.0f"),
)


@dataclass
class Costed:
    """What is known of a row, and of others that cost the same.

    Attributes:
        name: of the first of them.
        row: the first of them.
        counted: what `count_row` returned.
        measured: what `measure_row` returned; None where it was not measured.
        alike: how many rows cost the same, this one included.
    """

    name: str
    row: CostedRow
    counted: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, Any] | None = None
    alike: int = 1

    @property
    def total(self) -> float:
        """Operations of the whole row."""
        return self.counted["operations"] * self.row.steps


def table_rows(costed: Sequence[Costed], teraflops: float) -> list[dict[str, Any]]:
    """A row for each; `teraflops`: 10^12 operations in a second that a GPU is taken to sustain."""
    return [_row(each, teraflops) for each in costed]


def _row(each, teraflops):
    row = {"row": each.name, "alike": each.alike, "needs": each.row.needs, "batch": each.row.batch}
    row |= {"operations": each.counted["operations"] / 1e9, "steps": each.row.steps, "total": each.total / 1e15}
    row |= {"gpu_hours": each.total / (1e12 * teraflops) / 3600}
    if each.measured:
        seconds, pipeline = each.measured["seconds"], each.measured["pipeline"]
        row |= {"seconds": seconds, "images": each.measured["images"], "cpu_hours": seconds * each.row.steps / 3600}
        row |= {"pipeline_ms": 1e3 * pipeline, "pipeline_share": pipeline / seconds}
    return row


def group_rows(costed: Sequence[Costed], teraflops: float) -> list[dict[str, Any]]:
    """Sums over the rows of each folder at the beginning of their names; rows alike count as often as there are.

    CPU-hours are there where every row of the group was measured.
    """
    groups: dict[str, list[tuple[int, dict]]] = {}
    for each in costed:
        groups.setdefault(each.name.partition("/")[0], []).append((each.alike, _row(each, teraflops)))
    return [{"group": name, "alike": sum(n for n, _ in own), **_sums(own)} for name, own in groups.items()]


def _sums(own):
    keys = [key for key in ("total", "cpu_hours", "gpu_hours") if all(key in row for _, row in own)]
    return {key: sum(n * row[key] for n, row in own) for key in keys}


def text(costed: Sequence[Costed], teraflops: float, about: Mapping[str, Any]) -> str:
    """Both tables as Markdown, below paragraphs that say how the numbers came about.

    Args:
        costed: each row.
        teraflops: see `table_rows`.
        about: versions, units of the processor, day.
    """
    rows = table_rows(costed, teraflops)
    lines = [
        f"{where(about)}; {about['date']}.  Operations are counted in the graph of a step: convolutions, their "
        f"gradients, products of matrices.  GPU-hours are reckoned, not measured: these operations at {teraflops:g} * "
        "10^12 in a second, sustained.",
    ]
    if any(each.measured for each in costed):
        lines += [
            "",
            "CPU-hours: the seconds of a step times the steps, all threads of this processor at work.  A step with "
            "fewer images than its batch was scaled by the images.  A row without seconds was not measured: an image "
            "of it takes too long, or too much memory.",
        ]
    lines += ["", report.markdown(group_rows(costed, teraflops), GROUPS), report.markdown(rows, ROWS)]
    return "\n".join(lines)

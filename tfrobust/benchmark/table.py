"""What a benchmark says: a table of the times, a table of the goals, and where and with what it was measured."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from tfrobust import kernels, report
from tfrobust.benchmark.jobs import OURS
from tfrobust.benchmark.operations import giga
from tfrobust.benchmark.run import Measured, verdicts
from tfrobust.benchmark.setting import threads

TIMES = (
    report.Column("job", "work"),
    report.Column("side", "by"),
    report.Column("ms", "ms", ".2f"),
    report.Column("unit", "for a"),
    report.Column("spread", "spread", ".1%"),
    report.Column("times", "tfrobust is so many times as fast", ".2f"),
    report.Column("gflops", "GFLOP/s", ".0f"),
    report.Column("share", "of the matrix peak", ".0%"),
    report.Column("gib", "peak GiB", ".2f"),
    report.Column("results", "results"),
)
GOALS = tuple(report.Column(key, key) for key in ("job", "goal", "measured", "verdict"))


def time_rows(measured: Sequence[Measured], matrix_peak: float | None) -> list[dict[str, Any]]:
    """A row for each side of each job; arguments as for `verdicts`."""
    return [_row(each, side, matrix_peak) for each in measured for side in each.times]


def _row(each, side, peak):
    row = {"job": each.job.name, "side": side, "unit": each.job.unit, "what": each.job.what}
    row |= {"ms": 1e3 * each.seconds(side), "spread": each.times[side].spread}
    if side in each.memory:
        row["gib"] = each.memory[side] / 2**30
    if side != OURS:
        return {**row, "times": each.times_as_fast(side), "results": each.differences[side] or "agree"}
    if each.operations:
        row["gflops"] = giga(each.operations, each.times[OURS].median)
        row["share"] = row["gflops"] / peak if peak else None
    return row


def goal_rows(measured: Sequence[Measured], matrix_peak: float | None) -> list[dict[str, str]]:
    """A row for each goal; arguments as for `verdicts`."""
    return [row for each in measured for row in verdicts(each, matrix_peak)]


def processor() -> str:
    """The processor as Linux calls it, or else its architecture, and the threads that are used."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        name = lines[0] if lines else name
    except OSError:
        pass
    return f"{name}, {threads()} threads"


def units_of(flags: Set[str] | None) -> str:
    """The units of the processor that decide about kernels, in words; nothing where the system does not say."""
    if flags is None:
        return ""
    wide = [unit for unit in ("avx2", "avx512f", *sorted(kernels.ONEDNN_UNITS)) if unit in flags]
    return f" ({', '.join(wide) or 'none of the wide units'})"


def where(about: Mapping[str, Any]) -> str:
    """Processor, versions and kernels in words; `about` as for `text`."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items() if name != "onednn")
    onednn = "on" if about["versions"]["onednn"] else "off"
    return f"{processor()}{about['units']}; {versions}; oneDNN's kernels {onednn}"


def text(measured: Sequence[Measured], peaks: Mapping[str, float], about: Mapping[str, Any]) -> str:
    """Both tables as Markdown, below a paragraph that says where they were measured.

    Args:
        measured: of each job.
        peaks: GFLOP/s of matrix products and of a convolution; empty where they were not measured.
        about: command, rounds, versions of this side and of the others, missing packages, jobs that failed and their
          messages, units of the processor.
    """
    peak = peaks.get("matrix")
    lines = [
        f"{where(about)}; float32; {about['date']}.  Medians of {about['rounds']} rounds after a warm-up, the sides in "
        "turns; spread: the distance between the quartiles, as a share of the median.",
    ]
    if peaks:
        of = (f"{value:.0f} GFLOP/s in a {name}" for name, value in peaks.items())
        lines += ["", f"The peak that was measured: {', '.join(of).replace('matrix', 'product of matrices')}."]
    lines += ["", *(f"Skipped: {name} is not installed." for name in about["missing"])]
    lines += [f"Failed: {name}: {message}" for name, message in about["failed"].items()]
    lines += ["", report.markdown(goal_rows(measured, peak), GOALS), report.markdown(time_rows(measured, peak), TIMES)]
    lines += [f"- {each.job.name}: {each.job.what}." for each in measured]
    return "\n".join(lines) + "\n"


def spread_warning(measured: Sequence[Measured], most: float = 0.1) -> str | None:
    """A line for a machine that was not idle: spreads above `most`; None where there are none."""
    wide = [f"{each.job.name} ({side})" for each in measured for side, t in each.times.items() if t.spread > most]
    if not wide:
        return None
    return f"the times vary by more than {most:.0%}: {', '.join(wide)}; measure on an idle machine, or with more rounds"


def plain(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """What was measured, as plain values for a JSON file."""
    return [
        {
            "job": each.job.name,
            "what": each.job.what,
            "units": each.job.units,
            "seconds": {side: np.asarray(t.seconds).tolist() for side, t in each.times.items()},
            "operations": each.operations,
            "memory": dict(each.memory),
            "differences": dict(each.differences),
        }
        for each in measured
    ]

"""What a growth measurement says: a table of the fits, a table of the points, a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfrobust import report
from tfrobust.benchmark.fits import Fit, fit_growth
from tfrobust.benchmark.growth_plan import AXES, Point, size_of
from tfrobust.benchmark.table import where

# name of the axis -> its points, each with what `measure_point` found; None where its process was killed.
Measured = Mapping[str, Sequence[tuple[Point, Mapping[str, Any] | None]]]
QUANTITIES = {  # name -> key of what was found, the unit in what the key counts, the unit.
    "seconds": ("median", 1.0, "s"),
    "peak memory": ("bytes", 2.0**30, "GiB"),
    "counted operations": ("operations", 1e9, "10^9"),
}
DRAWN = ("seconds", "peak memory")
FITS = (
    report.Column("against", "against n"),
    report.Column("quantity", "of"),
    report.Column("line", "fitted line"),
    report.Column("off_line", "off the line at most", ".0%"),
    report.Column("exponent", "exponent", ".2f"),
    report.Column("off_power", "off the power law at most", ".0%"),
)
POINTS = (
    report.Column("against", "against n"),
    report.Column("n", "n", ",d"),
    report.Column("seconds", "s", ".3f"),
    report.Column("spread", "spread", ".0%"),
    report.Column("gib", "peak GiB", ".2f"),
    report.Column("operations", "10^9 operations", ",.1f"),
)


def point_rows(measured: Measured) -> list[dict[str, Any]]:
    """A row for each point of each axis."""
    return [_row(AXES[name], point, found or {}) for name, points in measured.items() for point, found in points]


def _row(axis, point, found):
    row = {"against": axis.what, "n": size_of(point, axis), "seconds": found.get("median")}
    for key, source, unit in (("gib", "bytes", 2**30), ("operations", "operations", 1e9)):
        row[key] = found[source] / unit if found.get(source) else None
    return {**row, "spread": found.get("spread")}


def fits_of(measured: Measured) -> dict[str, dict[str, Fit]]:
    """name of the axis -> quantity -> its fit, where two points were measured at least."""
    fits: dict[str, dict[str, Fit]] = {}
    for name, points in measured.items():
        for quantity in QUANTITIES:
            n, values = series(name, points, quantity)
            if len(n) > 1:
                fits.setdefault(name, {})[quantity] = fit_growth(n, values)
    return fits


def series(name: str, points: Sequence[tuple[Point, Mapping[str, Any] | None]], quantity: str):
    """What stands on the two axes of a panel.

    Args:
        name: of the axis.
        points: of it, as in Measured.
        quantity: one of QUANTITIES.

    Returns:
        (n, values) of the points that were measured.
    """
    key, unit, _ = QUANTITIES[quantity]
    known = [(size_of(point, AXES[name]), found[key] / unit) for point, found in points if found and found.get(key)]
    return [n for n, _ in known], [value for _, value in known]


def fit_rows(fits: Mapping[str, Mapping[str, Fit]]) -> list[dict[str, Any]]:
    """A row for each fit."""
    return [
        {"against": AXES[name].what, "quantity": quantity, "line": line_of(fit, quantity), **fit._asdict()}
        for name, own in fits.items()
        for quantity, fit in own.items()
    ]


def line_of(fit: Fit, quantity: str) -> str:
    """The fitted line in words."""
    unit = QUANTITIES[quantity][2]
    return f"{fit.start:.3g} {unit} {'-' if fit.slope < 0 else '+'} {abs(fit.slope):.3g} {unit} n"


def text(measured: Measured, base: Point, about: Mapping[str, Any]) -> str:
    """Both tables as Markdown, below a paragraph that says what was measured and where.

    Args:
        measured: each point.
        base: the point whose fields stay as they are while another one grows.
        about: rounds, versions, units of the processor, day.
    """
    rows = point_rows(measured)
    lines = [
        f"{where(about)}; float32; {about['date']}.  Medians of {about['rounds']} after a warm-up, each point in a "
        "process of its own; spread: the distance between the quartiles, as a share of the median.",
        "",
        f"A step is one of IG-SUM-NORM on the MNIST network (random images); while one thing grows, the others stay: "
        f"m = {base.path_points} (descent and inner attack), {base.attack_steps} steps of the inner attack, batch "
        f"{base.batch}, {base.side} x {base.side} pixels, one replica.  An evaluation is IFIA of {base.iterations} "
        f"iterations on maps of {base.path_points} points.",
        "",
        report.markdown(fit_rows(fits_of(measured)), FITS),
        report.markdown(rows, POINTS),
    ]
    if any(row["seconds"] is None for row in rows):
        lines.append("A row without numbers: its process was killed, most likely for the memory it took.")
    return "\n".join(lines).rstrip() + "\n"


def draw(measured: Measured, path: str) -> None:
    """Draws seconds and memory against each axis.

    Args:
        measured: each point.
        path: of the picture, PNG or SVG by its ending.
    """
    rows = []
    for name, own in fits_of(measured).items():
        if set(DRAWN) <= set(own):
            rows.append([_panel(name, measured[name], quantity, own[quantity]) for quantity in DRAWN])
    if rows:
        report.draw_growth(rows, path, "how time and memory grow")


def _panel(name, points, quantity, fit):
    n, values = series(name, points, quantity)
    said = f"{line_of(fit, quantity)}; exponent {fit.exponent:.2f}"
    label = f"{quantity}, {QUANTITIES[quantity][2]}"
    return report.Grown(AXES[name].what, label, list(zip(n, values)), (fit.start, fit.slope), said)


def plain(measured: Measured) -> dict[str, Any]:
    """Points and fits as plain values for a JSON file."""
    points = [
        {"against": name, "n": size_of(point, AXES[name]), **vars(point), **(found or {})}
        for name, own in measured.items()
        for point, found in own
    ]
    fits = {name: {key: fit._asdict() for key, fit in own.items()} for name, own in fits_of(measured).items()}
    return {"points": points, "fits": fits}

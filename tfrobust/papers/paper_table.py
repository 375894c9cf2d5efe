"""A paper's table with reported and measured side by side, as Markdown, LaTeX, CSV and HTML."""

import os
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from tfrobust.report.escaping import in_markdown, on_one_line
from tfrobust.report.page import html_page, html_table, html_text
from tfrobust.report.table import Column, as_csv, cell, markdown, write_json, write_text

SCALE = {"percent": (100.0, ".2f"), "fraction": (1.0, ".4f")}


class Cell(NamedTuple):
    """One number of a table.

    Attributes:
        line, column: where it stands.
        unit: of the printed number, percent or fraction.
        reported: as printed, None where nothing is.
        measured: in [0, 1], None where it was not.
        low, high: its 95 % interval; of several seeds, the least and the largest value of one.
        spread: standard deviation over seeds (with n - 1), None of one.
        values: of each seed, in [0, 1]; empty of one.
    """

    line: str
    column: str
    unit: str
    reported: float | None = None
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    values: tuple[float, ...] = ()

    def text(self) -> str:
        """reported / measured (difference), a dash for what is not there; of several seeds measured ± spread."""
        scale, spec = SCALE.get(self.unit, (1.0, ".4g"))
        shown = "-" if self.reported is None else format(self.reported, spec)
        if self.measured is None:
            return f"{shown} / -"
        measured = scale * self.measured
        difference = "" if self.reported is None else f" ({measured - self.reported:+{spec}})"
        spread = "" if self.spread is None else f" ± {format(scale * self.spread, spec)}"
        return f"{shown} / {format(measured, spec)}{spread}{difference}"

    def as_dict(self) -> dict[str, Any]:
        """Its numbers and their difference, in the unit that is printed."""
        scale, _ = SCALE.get(self.unit, (1.0, ""))
        scaled = {k: None if v is None else scale * v for k, v in self._asdict().items() if k in MEASURED}
        difference = None if None in (self.reported, self.measured) else scaled["measured"] - self.reported
        values = [scale * value for value in self.values]
        return {**self._asdict(), **scaled, "values": values, "difference": difference}


MEASURED = ("measured", "low", "high", "spread")


def joined(cells: Sequence[Cell]) -> Cell:
    """The cells of one number, measured from several seeds, as one with mean and spread."""
    values = [each.measured for each in cells if each.measured is not None]
    if len(values) < 2:
        return cells[0]
    mean, spread = statistics.mean(values), statistics.stdev(values)
    return cells[0]._replace(measured=mean, low=min(values), high=max(values), spread=spread, values=tuple(values))


def wide(lines: Sequence[dict[str, Any]], cells: Sequence[Cell]) -> tuple[list[dict[str, Any]], list[Column]]:
    """(rows, columns) of a table with a row per line of the paper: its cells, then what the line says of itself.

    Args:
        lines: what each line says of itself; its name is under "network".
        cells: of all lines.
    """
    headings = dict.fromkeys(each.column for each in cells)
    rows = []
    for line in lines:
        own = {each.column: each.text() for each in cells if each.line == line["network"]}
        rows.append({**own, **line})
    columns = [Column("network", "network"), *(Column(h, h) for h in headings)]
    own = (
        Column("steps", "steps", ",d"),
        Column("seconds", "train s", ".0f"),
        Column("evaluation_seconds", "eval s", ".0f"),
    )
    return rows, [*columns, *own, Column("raised", "diagnosis"), Column("note", "note")]


def latex(rows: Sequence[dict[str, Any]], columns: Sequence[Column], caption: str) -> str:
    """The table as a LaTeX tabular that needs no package.

    Args:
        rows: one dict each.
        columns: what is shown of them.
        caption: of the table.
    """
    body = [" & ".join(_tex(cell(row.get(c.key), c.format)) for c in columns) + r" \\" for row in rows]
    head = " & ".join(_tex(c.heading) for c in columns) + r" \\"
    lines = [
        r"\begin{table}",
        rf"\caption{{{_tex(caption)}}}",
        rf"\begin{{tabular}}{{{'l' * len(columns)}}}",
        r"\hline",
    ]
    return "\n".join([*lines, head, r"\hline", *body, r"\hline", r"\end{tabular}", r"\end{table}"]) + "\n"


def _tex(text: str) -> str:
    text = on_one_line(text)
    for character in "\\&%$#_{}":
        text = text.replace(character, r"\textbackslash{}" if character == "\\" else "\\" + character)
    return text.replace("^", r"\^{}").replace("~", r"\~{}")


def _as_text(value):
    return "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def write_paper_table(
    path: str,
    title: str,
    lines: Sequence[dict[str, Any]],
    cells: list[Cell],
    *,
    notes: Sequence[str],
    about: dict[str, Any],
) -> str:
    """Writes PATH.md, .tex, .csv (a line per number), .html and .json.

    Args:
        path: without an ending; its folder is made.
        title: of the table.
        lines: what each line says of itself; its name is under "network".
        cells: of all lines.
        notes: sentences below the table.
        about: what repeats it, for the JSON file.

    Returns:
        The table as Markdown.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    rows, columns = wide(lines, cells)
    columns = [c for c in columns if any(row.get(c.key) not in (None, "") for row in rows)]
    table = markdown(rows, columns)
    said = "\n".join(map(in_markdown, notes))
    write_text(path + ".md", f"# {in_markdown(title)}\n\n{table}\n{said}\n")
    write_text(path + ".tex", latex(rows, columns, title))
    write_text(path + ".html", html_page(title, [html_table(rows, columns), *map(html_text, notes)]))
    long = [
        {**each.as_dict(), **{k: v for k, v in line.items() if k != "network"}}
        for line in lines
        for each in cells
        if each.line == line["network"]
    ]
    long = [{key: _as_text(value) for key, value in row.items()} for row in long]
    keys = dict.fromkeys(key for row in long for key in row)
    write_text(path + ".csv", as_csv(long, [Column(key, key) for key in keys]))
    write_json(path + ".json", {"lines": list(lines), "cells": [each.as_dict() for each in cells], "about": about})
    return table

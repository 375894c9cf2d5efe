"""Tables of plain dicts: as Markdown (which is also what the screen shows), CSV and JSON."""

import csv
import io
import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from tfrobust.report.escaping import in_csv, in_markdown


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        key: of the row dict.
        heading: of the column.
        format: of a number, such as ".1%"; empty for text.
    """

    key: str
    heading: str
    format: str = ""


def cell(value: Any, spec: str) -> str:
    """One `value` as text in the format `spec`; a pair is a mean and its standard deviation, None is empty."""
    if value is None:
        return ""
    if isinstance(value, (tuple, list)):
        mean, deviation = value
        return f"{cell(mean, spec)} ± {cell(deviation, spec)}"
    return value if isinstance(value, str) else format(value, spec)


def markdown(rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> str:
    """A table as Markdown, its columns aligned, numbers to the right; columns that no row fills are left out.

    Args:
        rows: one dict each.
        columns: what is shown of them.
    """
    columns = [c for c in columns if any(row.get(c.key) is not None for row in rows)]
    headings = [in_markdown(c.heading) for c in columns]
    body = [[in_markdown(cell(row.get(c.key), c.format)) for c in columns] for row in rows]
    widths = [max(len(h), 3, *(len(line[i]) for line in body)) for i, h in enumerate(headings)]
    right = [c.format != "" for c in columns]

    def line(cells):
        padded = (t.rjust(w) if r else t.ljust(w) for t, w, r in zip(cells, widths, right))
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if r else "-") for w, r in zip(widths, right)) + "|"
    return "\n".join([line(headings), rule, *map(line, body)]) + "\n"


def as_csv(rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> str:
    """A table as CSV, with full precision; a pair becomes two columns, KEY and KEY_std.

    Args:
        rows: one dict each.
        columns: what is shown of them.
    """
    flat = []
    for row in rows:
        out = {}
        for c in columns:
            value = row.get(c.key)
            out[c.key], deviation = value if isinstance(value, (tuple, list)) else (value, None)
            if deviation is not None:
                out[c.key + "_std"] = deviation
        flat.append(out)
    keys = list(dict.fromkeys(key for row in flat for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, keys, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: in_csv(value) for key, value in row.items()} for row in flat)
    return text.getvalue()


def write_text(path: str, text: str) -> None:
    """Writes the `text` into the file of that `path`, whole or not at all."""
    try:
        with open(path + ".part", "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        if os.path.exists(path + ".part"):  # On a full disk, half a file would only be in the way.
            os.remove(path + ".part")
        raise
    os.replace(path + ".part", path)


def write_json(path: str, value: Any) -> None:
    """Writes the `value` as JSON into the file of that `path`, whole or not at all."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_records(path: str, records: Sequence[dict[str, Any]]) -> None:
    """Writes the `records` into the JSONL file of that `path`, a line each."""
    write_text(path, "".join(json.dumps(record) + "\n" for record in records))


def write_report(directory: str, name: str, *, page: str, values: Any, records: Sequence[dict[str, Any]]) -> str:
    """Writes a report as NAME.html, its numbers as NAME.json and a line for each record as NAME_records.jsonl.

    Args:
        directory: of the files, which exists.
        name: of the files.
        page: the report, HTML; it is written last.
        values: the numbers, as plain values.
        records: a dict each.

    Returns:
        The path of NAME.html.
    """
    path = os.path.join(directory, name)
    write_records(path + "_records.jsonl", records)
    write_json(path + ".json", values)
    write_text(path + ".html", page)
    return path + ".html"


def write_table(
    directory: str, name: str, rows: Sequence[dict[str, Any]], columns: Sequence[Column], about: dict[str, Any]
) -> None:
    """Writes a table as NAME.md, NAME.csv and NAME.json.

    Args:
        directory: of the files, which exists.
        name: of the files.
        rows: one dict each.
        columns: what is shown of them.
        about: specs, versions, whatever repeats the rows; for the JSON file.
    """
    path = os.path.join(directory, name)
    write_text(path + ".md", markdown(rows, columns))
    write_text(path + ".csv", as_csv(rows, columns))
    write_json(path + ".json", {"rows": list(rows), "about": about})

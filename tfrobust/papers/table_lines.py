"""The lines of a paper's table: which network, which printed numbers, and what is measured beside them."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tfrobust.evaluation import Suite
from tfrobust.papers import measurements as measure
from tfrobust.papers.measurements import Measurement
from tfrobust.papers.paper_table import Cell, joined
from tfrobust.papers.reported import PaperRow, Reported, paper_rows, reported_numbers, row_of
from tfrobust.papers.reproduction import Reproduction, Run
from tfrobust.papers.tables import tables
from tfrobust.types import InputError

# Units of what figures show without a number.
UNITS = {"accuracy": "percent", "epoch_seconds": "seconds"}


class Line(NamedTuple):
    """A network of the table.

    Attributes:
        row: which network it is.
        name: its name in the table.
        numbers: that the paper prints of it.
    """

    row: PaperRow
    name: str
    numbers: list[Reported]


def read_lines(paper: str, table: str, dataset: str, methods: Sequence[str] = ()) -> list[Line]:
    """The lines of a paper's table for one data set.

    Args:
        paper: the short name of a paper.
        table: of that paper, as `tables.tables()` names it.
        dataset: one of the data sets of the table.
        methods: only these methods of the table; empty: all.

    Raises:
        InputError: where there are no such lines.
    """
    own = [r for r in paper_rows() if (r.paper, r.table, r.dataset) == (paper, table, dataset)]
    numbers: dict[tuple, list[Reported]] = {}
    for n in reported_numbers():
        if (n.paper, n.table, n.dataset) == (paper, table, dataset):
            numbers.setdefault(row_of(n), []).append(n)
    models = {row.model for row in own}
    lines = []
    for row in own:
        if methods and row.method not in methods:
            continue
        model = f" [{row.model}]" if len(models) > 1 else ""
        name = f"{row.method}{model}{f' ({row.variant})' if row.variant else ''}"
        lines.append(Line(row, name, numbers.get(tuple(row[:6]), [])))
    if not lines:
        known = "; ".join(f"{name}: {', '.join(sets)}" for name, sets in tables().items() if name.startswith(paper))
        raise InputError(f"no rows for table {table}, {dataset}, {list(methods) or 'all methods'}; there are {known}")
    return lines


def columns_of(
    line: Line, suite: Suite, auto_level: str | None = None
) -> list[tuple[Measurement | None, Reported | None]]:
    """What is measured for a line: its numbers, or the points of a sweep.

    Args:
        line: of the table.
        suite: of the paper.
        auto_level: of the ensemble auto, by which each number of an attack on maps is measured once more; None: by
          none.

    Returns:
        [(measurement or None, printed number or None)].
    """
    if (line.row.paper, line.row.table) in (*measure.SWEEPS, *measure.FIGURES):
        wanted = [(m, None) for m in measure.sweep(line.row.paper, line.row.table, suite)]
    else:
        wanted = [(measure.measurement(n, suite), n) for n in line.numbers]
    more = [measure.under_auto(m, auto_level) for m, _ in wanted if m and m.attacks_maps] if auto_level else []
    return [*wanted, *((m, None) for m in dict.fromkeys(more))]


def measured(
    reproduction: Reproduction,
    line: Line,
    suite: Suite,
    columns: list[tuple[Measurement | None, Reported | None]],
) -> tuple[dict[str, Any], list[Cell]]:
    """Trains and evaluates the network of a line, where that can be.

    Args:
        reproduction: trains and evaluates.
        line: of the table.
        suite: of the paper.
        columns: what `columns_of` returned.

    Returns:
        (what the line says of itself, its cells).
    """
    known = [m for m, _ in columns if m]
    note, trained, summaries = line.row.left_out, None, {}
    if not note and not known:
        note = "its numbers are not measured by this project"
    if not note:
        source = functools.partial(source_of, reproduction, line)
        trained = reproduction.trained(line.row.flagfile, line.row.overrides.split())
        tasks = [m for m in known if m.task != measure.TIMES]
        summaries = reproduction.evaluated(trained, suite, tasks, source)
        if len(tasks) < len(known):
            others = summaries.setdefault("", {"summary": {}, "flags": {}, "seconds": 0.0})
            others["summary"][measure.TIMES] = times_of(trained, [m for m in known if m.task == measure.TIMES], source)
    cells = [cell(line, m, number, summaries) for m, number in columns]
    own: dict[str, Any] = {
        "network": line.name,
        "note": note,
        "flagfile": line.row.flagfile,
        "overrides": line.row.overrides,
    }
    if trained:
        own.update(steps=trained.steps, seconds=trained.seconds, run=trained.directory, seed=reproduction.settings.seed)
        own.update(evaluation_seconds=sum(found["seconds"] for found in summaries.values()), raised=raised(summaries))
    return own, cells


def times_of(run: Run, columns: Sequence[Measurement], source: Callable[[str], Run]) -> dict[str, dict]:
    """Times of training as the summary of a task.

    Args:
        run: whose training took them.
        columns: measurements of TIMES.
        source: method -> the run that it is compared with.

    Returns:
        key -> mean; there is no interval.
    """
    out = {}
    for m in columns:
        if m.source:
            value = run.step_seconds / source(m.source).step_seconds
        else:
            value = run.step_seconds * run.images / run.recipe.training.batch_size
        out[m.key] = {"mean": value, "low": None, "high": None}
    return out


def over_seeds(
    reproductions: Sequence[Reproduction],
    line: Line,
    suite: Suite,
    columns: list[tuple[Measurement | None, Reported | None]],
) -> tuple[dict[str, Any], list[Cell]]:
    """A line measured once for each seed.

    Args:
        reproductions: one for each seed.
        line: of the table.
        suite: of the paper.
        columns: what `columns_of` returned.

    Returns:
        (what the line says of itself, its cells with mean and spread).
    """
    found = [measured(own, line, suite, columns) for own in reproductions]
    if len(found) == 1:
        return found[0]
    lines, cells = zip(*found)
    own = dict(lines[0])
    for key in ("seconds", "evaluation_seconds"):
        if key in own:
            own[key] = sum(each[key] for each in lines)
    if "run" in own:
        own.update(runs=[each["run"] for each in lines], seeds=[each["seed"] for each in lines])
        own["raised"] = "; ".join(dict.fromkeys(filter(None, (each["raised"] for each in lines))))
        del own["run"], own["seed"]
    return own, [joined(each) for each in zip(*cells)]


def raised(summaries: Mapping[str, dict]) -> str:
    """The flags of the diagnosis that were raised in the `summaries` of `Reproduction.evaluated`, as text."""
    flags = [(task, flag) for found in summaries.values() for task, own in found["flags"].items() for flag in own]
    return "; ".join(f"{task}: {flag['name']} {flag['count']}/{flag['of']}" for task, flag in flags)


def source_of(reproduction: Reproduction, line: Line, method: str) -> Run:
    """The trained network of another method of the same table, on which an attack is made or maps are compared.

    Args:
        reproduction: trains it, unless it has been.
        line: of the table.
        method: the other one.
    """
    row = next(
        r
        for r in paper_rows()
        if (r.paper, r.dataset, r.model, r.method) == (line.row.paper, line.row.dataset, line.row.model, method)
        and r.flagfile
        and not r.overrides
    )
    return reproduction.trained(row.flagfile, [])


def cell(line: Line, m: Measurement | None, number: Reported | None, summaries: Mapping[str, dict]) -> Cell:
    """A number of the table.

    Args:
        line: to which it belongs.
        m: how it is measured; None where it is not.
        number: as printed; None where nothing is.
        summaries: what `Reproduction.evaluated` returned.
    """
    if m is None:
        what = " ".join(filter(None, (number.attribution, number.metric.replace("_", " "))))
        return Cell(line.name, what, number.unit, number.value)
    unit = number.unit if number else UNITS.get(m.key, "fraction")
    values = summaries.get(m.source if m.transferred else "")
    found = (values and m.read(values["summary"])) or {}
    printed = number.value if number else None
    return Cell(line.name, m.heading, unit, printed, found.get("value"), found.get("low"), found.get("high"))

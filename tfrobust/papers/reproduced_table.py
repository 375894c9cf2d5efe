"""A table of a paper, its networks trained and measured, written beside what the paper prints."""

import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from tfrobust import report
from tfrobust.evaluation import MapTask, Suite
from tfrobust.experiments.provenance import describe_source
from tfrobust.facts import FACTS
from tfrobust.papers import budgets
from tfrobust.papers.measurements import SWEEPS, Measurement
from tfrobust.papers.paper_table import Cell, write_paper_table
from tfrobust.papers.reproduction import ReadRecipe, Reproduction, ReproductionSettings
from tfrobust.papers.suites import make_suite
from tfrobust.papers.table_lines import Line, columns_of, over_seeds, read_lines
from tfrobust.progress import SILENT, Progress


class ReproducedTable(NamedTuple):
    """What was made of one table on one data set.

    Attributes:
        dataset: as the paper's rows name it.
        text: the table, as Markdown.
        notes: what a reader must know to believe it.
        cells: its numbers, reported and measured.
        path: of the files that were written, without their endings.
    """

    dataset: str
    text: str
    notes: list[str]
    cells: list[Cell]
    path: str


def reproduce_table(
    settings: ReproductionSettings,
    dataset: str,
    read_recipe: ReadRecipe,
    progress: Progress = SILENT,
    command: str = "",
) -> ReproducedTable:
    """One table on one data set, written to `settings.output` as its lines come in.

    Args:
        settings: which table, and by which means.
        dataset: one of the table's, as `tables.datasets_of` names them.
        read_recipe: (flagfile, overrides) -> Recipe, such as `flags.recipe_flags.read`.
        progress: is shown how far it is.
        command: what repeats it, kept beside the numbers.

    Raises:
        InputError: where the table has no such lines, or its images are not there.
    """
    lines = read_lines(settings.paper, settings.table, dataset, settings.methods)
    reproduction = Reproduction(settings, dataset, read_recipe, progress)
    suite = suite_of(settings, dataset, reproduction.shape)
    reproductions = [reproduction.seeded(settings.seed + i) for i in range(settings.seeds)]
    name = f"{settings.paper}_{settings.table}_{dataset}_{settings.budget}"
    path = os.path.join(settings.output, "tables", name + (f"_{settings.seeds}seeds" if settings.seeds > 1 else ""))
    about = {"command": command, "dataset": dataset, **describe_source()}
    done: list[dict[str, Any]] = []
    cells: list[Cell] = []
    began = time.perf_counter()
    for i, line in enumerate(lines):
        left = (time.perf_counter() - began) / i * (len(lines) - i) if i else None
        eta = f", about {left / 60:.0f} min left" if left else ""
        progress.say(f"[{i + 1}/{len(lines)}] {settings.paper} {settings.table} {dataset}: {line.name}{eta}")
        columns = columns_of(line, suite, settings.auto_level)
        own, new = over_seeds(reproductions, line, suite, columns)
        done.append(own)
        cells += new
        notes = [*_notes(settings, reproduction), *_as_run([m for m, _ in columns if m])]
        text = write_paper_table(path, title_of(settings, dataset), done, cells, notes=notes, about=about)
    if (settings.paper, settings.table) in SWEEPS:
        draw_sweep(path + ".png", lines, cells, title_of(settings, dataset))
    return ReproducedTable(dataset, text, notes, cells, path)


def suite_of(settings: ReproductionSettings, dataset: str, shape: Sequence[int]) -> Suite:
    """The paper's suite for a data set, at the budget.

    Args:
        settings: which paper and budget.
        dataset: as the paper's rows name it.
        shape: (H, W, C) of its images.
    """
    side = FACTS[dataset.removesuffix("_c")].shape[0]
    suite = make_suite(settings.paper, dataset.removesuffix("_c"), shape)
    return budgets.evaluated(suite, shape, side, budgets.BUDGETS[settings.budget])


def draw_sweep(path: str, lines: Sequence[Line], cells: Sequence[Cell], heading: str) -> None:
    """A PNG of measured numbers over what is swept.

    What is swept are the overrides of the lines, or what the headings of the columns end in.

    Args:
        path: of the picture.
        lines: of the table.
        cells: its numbers.
        heading: of the picture.
    """
    curves: dict[str, list] = {}
    by_line = {line.name: line for line in lines}
    for c in cells:
        if c.measured is None:
            continue
        row = by_line[c.line].row
        what, _, value = (row.variant or c.column.replace(" at ", "=").replace(" beta ", "=beta ")).rpartition("=")
        curve = f"{row.method}: {c.column} over {what}" if row.variant else f"{row.method}: {what}"
        number = value.removeprefix("beta ")
        above, _, below = number.partition("/")
        curves.setdefault(curve, []).append((float(above) / float(below or 1), c.measured, c.low, c.high))
    if curves:
        report.draw_curves(curves, path, heading, "measured", "swept value")


def title_of(settings: ReproductionSettings, dataset: str) -> str:
    """The heading of a table: paper, table, `dataset`, budget and seeds."""
    last = settings.seed + settings.seeds - 1
    seeds = f"seed {settings.seed}" if settings.seeds == 1 else f"seeds {settings.seed} to {last}"
    made = f"budget {settings.budget}, {seeds}"
    return f"{settings.paper.upper()} {settings.table}, {dataset}: reported and measured ({made})"


def _notes(settings: ReproductionSettings, reproduction: Reproduction) -> list[str]:
    """What a reader must know to believe the table."""
    out = [f"Each cell: reported / measured (difference). {reproduction.data_note()}"]
    if settings.seeds > 1:
        out.append(f"Measured: mean ± standard deviation over {settings.seeds} seeds; the data are split once.")
    if (settings.paper, settings.table) == ("rar", "F1"):
        out.append("Reported: one image, which the paper does not name further; measured: means over all.")
    budget = budgets.BUDGETS[settings.budget]
    if budget is not None:
        caps = {name: value for name, value in budget._asdict().items() if value != ""}
        said = ", ".join(f"{name} {value}" for name, value in caps.items())
        out.append(f"Budget {settings.budget}, no reproduction of the paper's setting; each of these is a cap: {said}.")
    return out


def _as_run(columns: Sequence[Measurement]) -> list[str]:
    """The attacks behind the columns as they were really run, because the headings are the paper's."""
    lines = {}
    for m in columns:
        attack = m.spec.attack if isinstance(m.spec, MapTask) else m.spec
        if m.how:
            lines[m.task] = f"- {m.task}: {m.how}"
        if attack is not None:
            lines[m.task] = f"- {m.task}: {attack.describe()}"
    return ["As run:", *lines.values()] if lines else []

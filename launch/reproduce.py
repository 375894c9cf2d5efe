"""Trains what a table of a paper needs, evaluates it, and writes the table with reported and measured side by side.

    python -m launch.reproduce --paper=rar --table=T2 --dataset=mnist --data_dir=DATA --budget=cpu

--budget: paper (its own settings, for a machine with GPUs), cpu (minutes for a row on two cores) or smoke (seconds;
numbers without meaning).  Leaves in --output: runs/ (one folder for each network, see launch.train, shared by all
tables that need it) and tables/PAPER_TABLE_DATASET_BUDGET.md, .tex, .csv, .html, .json, with a .png for a sweep.
Interrupted, the same command goes on with what is missing.  --list prints the tables there are.
"""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Dict, List

from absl import flags

from flags.parsers import define_memory, define_points
from launch import budgets
from launch.command_line import verb
from launch.tables import datasets_of, tables
from tfrobust import report
from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError
from tfrobust.facts import FACTS

if TYPE_CHECKING:
    from launch.bench import Bench
    from launch.lines import Line

PAPERS = ("rar", "art", "er", "far", "sat")


def reproduce_flags(fv: flags.FlagValues) -> None:
    """Which table, at what budget, and where to."""
    where = {"flag_values": fv}
    flags.DEFINE_enum("paper", None, PAPERS, "Paper. Required.", **where)
    flags.DEFINE_string("table", None, "Table or sweep of it, as --list names them. Required.", **where)
    flags.DEFINE_string("dataset", None, "One data set of the table (all unless given).", **where)
    flags.DEFINE_list("methods", [], "These methods of the table alone.", **where)
    flags.DEFINE_enum("budget", "paper", list(budgets.BUDGETS), "How much work a row may be.", **where)
    flags.DEFINE_integer("seed", 0, "Of training and evaluation.", **where)
    flags.DEFINE_string("data_dir", None, "Folder of the data sets (see launch.train).", **where)
    flags.DEFINE_string(
        "source", None, "Part of the data set, .npz or a folder of images, to use instead of the whole.", **where
    )
    flags.DEFINE_bool("download", False, "Let TFDS download a data set that is not there.", **where)
    flags.DEFINE_string("output", "reproduced", "Folder of runs and tables.", **where)
    flags.DEFINE_integer("evaluation_batch", 100, "Images held at once.", lower_bound=1, **where)
    define_points("map_chunk", "Path points held at once (all unless given); auto: what --memory_gb allows.", fv)
    define_memory(fv)
    flags.DEFINE_bool("list", False, "Print the tables and their data sets, and do nothing else.", **where)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for tables and data sets that there are not."""
    if fv.list:
        return
    if not fv.paper or not fv.table:
        raise InputError("--paper and --table are required; --list prints what there is")
    datasets_of(fv)


def reproduce(fv: flags.FlagValues) -> None:
    if fv.list:
        print("\n".join(f"{name:8} {', '.join(sets)}" for name, sets in tables().items()))
        return
    make_writable_folder(fv.output)
    for dataset in datasets_of(fv):
        reproduce_table(fv, dataset)


def reproduce_table(fv, dataset: str) -> None:
    """One table on one data set, written as its lines come in."""
    from launch.bench import Bench
    from launch.lines import columns_of, measured, read_lines
    from launch.measurements import SWEEPS

    lines = read_lines(fv, dataset)
    bench = Bench(fv, dataset)
    name = f"{fv.paper}_{fv.table}_{dataset}_{fv.budget}"
    path = os.path.join(fv.output, "tables", name)
    done, cells, began = [], [], time.perf_counter()
    columns = functools.partial(columns_of, suite=suite_of(fv, dataset, bench.shape))
    for i, line in enumerate(lines):
        left = (time.perf_counter() - began) / i * (len(lines) - i) if i else None
        eta = f", about {left / 60:.0f} min left" if left else ""
        print(f"[{i + 1}/{len(lines)}] {fv.paper} {fv.table} {dataset}: {line.name}{eta}", flush=True)
        own, new = measured(bench, line, columns(line, lines))
        done.append(own)
        cells += new
        said = [*notes(fv, bench), *as_run([m for m, _ in columns(line, lines)[1] if m])]
        table = report.write_paper_table(path, title(fv, dataset), done, cells, said, about_it(fv, dataset))
    if (fv.paper, fv.table) in SWEEPS:
        draw_sweep(path + ".png", lines, cells, title(fv, dataset))
    print(f"\n{table}")
    print("\n".join(said))
    print(f"written: {path}.md, .tex, .csv, .html, .json")


def suite_of(fv, dataset, shape):
    """The paper's suite for the data set, at the budget."""
    from tfrobust.evaluation import make_suite

    side = FACTS[dataset.removesuffix("_c")].shape[0]
    suite = make_suite(fv.paper, dataset.removesuffix("_c"), shape)
    return budgets.evaluated(suite, shape, side, budgets.BUDGETS[fv.budget])


def draw_sweep(path: str, lines: List[Line], cells, heading: str) -> None:
    """Measured numbers over what is swept: the overrides of the lines, or what the headings of the columns end in."""
    curves: Dict[str, list] = {}
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


def title(fv, dataset: str) -> str:
    return f"{fv.paper.upper()} {fv.table}, {dataset}: reported and measured (budget {fv.budget}, seed {fv.seed})"


def notes(fv, bench: Bench) -> List[str]:
    """What a reader must know to believe the table."""
    out = [f"Each cell: reported / measured (difference). {bench.data_note()}"]
    budget = budgets.BUDGETS[fv.budget]
    if budget is not None:
        caps = {name: value for name, value in budget._asdict().items() if value != ""}
        settings = ", ".join(f"{name} {value}" for name, value in caps.items())
        out.append(f"Budget {fv.budget}, no reproduction of the paper's setting; each of these is a cap: {settings}.")
    return out


def as_run(columns) -> List[str]:
    """The attacks behind the columns, as they were run: a heading is the paper's."""
    lines = {}
    for m in columns:
        spec = m.spec[1] if isinstance(m.spec, tuple) else m.spec
        if m.how:
            lines[m.task] = f"- {m.task}: {m.how}"
        if spec is not None:
            at = f"{spec.method} ({spec.norm}, eps {spec.eps:.4g}, {spec.steps} steps of {spec.step_size:.3g}"
            lines[m.task] = f"- {m.task}: {at}{f', k {spec.k}' if isinstance(m.spec, tuple) else ''})"
    return ["As run:", *lines.values()] if lines else []


def about_it(fv, dataset: str) -> dict:
    from launch.versions import about_source

    command = " ".join(f"--{name}={fv[name].value}" for name in sorted(fv) if fv[name].present)
    return {"command": f"python -m launch.reproduce {command}", "dataset": dataset, **about_source()}


def main(argv=None) -> int:
    return verb.run("reproduce", __doc__, (reproduce_flags,), reproduce, argv, check)


if __name__ == "__main__":
    verb.as_process(main)

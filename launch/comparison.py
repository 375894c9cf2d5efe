"""Several methods trained and evaluated, each beside PGD training at equal steps and at equal time (launch.compare)."""

import functools
import json
import os
from typing import Dict, List, NamedTuple

import numpy as np
from absl import flags

from flags import data_flags, evaluation_flags
from launch import rows as launch_rows
from launch.columns import COLUMNS, COSTS, diagnosis, legend
from launch.command_line import verb
from launch.command_line.progress import SCREEN
from launch.evaluations import evaluated
from launch.saliency import with_saliency
from launch.single_evaluation import pick_panels
from launch.trained_rows import train_row
from launch.versions import about
from tfrobust import report, training
from tfrobust.data import ImageData, training_batches
from tfrobust.errors import InputError
from tfrobust.evaluation import Evaluation
from tfrobust.experiments.folder_lock import claimed

PICTURED = 2
UNCONTROLLED = ("natural", "madry")
SAME = 0.2


class Entry(NamedTuple):
    """One line of the table: the flagfile and what overrides it, the cost of a step (of the cheapest row: 1), and the
    line of PGD training that takes as long."""

    name: str
    flagfile: str
    overrides: List[str]
    cost: float = 1.0
    beside: str = ""

    def row(self, *overrides: str) -> launch_rows.Row:
        return launch_rows.read_row(self.flagfile, [*self.overrides, *overrides], self.name)


def read_entries(fv) -> List[Entry]:
    """The rows of --rows, checked: what is wrong shows before an hour of training, not after."""
    source = launch_rows.same_source(fv)
    entries = [Entry(launch_rows.name_of(f), f, [*fv.overrides, *source]) for f in fv.rows]
    if len({e.name for e in entries}) < len(entries):
        raise InputError("two of --rows have the same file name")
    methods = set()
    for entry in entries:
        for seed in fv.seeds:
            row = entry.row(f"--seed={seed}")
        methods.add(row.flags.method)
        if row.flags.dataset != fv.dataset:
            raise InputError(f"{entry.flagfile} trains on {row.flags.dataset}, the evaluation is on {fv.dataset}")
        if fv.evaluate_on == "held_out" and row.flags.hold_out < fv.hold_out:
            raise InputError(f"{entry.flagfile} trains on images that are held out for the evaluation (--hold_out)")
    if fv.controls and methods - set(UNCONTROLLED) and "madry" not in methods:
        raise InputError("--controls needs a row whose method is madry: add one, or pass --nocontrols")
    return entries


def training_data(fv):
    """row -> the images it trains on, with its saliency maps; each set read once."""

    loaded, known = data_flags.load(fv), {}

    def data(row) -> ImageData:
        own = (row.flags[name].value for name in ("hold_out", "augmentation", "per_class", "equalize", "method"))
        key = *own, tuple(row.flags.saliency)
        if key not in known:
            known[key] = with_saliency(row, data_flags.prepared(loaded, row.flags, evaluate_on="test"))
        return known[key]

    return data


def step_seconds(entries: List[Entry], data, path: str) -> Dict[str, float]:
    """Seconds of a training step of each entry; measured once per comparison and kept in the file `path`."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            seconds = json.load(file)
        if set(seconds) == {e.name for e in entries}:
            return seconds
    methods = {}
    for row in (e.row() for e in entries):
        network = functools.partial(launch_rows.new_network, row, data(row))
        methods[row.name] = network, row.objective, training_batches(data(row), row.spec.batch_size, 0)
    progress = SCREEN.bar(6 * len(entries), "cost of a step")
    seconds = training.step_seconds(methods, tick=progress.update)
    progress.close()
    report.write_json(path, seconds)
    return seconds


def with_controls(entries: List[Entry], rows: Dict[str, launch_rows.Row]) -> List[Entry]:
    """The entries, of these rows by name, and for each robust one madry with its steps and madry with its time; one
    that differs by at most 20 % from another stands for both."""
    madry = next((e for e in entries if rows[e.name].flags.method == "madry"), None)
    if madry is None:
        return entries
    plan, out, beside = rows[madry.name].spec, [], {}
    taken = {plan.steps: madry.name}
    for entry in entries:
        row = rows[entry.name]
        if row.flags.method in UNCONTROLLED:
            continue
        equal_time = round(row.spec.steps * entry.cost / madry.cost)
        for steps, what in ((row.spec.steps, "steps"), (equal_time, "time")):
            near = [other for other in taken if abs(steps - other) <= SAME * steps]
            if near:
                beside[entry.name] = taken[min(near, key=lambda other: abs(steps - other))]
            else:
                overrides = launch_rows.lasting(rows[madry.name], steps)
                name = f"{madry.name}, {what} of {entry.name}"
                taken[steps] = beside[entry.name] = name
                out.append(Entry(name, madry.flagfile, madry.overrides + overrides, madry.cost))
    return [entry._replace(beside=beside.get(entry.name, "")) for entry in entries] + out


def run_folder(fv, entry: Entry, row: launch_rows.Row) -> str:
    """Where a run of an entry lives; controls, whose length depends on measured times, carry it in their name."""
    name = entry.name.replace(", ", "_").replace(" ", "_")
    if entry.name.startswith(row.name) and ", " in entry.name:
        name += f"_{row.spec.steps}"
    return os.path.join(fv.output, f"seed{row.spec.seed}", name)


def joined(lines: List[dict]) -> dict:
    """One line from those of several seeds: numbers as (mean, standard deviation)."""
    if len(lines) == 1:
        return lines[0]
    out = {}
    for key in dict.fromkeys(key for line in lines for key in line):
        values = [line[key] for line in lines if key in line]
        out[key] = values[0]
        if isinstance(values[0], (int, float)) and key not in ("steps", "cost"):
            out[key] = (float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0)
    return out


def compare(fv: flags.FlagValues) -> str:
    """Does what the flags say and returns the table as Markdown."""
    with claimed(verb.output_folder(fv.output), progress=SCREEN):
        return compared(fv)


def compared(fv: flags.FlagValues) -> str:
    """The same in --output, which is ours."""
    spec = evaluation_flags.from_flags(fv)
    entries = read_entries(fv)
    test_data, data = data_flags.from_flags(fv), training_data(fv)
    spec.check(test_data.shape)
    rows = {e.name: launch_rows.at(e.row(), data(e.row())) for e in entries}
    for row in rows.values():
        launch_rows.check_row(row, data(row))
    seconds = step_seconds(entries, data, os.path.join(fv.output, "costs.json"))
    entries = [e._replace(cost=seconds[e.name] / min(seconds.values())) for e in entries]
    entries = with_controls(entries, rows) if fv.controls else entries
    results, first = {e.name: [] for e in entries}, {}
    for s, seed in enumerate(fv.seeds):
        for i, entry in enumerate(entries):
            row = entry.row(f"--seed={seed}")
            row = launch_rows.at(row, data(row))
            directory = run_folder(fv, entry, row)
            print(f"[{s * len(entries) + i + 1}/{len(entries) * len(fv.seeds)}] {entry.name}, seed {seed}", flush=True)
            trained = train_row(row, data(row), directory)
            result = evaluated(directory, test_data, spec, fv)
            first.setdefault(entry.name, result)
            line = {"network": entry.name, "steps": row.spec.steps, "seconds": trained.seconds, "cost": entry.cost}
            line["beside"] = entry.beside or None
            results[entry.name].append({**line, **result.summary})
    lines = [joined(results[entry.name]) for entry in entries]
    everything = {**about(fv, spec.as_dict()), "seeds": fv.seeds, "runs": results}
    report.write_table(fv.output, fv.name, lines, COLUMNS, everything)
    report.write_text(os.path.join(fv.output, fv.name + ".flags"), fv.flags_into_string())
    picture(os.path.join(fv.output, f"{fv.name}.png"), first)
    summary = max((line for runs in results.values() for line in runs), key=lambda r: r["attribution_examples"])
    flags = diagnosis({name: result.flags for name, result in first.items()})
    return f"{report.markdown(lines, COLUMNS)}\n{COSTS}{legend(summary, spec.as_dict())}\n\nSeed {fv.seeds[0]}: {flags}"


def picture(path: str, results: Dict[str, Evaluation]) -> None:
    """Panels of the first examples that every network predicted correctly: none is chosen for its looks."""
    attacked = [[r["index"] for r in result.records if "kendall" in r] for result in results.values()]
    common = [index for index in attacked[0] if all(index in others for others in attacked)][:PICTURED]
    if common:
        panels = [panel for name, result in results.items() for panel in pick_panels(name, result, common)]
        report.draw_panels(panels, path, "Attributions under attack, same images for every network", len(common))

"""Trains and evaluates several methods, each beside PGD training at equal steps and at equal time, into one table.

    python -m launch.compare --rows=flags/rar/mnist/natural_cpu.flags,flags/rar/mnist/madry_cpu.flags,... \\
        --flagfile=flags/rar/mnist/evaluate_cpu.flags --data_dir=DATA --seeds=0,1,2 --output=runs/rar_mnist

A robust method costs many times a step of PGD training, so beating PGD training at equal steps says little.  With
--controls, every row whose method is neither natural nor madry brings two more: madry with as many steps, and madry
with as many steps as fit into its time.  The cost of a step is measured in turns in one process at the start.

Finished runs are not repeated: the same command goes on where it was stopped.  Prints the table; leaves NAME.md,
.csv, .json and .png (NAME is --name) and the run of each row (see launch.train) in --output.
"""

import json
import os
import sys
from typing import Dict, List, NamedTuple

import numpy as np
from absl import flags

from flags import data_flags, evaluation_flags
from launch import rows as launch_rows
from launch import verb
from launch.columns import COLUMNS, legend
from launch.evaluate import load_network, pick_panels
from launch.progress import bar
from tfrobust import report, training
from tfrobust.data import ImageData, to_unit, training_batches
from tfrobust.evaluation import Evaluation, EvaluationSpec, evaluate
from tfrobust.evaluation.attributions import Maps
from tfrobust.types import InputError

PICTURED = 2
UNCONTROLLED = ("natural", "madry")


def comparison_flags(fv: flags.FlagValues) -> None:
    """What is compared, and where to."""
    flags.DEFINE_list("rows", None, "Flagfiles of the methods, as launch.train takes them. Required.", flag_values=fv)
    flags.DEFINE_list("seeds", ["0"], "Seeds; each trains and evaluates every row.", flag_values=fv)
    flags.DEFINE_bool("controls", True, "Add madry at equal steps and at equal time.", flag_values=fv)
    flags.DEFINE_string("output", None, "Folder of the table and the runs. Required.", flag_values=fv)
    flags.DEFINE_string("name", "comparison", "Name of the table: another evaluation of the same runs.", flag_values=fv)
    flags.mark_flags_as_required(["rows", "output"], fv)


ROOMS = (data_flags.define, evaluation_flags.define, comparison_flags)


class Entry(NamedTuple):
    """One line of the table: the flagfile and what overrides it, and the cost of a step (of the cheapest row: 1)."""

    name: str
    flagfile: str
    overrides: List[str]
    cost: float

    def row(self, *overrides: str) -> launch_rows.Row:
        return launch_rows.read_row(self.flagfile, [*self.overrides, *overrides], self.name)


def read_entries(fv, data: ImageData) -> List[Entry]:
    """The rows of --rows, then the controls of --controls."""
    data_overrides = [f"--dataset={fv.dataset}"]
    entries = [Entry(os.path.basename(f).removesuffix(".flags"), f, data_overrides, 1.0) for f in fv.rows]
    if len({e.name for e in entries}) < len(entries):
        raise InputError("two of --rows have the same file name")
    for entry in entries:  # What is wrong shows before an hour of training, not after.
        for seed in fv.seeds:
            entry.row(f"--seed={seed}")
    seconds = step_seconds(entries, data, os.path.join(fv.output, "costs.json"))
    entries = [e._replace(cost=seconds[e.name] / min(seconds.values())) for e in entries]
    return entries + (controls(entries) if fv.controls else [])


def step_seconds(entries: List[Entry], data: ImageData, path: str) -> Dict[str, float]:
    """Seconds of a training step of each entry; measured once per comparison and kept in the file `path`."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            seconds = json.load(file)
        if set(seconds) == {e.name for e in entries}:
            return seconds
    rows = [e.row() for e in entries]
    methods = {row.name: (lambda row=row: launch_rows.new_network(row, data), row.objective) for row in rows}
    progress = bar(6 * len(rows), "cost of a step")
    batches = training_batches(data, rows[0].spec.batch_size, 0)
    seconds = training.step_seconds(methods, batches, tick=progress.update)
    progress.close()
    report.write_json(path, seconds)
    return seconds


def controls(entries: List[Entry]) -> List[Entry]:
    """For each robust entry madry with its steps and madry with its time; one that differs by at most 10 % from
    another stands for both."""
    rows = {e.name: e.row() for e in entries}
    madry = next((e for e in entries if rows[e.name].flags.method == "madry"), None)
    if madry is None:
        return []
    plan, out = rows[madry.name].spec, []
    taken = {plan.steps}
    for entry in entries:
        row = rows[entry.name]
        if row.flags.method in UNCONTROLLED:
            continue
        equal_time = round(row.spec.steps * entry.cost / madry.cost)
        for steps, what in ((row.spec.steps, "steps"), (equal_time, "time")):
            if not any(abs(steps - other) <= 0.1 * steps for other in taken):
                taken.add(steps)
                spec = plan.lasting(steps)
                overrides = [
                    f"--steps={steps}",
                    f"--boundaries={','.join(map(str, spec.boundaries))}",
                    f"--eps_ramp_steps={spec.eps_ramp_steps}",
                ]
                name = f"{madry.name}, {what} of {entry.name}"
                out.append(Entry(name, madry.flagfile, madry.overrides + overrides, madry.cost))
    return out


def evaluated(directory: str, data: ImageData, spec: EvaluationSpec, fv) -> Evaluation:
    """The evaluation of the network in `directory`: the one that is there, if made with this spec, else a new one."""
    path, maps_path = (os.path.join(directory, fv.name + ending) for ending in (".json", "_maps.npz"))
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            old = Evaluation(maps=None, **json.load(file))
        with np.load(maps_path, allow_pickle=False) as file:
            arrays = dict(file)
        scores = {k[7:]: arrays.pop(k) for k in list(arrays) if k.startswith("scores_")}
        if old.spec == json.loads(json.dumps(spec.as_dict())):
            return old._replace(maps=Maps(**arrays, scores=scores) if arrays else None)
    network = load_network(os.path.join(directory, launch_rows.NETWORK))
    result = evaluate(network, to_unit(data.x_test), data.y_test, spec, fv.evaluation_batch, fv.map_chunk, bar)
    arrays = {}
    if result.maps:
        arrays = result.maps._asdict()
        arrays.update({f"scores_{k}": v for k, v in arrays.pop("scores").items()})
    np.savez_compressed(maps_path, **arrays)
    report.write_json(path, {k: v for k, v in result._asdict().items() if k != "maps"})
    return result


def joined(lines: List[dict]) -> dict:
    """One line from those of several seeds: numbers as (mean, standard deviation)."""
    out = dict(lines[0])
    if len(lines) > 1:
        for key in out:
            values = [line.get(key) for line in lines]
            if isinstance(values[0], (int, float)) and key not in ("steps", "cost"):
                numbers = [v for v in values if v is not None]
                out[key] = (float(np.mean(numbers)), float(np.std(numbers, ddof=1)) if len(numbers) > 1 else 0.0)
    return out


def compare(fv: flags.FlagValues) -> str:
    """Does what the flags say and returns the table as Markdown."""
    verb.output_folder(fv.output)
    data = data_flags.from_flags(fv)
    spec = evaluation_flags.from_flags(fv)
    spec.check(data.shape)
    entries = read_entries(fv, data)
    results, first = {e.name: [] for e in entries}, {}
    for s, seed in enumerate(fv.seeds):
        for i, entry in enumerate(entries):
            row = entry.row(f"--seed={seed}")
            directory = os.path.join(fv.output, f"seed{seed}", entry.name.replace(", ", "_").replace(" ", "_"))
            print(f"[{s * len(entries) + i + 1}/{len(entries) * len(fv.seeds)}] {entry.name}, seed {seed}", flush=True)
            trained = launch_rows.train_row(row, data, directory, launch_rows.resolved(row.flags))
            result = evaluated(directory, data, spec, fv)
            first.setdefault(entry.name, result)
            line = {"network": entry.name, "steps": row.spec.steps, "seconds": trained.seconds, "cost": entry.cost}
            results[entry.name].append({**line, **result.summary})
    lines = [joined(results[entry.name]) for entry in entries]
    about = {"evaluation": spec.as_dict(), "seeds": fv.seeds, "runs": results}
    report.write_table(fv.output, fv.name, lines, COLUMNS, about)
    picture(os.path.join(fv.output, f"{fv.name}.png"), first)
    summary = results[entries[0].name][0]
    return report.markdown(lines, COLUMNS) + "\n" + legend(summary, spec.as_dict())


def picture(path: str, results: Dict[str, Evaluation]) -> None:
    """Panels of the first examples that every network predicted correctly: none is chosen for its looks."""
    attacked = [[r["index"] for r in result.records if "kendall" in r] for result in results.values()]
    common = [index for index in attacked[0] if all(index in others for others in attacked)][:PICTURED]
    if common:
        panels = [panel for name, result in results.items() for panel in pick_panels(name, result, common)]
        report.draw_panels(panels, path, "Attributions under attack, same images for every network", len(common))


def print_comparison(fv: flags.FlagValues) -> None:
    table = compare(fv)
    print(f"\n{table}\nwritten: {fv.output}/{fv.name}.md, .csv, .json, .png")


def main(argv=None) -> int:
    return verb.run("compare", __doc__, ROOMS, print_comparison, argv)


if __name__ == "__main__":
    sys.exit(main())

"""Several methods trained and evaluated, each beside PGD training at equal steps and at equal time (launch.compare)."""

import functools
import json
import os
from dataclasses import replace
from typing import Callable, Dict, List, NamedTuple

import numpy as np
from absl import flags

from flags import data_flags, evaluation_flags, recipe_flags
from flags.parsing import parse_seeds
from launch.columns import COLUMNS, COSTS, diagnosis, legend
from launch.command_line.progress import SCREEN
from launch.evaluations import evaluated
from launch.single_evaluation import pick_panels
from launch.versions import about
from tfrobust import report, training
from tfrobust.checks import make_writable_folder
from tfrobust.data import ImageData, training_batches
from tfrobust.errors import InputError
from tfrobust.evaluation import Evaluation
from tfrobust.experiments import training_run
from tfrobust.experiments.folder_lock import claimed
from tfrobust.experiments.recipe import DataSpec, Recipe
from tfrobust.experiments.saliency_maps import with_saliency

PICTURED = 2
UNCONTROLLED = ("natural", "madry")
SAME = 0.2


class Entry(NamedTuple):
    """One line of the table: its recipe, whose name it has, the cost of a step (of the cheapest recipe: 1), the line of
    PGD training that takes as long, and the recipe that it is a longer or shorter form of."""

    recipe: Recipe
    cost: float = 1.0
    beside: str = ""
    control_of: str = ""

    @property
    def name(self) -> str:
        return self.recipe.name


def read_entries(fv) -> List[Entry]:
    """The recipes of --rows, checked: what is wrong shows before an hour of training, not after."""
    given = [*fv.overrides, *recipe_flags.source_overrides(fv)]
    recipes = [recipe_flags.read(path, given, recipe_flags.name_of(path)) for path in fv.rows]
    if len({recipe.name for recipe in recipes}) < len(recipes):
        raise InputError("two of --rows have the same file name")
    for path, recipe in zip(fv.rows, recipes):
        for seed in parse_seeds(fv.seeds):
            recipe.seeded(seed)
        if recipe.data.name != fv.dataset:
            raise InputError(f"{path} trains on {recipe.data.name}, the evaluation is on {fv.dataset}")
        if fv.evaluate_on == "held_out" and recipe.data.hold_out < fv.hold_out:
            raise InputError(f"{path} trains on images that are held out for the evaluation (--hold_out)")
    methods = {recipe.method for recipe in recipes}
    if fv.controls and methods - set(UNCONTROLLED) and "madry" not in methods:
        raise InputError("--controls needs a row whose method is madry: add one, or pass --nocontrols")
    return [Entry(recipe) for recipe in recipes]


def training_data(data: DataSpec) -> Callable[[Recipe], ImageData]:
    """recipe -> the images of `data` that it trains on, with its saliency maps; each set read once."""
    loaded, known = data.load(), {}

    def images_of(recipe: Recipe) -> ImageData:
        own = replace(recipe.data, evaluate_on="test")
        key = own, recipe.method, recipe.saliency
        if key not in known:
            known[key] = with_saliency(recipe, own.prepare(loaded), SCREEN)
        return known[key]

    return images_of


def step_seconds(entries: List[Entry], data, path: str) -> Dict[str, float]:
    """Seconds of a training step of each entry; measured once per comparison and kept in the file `path`."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            seconds = json.load(file)
        if set(seconds) == {e.name for e in entries}:
            return seconds
    methods = {}
    for recipe in (entry.recipe for entry in entries):
        network = functools.partial(training_run.new_network, recipe, data(recipe))
        objective = training_run.objective_of(recipe, network())
        methods[recipe.name] = network, objective, training_batches(data(recipe), recipe.training.batch_size, 0)
    progress = SCREEN.bar(6 * len(entries), "cost of a step")
    seconds = training.step_seconds(methods, tick=progress.update)
    progress.close()
    report.write_json(path, seconds)
    return seconds


def with_controls(entries: List[Entry], in_steps: Dict[str, Recipe]) -> List[Entry]:
    """The entries, and for each robust one madry with its steps and madry with its time; one that differs by at most
    20 % from another stands for both.  in_steps: the recipes by name, their plans in steps."""
    madry = next((entry for entry in entries if entry.recipe.method == "madry"), None)
    if madry is None:
        return entries
    out, beside = [], {}
    taken = {in_steps[madry.name].training.steps: madry.name}
    for entry in entries:
        if entry.recipe.method in UNCONTROLLED:
            continue
        own = in_steps[entry.name].training.steps
        equal_time = round(own * entry.cost / madry.cost)
        for steps, what in ((own, "steps"), (equal_time, "time")):
            near = [other for other in taken if abs(steps - other) <= SAME * steps]
            if near:
                beside[entry.name] = taken[min(near, key=lambda other: abs(steps - other))]
            else:
                name = f"{madry.name}, {what} of {entry.name}"
                taken[steps] = beside[entry.name] = name
                recipe = replace(madry.recipe.lasting(steps), name=name)
                out.append(Entry(recipe, madry.cost, control_of=madry.name))
    return [entry._replace(beside=beside.get(entry.name, "")) for entry in entries] + out


def run_folder(output: str, entry: Entry, seed: int, steps: int) -> str:
    """Where a run of an entry lives; controls, whose length depends on measured times, carry it in their name."""
    name = entry.name.replace(", ", "_").replace(" ", "_")
    if entry.control_of:
        name += f"_{steps}"
    return os.path.join(output, f"seed{seed}", name)


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
    with claimed(make_writable_folder(fv.output), progress=SCREEN):
        return compared(fv)


def compared(fv: flags.FlagValues) -> str:
    """The same in --output, which is ours."""
    spec, test = evaluation_flags.from_flags(fv), data_flags.from_flags(fv)
    entries = read_entries(fv)
    test_data, data = test.read(), training_data(test)
    spec.check(test_data.shape)
    for entry in entries:
        training_run.check_recipe(entry.recipe, data(entry.recipe))
    seconds = step_seconds(entries, data, os.path.join(fv.output, "costs.json"))
    entries = [entry._replace(cost=seconds[entry.name] / min(seconds.values())) for entry in entries]
    if fv.controls:
        entries = with_controls(entries, {e.name: e.recipe.in_steps(data(e.recipe).train_size) for e in entries})
    results, first = {e.name: [] for e in entries}, {}
    for s, seed in enumerate(parse_seeds(fv.seeds)):
        for i, entry in enumerate(entries):
            recipe = entry.recipe.seeded(seed)
            images = data(recipe)
            steps = recipe.in_steps(images.train_size).training.steps
            directory = run_folder(fv.output, entry, seed, steps)
            print(f"[{s * len(entries) + i + 1}/{len(entries) * len(fv.seeds)}] {entry.name}, seed {seed}", flush=True)
            trained = training_run.train(recipe, images, directory, SCREEN)
            result = evaluated(directory, test_data, spec, fv)
            first.setdefault(entry.name, result)
            line = {"network": entry.name, "steps": steps, "seconds": trained.seconds, "cost": entry.cost}
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

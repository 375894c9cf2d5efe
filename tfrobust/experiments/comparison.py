"""Several methods trained and evaluated, each beside PGD training at equal steps and at equal time."""

import functools
import itertools
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tfrobust import report, training
from tfrobust.checks import make_writable_folder
from tfrobust.data import ImageData, training_batches
from tfrobust.errors import InputError
from tfrobust.evaluation import Evaluation, Suite
from tfrobust.experiments import training_run
from tfrobust.experiments.evaluations import EvaluationImages, evaluate_run
from tfrobust.experiments.folder_lock import claimed
from tfrobust.experiments.recipe import DataSpec, Recipe
from tfrobust.experiments.saliency_maps import with_saliency
from tfrobust.memory_budget import Chunking
from tfrobust.progress import SILENT, Progress

UNCONTROLLED = ("natural", "madry")
SAME = 0.2  # Runs whose lengths differ by at most this share stand for each other.
COSTS = "costs.json"  # Seconds of a step of each recipe, measured once per comparison.


class Entry(NamedTuple):
    """One line of the table.

    Attributes:
        recipe: what is trained; the line has its name.
        cost: of a step, in steps of the cheapest recipe.
        beside: the name of the line of PGD training that takes as long; empty where there is none.
        control_of: of a control, the name of the recipe of which it is a longer or shorter form; else empty.
    """

    recipe: Recipe
    cost: float = 1.0
    beside: str = ""
    control_of: str = ""

    @property
    def name(self) -> str:
        """The name of the recipe."""
        return self.recipe.name


class ComparedMethods(NamedTuple):
    """What a comparison of methods found.

    Attributes:
        lines: of the table, one for each entry, numbers of several seeds as (mean, standard deviation).
        runs: by name, the numbers of each seed.
        first: by name, the evaluation of the first seed.
    """

    lines: list[dict[str, Any]]
    runs: dict[str, list[dict[str, Any]]]
    first: dict[str, Evaluation]


def check_recipes(recipes: Sequence[Recipe], data: DataSpec, controls: bool = True) -> None:
    """Checks that recipes can be compared on images.

    Args:
        recipes: what is compared.
        data: what they are evaluated on.
        controls: whether PGD training stands beside them.

    Raises:
        InputError: where two have one name, one trains on other images or on held-out ones, and where there are
          controls and no recipe of the method madry.
    """
    if len({recipe.name for recipe in recipes}) < len(recipes):
        raise InputError("two recipes have the same name (--rows: the same file name)")
    for recipe in recipes:
        if recipe.data.name != data.name:
            raise InputError(f"{recipe.name} trains on {recipe.data.name}, the evaluation is on {data.name}")
        if data.evaluate_on == "held_out" and recipe.data.hold_out < data.hold_out:
            raise InputError(f"{recipe.name} trains on images that are held out for the evaluation (--hold_out)")
    methods = {recipe.method for recipe in recipes}
    if controls and methods - set(UNCONTROLLED) and "madry" not in methods:
        raise InputError("controls (--controls) need a recipe whose method is madry: add one, or leave them out")


def compare(
    recipes: Sequence[Recipe],
    data: DataSpec,
    suite: Suite,
    output: str,
    *,
    seeds: Sequence[int] = (0,),
    controls: bool = True,
    name: str = "comparison",
    held: Chunking = Chunking(),
    progress: Progress = SILENT,
) -> ComparedMethods:
    """Trains every recipe with every seed and evaluates it; what is finished in `output` is not repeated.

    Args:
        recipes: of different names; one of the method madry where there are controls.
        data: on which it is evaluated, and all recipes are trained.
        suite: of the evaluation; its first attack of each kind is in the table.
        output: folder of the runs: seedSEED/NAME/ for each.
        seeds: of weights, data order and draws.
        controls: every robust recipe brings two more, madry with as many steps, and madry with as many as fit into its
          time; the cost of a step is measured in turns at the start.
        name: of this evaluation of the runs.
        held: images and path points held at once in an evaluation.
        progress: is shown how far it is.

    Raises:
        InputError: where recipes, images and evaluation do not fit each other.
    """
    check_recipes(recipes, data, controls)
    for recipe, seed in itertools.product(recipes, seeds):
        recipe.seeded(seed)  # A seed that is refused is refused now, not after an hour of training.
    with claimed(make_writable_folder(output), progress=progress):
        loaded = data.load()
        images, images_of = data.prepare(loaded), training_data(loaded, progress)
        suite.check_shape(images.shape)
        for recipe in recipes:
            training_run.check_recipe(recipe, images_of(recipe))
        seconds = step_seconds(recipes, images_of, os.path.join(output, COSTS), progress)
        entries = [Entry(recipe, seconds[recipe.name] / min(seconds.values())) for recipe in recipes]
        if controls:
            entries = with_controls(
                entries, {e.name: e.recipe.in_steps(images_of(e.recipe).train_size) for e in entries}
            )
        runs: dict[str, list[dict[str, Any]]] = {entry.name: [] for entry in entries}
        first: dict[str, Evaluation] = {}
        measured_on = EvaluationImages.of(images)
        for s, seed in enumerate(seeds):
            for i, entry in enumerate(entries):
                place = f"[{s * len(entries) + i + 1}/{len(entries) * len(seeds)}]"
                progress.say(f"{place} {entry.name}, seed {seed}")
                recipe = entry.recipe.seeded(seed)
                own = images_of(recipe)
                steps = recipe.in_steps(own.train_size).training.steps
                directory = run_folder(output, entry, seed, steps)
                trained = training_run.train(recipe, own, directory, progress)
                result = evaluate_run(directory, name, data, measured_on, suite, held=held, progress=progress)
                first.setdefault(entry.name, result)
                line = {"network": entry.name, "steps": steps, "seconds": trained.seconds, "cost": entry.cost}
                runs[entry.name].append({**line, "beside": entry.beside or None, **result.table_row()})
    return ComparedMethods([joined(runs[entry.name]) for entry in entries], runs, first)


def training_data(loaded: ImageData, progress: Progress = SILENT) -> Callable[[Recipe], ImageData]:
    """A function that gives the images a recipe trains on, with its saliency maps; each set is made once.

    Args:
        loaded: the images as they are on disk.
        progress: is shown how far it is.

    Returns:
        recipe -> ImageData.
    """
    known: dict[tuple, ImageData] = {}

    def images_of(recipe: Recipe) -> ImageData:
        own = replace(recipe.data, evaluate_on="test")
        key = own, recipe.method, recipe.saliency
        if key not in known:
            known[key] = with_saliency(recipe, own.prepare(loaded), progress)
        return known[key]

    return images_of


def step_seconds(
    recipes: Sequence[Recipe], data: Callable[[Recipe], ImageData], path: str, progress: Progress = SILENT
) -> dict[str, float]:
    """Seconds of a training step of each recipe, by name; measured once and kept in a file.

    A comparison of some of the recipes, such as another evaluation of them, takes those of the file.

    Args:
        recipes: what is compared.
        data: recipe -> its images.
        path: of the file.
        progress: is shown how far it is.
    """
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            seconds = json.load(file)
        if {recipe.name for recipe in recipes} <= set(seconds):
            return {recipe.name: seconds[recipe.name] for recipe in recipes}
    methods = {}
    for recipe in recipes:
        network = functools.partial(training_run.new_network, recipe, data(recipe))
        objective = training_run.objective_of(recipe, network)
        methods[recipe.name] = network, objective, training_batches(data(recipe), recipe.training.batch_size, 0)
    bar = progress.bar(6 * len(recipes), "cost of a step")
    seconds = training.step_seconds(methods, tick=bar.update)
    bar.close()
    report.write_json(path, seconds)
    return seconds


def with_controls(entries: list[Entry], in_steps: dict[str, Recipe]) -> list[Entry]:
    """The entries, and for each robust one PGD training (madry) with its steps and with its time.

    A control that differs by at most 20 % from another in its steps is left out: the other stands for both.

    Args:
        entries: what is compared.
        in_steps: the recipes by name, their plans in steps.
    """
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
    """The folder of a run of an entry; controls, whose length depends on measured times, carry it in their name.

    Args:
        output: the folder of the comparison.
        entry: of the run.
        seed: of the run.
        steps: its length.
    """
    name = entry.name.replace(", ", "_").replace(" ", "_")
    if entry.control_of:
        name += f"_{steps}"
    return os.path.join(output, f"seed{seed}", name)


def joined(lines: list[dict]) -> dict:
    """One line of the table from the `lines` of several seeds: numbers as (mean, standard deviation)."""
    if len(lines) == 1:
        return lines[0]
    out = {}
    for key in dict.fromkeys(key for line in lines for key in line):
        values = [line[key] for line in lines if key in line]
        out[key] = values[0]
        if isinstance(values[0], (int, float)) and key not in ("steps", "cost"):
            out[key] = (float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0)
        if key == "floor":  # What any of the seeds says.
            out[key] = ", ".join(dict.fromkeys(words for words in values if words))
    return out

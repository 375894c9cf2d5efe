"""Trains and evaluates each network of a reproduction once and keeps it in a folder of runs."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tfrobust import data as data_sets
from tfrobust import report
from tfrobust.checks import check_choice, check_whole
from tfrobust.data import to_unit
from tfrobust.evaluation import Suite, evaluate
from tfrobust.evaluation.batch_cache import BatchCache
from tfrobust.experiments import training_run
from tfrobust.experiments.fingerprints import identify_evaluation
from tfrobust.experiments.folder_lock import claimed
from tfrobust.experiments.recipe import NetworkOrigin, Recipe
from tfrobust.experiments.saliency_maps import with_saliency
from tfrobust.experiments.saved_runs import NETWORK
from tfrobust.memory_budget import Chunking
from tfrobust.names import AUTO_LEVELS
from tfrobust.networks import in_float32, load_network
from tfrobust.papers import budgets, downstream_numbers, training_terms
from tfrobust.papers import measurements as measure
from tfrobust.progress import SILENT, Progress

# (flagfile, overrides --name=value) -> the recipe in it.
ReadRecipe = Callable[[str, Sequence[str]], Recipe]


@dataclass(frozen=True)
class ReproductionSettings:
    """Which table is reproduced, on which data, and how much is computed.

    Attributes:
        paper, table: as `tables.tables()` names them.
        budget: one of BUDGETS: "paper", the paper's own plan; "cpu", hours on two cores; "smoke", seconds.
        methods: only these methods of the table; empty: all.
        seed: of training and evaluation.
        seeds: how many seeds, from `seed` on, each network is trained from; the table has mean and spread.
        data_dir, download: where named data sets are looked for, and whether TFDS may fetch them.
        source: a part of the data set, .npz or a folder of images, that takes the place of the whole.
        output: folder of the runs and tables.
        chunking: images and path points held at once in an evaluation.
        auto_level: level of the ensemble auto that is made beside every attack on maps; none unless given.
    """

    paper: str
    table: str
    budget: str = "paper"
    methods: tuple[str, ...] = ()
    seed: int = 0
    seeds: int = 1
    data_dir: str | None = None
    download: bool = False
    source: str | None = None
    output: str = "reproduced"
    chunking: Chunking = Chunking()
    auto_level: str | None = None

    def __post_init__(self):
        check_choice("budget", self.budget, budgets.BUDGETS)
        check_whole("seeds", self.seeds, 1)
        if self.auto_level is not None:
            check_choice("level of auto", self.auto_level, AUTO_LEVELS)


class Run(NamedTuple):
    """A trained network.

    Attributes:
        directory: the folder of its run.
        steps, seconds: of its training.
        recipe: it was trained with.
        images: in a pass over its training images.
    """

    directory: str
    steps: int
    seconds: float
    recipe: Recipe
    images: int

    @property
    def step_seconds(self) -> float:
        """Mean time of a step, tracing included."""
        return self.seconds / self.steps


class Reproduction:
    """The runs of one data set at one budget.

    Args:
        settings: what is reproduced.
        dataset: as the paper's rows name it.
        read_recipe: (flagfile, overrides --name=value) -> the recipe in it.
        progress: is shown how far it is.

    Attributes:
        settings: what is reproduced.
        dataset: as the paper's rows name it, without the ending of a corrupted one.
        shape: of its images, (H, W, C).
    """

    def __init__(
        self, settings: ReproductionSettings, dataset: str, read_recipe: ReadRecipe, progress: Progress = SILENT
    ):
        self.settings, self.dataset = settings, dataset.removesuffix("_c")
        self._read, self._progress = read_recipe, progress
        self._budget = budgets.BUDGETS[settings.budget]
        self._loaded: dict[object, data_sets.ImageData] = {}
        self._runs: dict[tuple, Run] = {}
        self.shape = self._load(None).shape

    def seeded(self, seed: int) -> Reproduction:
        """The same with another `seed` of training and evaluation; images are shared."""
        other = copy.copy(self)
        other.settings, other._runs = replace(self.settings, seed=seed), {}
        return other

    def _load(self, image_size):
        """The images at the side that the row asks for, and at most the budget's."""
        if image_size not in self._loaded:
            given, cap = self.settings, self._budget and self._budget.image_size
            loaded = data_sets.load(given.source or self.dataset, given.data_dir, given.download, image_size)
            if cap and max(loaded.shape[:2]) > cap:
                loaded = data_sets.resized(loaded, cap)
            self._loaded.clear()  # One at a time: they are large.
            self._loaded[image_size] = loaded
        return self._loaded[image_size]

    def data_note(self) -> str:
        """A sentence that says which images these numbers are of."""
        loaded = next(iter(self._loaded.values()))
        size = f"{len(loaded.x_train):,d} training and {len(loaded.x_test):,d} test images of {loaded.shape[:2]} pixels"
        return f"Data: {f'a part of {self.dataset}' if self.settings.source else self.dataset}, {size}."

    def _recipe(self, flagfile: str, given: Sequence[str]) -> Recipe:
        """The recipe in a flagfile with these overrides, on the images of this reproduction."""
        settings, recipe = self.settings, self._read(flagfile, given)
        data = replace(recipe.data, data_dir=settings.data_dir or recipe.data.data_dir)
        if settings.source:  # A part of a data set has too few images to hold any out.
            data = replace(data, name=settings.source, hold_out=0)
        return replace(recipe.seeded(settings.seed), data=data, saliency_dir=os.path.join(settings.output, "maps"))

    def trained(self, flagfile: str, given: list[str]) -> Run:
        """Trains the network of a flagfile at the budget, unless its run is there already.

        Networks that it needs (to start from, as teachers) are trained first.

        Args:
            flagfile: of the recipe.
            given: overrides, --name=value.
        """
        key = flagfile, *given
        if key not in self._runs:
            recipe = self._recipe(flagfile, given)
            images = recipe.data.prepare(self._load(recipe.data.image_size))
            recipe = budgets.cut(self._with_needed(recipe, given), images.train_size, self._budget)
            directory = os.path.join(self.settings.output, "runs", self._name(flagfile, given))
            images = with_saliency(recipe, images, self._progress)
            trained = training_run.train(recipe, images, directory, self._progress, wait=True)
            steps = recipe.in_steps(images.train_size).training.steps
            self._runs[key] = Run(directory, steps, trained.seconds, recipe, images.train_size)
        return self._runs[key]

    def _with_needed(self, recipe: Recipe, given: list[str]) -> Recipe:
        """The recipe with saved networks in the place of recipes that it needs, trained here at the same budget."""
        initial, saliency = recipe.model.initial, []
        if initial and initial.recipe:
            own = [flag for flag in given if flag.startswith("--initialization=")]
            recipe = replace(recipe, model=replace(recipe.model, initial=self._network(initial, own)))
        for source in recipe.saliency:
            trains = source.teacher and source.teacher.recipe
            saliency.append(replace(source, teacher=self._network(source.teacher, [])) if trains else source)
        return replace(recipe, saliency=tuple(saliency))

    def _network(self, origin: NetworkOrigin, given: list[str]) -> NetworkOrigin:
        return NetworkOrigin(os.path.join(self.trained(origin.file, given).directory, NETWORK))

    def _name(self, flagfile: str, given: list[str]) -> str:
        parts = [flagfile.removeprefix("flags/").removesuffix(".flags"), *(flag.lstrip("-") for flag in given)]
        source = self.settings.source
        part = [f"part-{hashlib.sha256(source.encode()).hexdigest()[:6]}"] if source else []
        text = "-".join([*parts, *part, self.settings.budget, f"seed{self.settings.seed}"])
        return re.sub(r"[^\w.=-]+", "_", text)

    def evaluated(
        self, run: Run, suite: Suite, columns: Sequence[measure.Measurement], source: Callable[[str], Run]
    ) -> dict[str, dict]:
        """Evaluates a run for the columns of a table; what was evaluated before is read from its folder.

        Args:
            run: the network.
            suite: of the paper; only the tasks that these columns need are done.
            columns: what is measured.
            source: method -> the run of its network, on which an attack is made or whose maps are compared.

        Returns:
            Summaries with raised flags and seconds.  "": of attacks made on the network itself; METHOD: of those made
            on the network that source(METHOD) gives.
        """
        natural = source("natural") if any(m.natural for m in columns) else None
        own = [m for m in columns if not m.transferred]
        downstream = sorted({m.task for m in own if m.how})
        out = {"": self._summary(run, measure.reduced(suite, own), natural, downstream)} if own else {}
        others = [m for m in columns if m.transferred]
        for name in dict.fromkeys(m.source for m in others):
            made = [m for m in others if m.source == name]
            out[name] = self._summary(run, measure.reduced(suite, made), source(name))
        return out

    def _summary(self, run: Run, suite, other, downstream=()) -> dict:
        """summary, flags and seconds of a suite and of downstream tasks on a run, from its folder if they are there."""
        held = self.settings.chunking
        network = in_float32(load_network(os.path.join(run.directory, NETWORK)))
        natural = in_float32(load_network(os.path.join(other.directory, NETWORK))) if other else None
        images = run.recipe.data.prepare(self._load(run.recipe.data.image_size))
        x = to_unit(images.x_test)
        identity = identify_evaluation(suite, (network, natural), x, images.y_test)
        if downstream:
            identity["downstream"] = downstream
        text = json.dumps(identity, sort_keys=True, default=str)
        folder = os.path.join(run.directory, "evaluations")
        path = os.path.join(folder, hashlib.sha256(text.encode()).hexdigest()[:16] + ".json")
        with claimed(
            run.directory, wait=True, progress=self._progress
        ):  # Tables made at the same time share their runs.
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    return json.load(file)
            began = time.perf_counter()
            keep = BatchCache(os.path.join(folder, "batches"), {**identity, "batch": held.images})
            batch, chunk = held.for_network(network)
            given = {"progress": self._progress, "keep": keep, "natural": natural}
            result = evaluate(network, x, images.y_test, suite, batch_size=batch, chunk=chunk, **given)
            summary = result.summary
            if downstream:
                summary = {**summary, **self._beside(run, network, images, downstream, suite)}
            flags = {task: [flag._asdict() for flag in own if flag.raised] for task, own in result.flags.items()}
            seconds = time.perf_counter() - began
            values = {"summary": summary, "flags": flags, "seconds": seconds, "identity": json.loads(text)}
            report.write_json(path, values)
            return json.loads(json.dumps(values))

    def _beside(self, run: Run, network, images, tasks, suite) -> dict[str, dict]:
        """task -> key -> mean, low and high, of tasks that are none of a suite."""
        held, out = self.settings.chunking.images, {}
        if training_terms.TASK in tasks:
            own = {"examples": suite.examples, "seed": self.settings.seed, "batch": held}
            out[training_terms.TASK] = training_terms.measured(network, run.recipe, images, **own)
        others = [task for task in tasks if task != training_terms.TASK]
        if others:
            out.update(downstream_numbers.summaries(network, images, others, suite, held, progress=self._progress))
        return out

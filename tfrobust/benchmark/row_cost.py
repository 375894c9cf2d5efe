"""What a row of a table costs: operations of its step counted in the graph, seconds of a step measured.

Neither needs the images of the row: those of its shape are drawn at random.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.benchmark.operations import count_operations
from tfrobust.benchmark.torch_peer import peak_memory
from tfrobust.benchmark.traced_step import traced
from tfrobust.benchmark.turns import take_turns, timed
from tfrobust.data import ImageData, training_batches
from tfrobust.experiments.recipe import AUTO, Recipe
from tfrobust.experiments.training_run import new_network
from tfrobust.facts import FACTS
from tfrobust.memory_budget import MOST_POINTS, chunk_for, taken
from tfrobust.training import make_trainer

# Settings that change no operation; floats, such as eps, change none unless they are 0.
_WITHOUT_COST = ("learning_rates", "boundaries", "seed", "initialization", "initial_network", "saliency", "hold_out")
_BATCHES = 10  # Of the input pipeline, whose time is taken.


@dataclass(frozen=True)
class CostedRow:
    """A row as far as its cost depends on it.

    Attributes:
        recipe: the row.
        shape: (H, W, C) of an image.
        classes: their number.
        images: of a pass.
    """

    recipe: Recipe
    shape: tuple[int, ...]
    classes: int
    images: int

    @property
    def batch(self) -> int:
        """Images of a step."""
        return self.recipe.training.batch_size

    @property
    def steps(self) -> int:
        """Steps of the whole row."""
        return self.recipe.training.in_steps(self.images).steps or 0

    @property
    def sources(self) -> int:
        """Sources of saliency maps that stand beside each image."""
        uses = getattr(self.recipe.objective, "uses_saliency", False)
        return max(1, len(self.recipe.saliency)) if uses else 0

    @property
    def needs(self) -> str:
        """What is trained before, in words; empty where nothing is."""
        initial = self.recipe.model.initial
        first = [initial.recipe.name] if initial and initial.recipe else []
        teachers = [s.teacher.recipe.name for s in self.recipe.saliency if s.teacher and s.teacher.recipe]
        return ", ".join(dict.fromkeys([*first, *(["a teacher"] if teachers else [])]))

    def key(self) -> tuple:
        """Equal for rows that cost the same."""
        settings = {name: value for name, value in self.recipe.identity().items() if name not in _WITHOUT_COST}
        known = {name: _coarse(name, value) for name, value in settings.items() if name != "epochs"}
        return tuple(sorted({**known, "steps": self.steps, "sources": self.sources}.items(), key=str))


def _coarse(name, value):
    return bool(value) if isinstance(value, float) and name != "width" else value


def costed_row(recipe: Recipe) -> CostedRow:
    """The row of a recipe.  Images of an unknown data set are read, those of a known one are not.

    Where classes are filled up, all of them count as filled, which is exact where none has more images than that.

    Raises:
        InputError: where the images of an unknown data set cannot be read.
    """
    data = recipe.data
    if data.name not in FACTS:
        read = data.read()
        return CostedRow(recipe, tuple(read.shape), read.classes, read.train_size)
    facts, size = FACTS[data.name], data.image_size
    shape = (size, size, facts.shape[2]) if size else facts.shape
    return CostedRow(recipe, shape, facts.classes, max(facts.train - data.hold_out, data.per_class * facts.classes))


def count_row(row: CostedRow) -> dict[str, float]:
    """Traces a step of the row at its full size, without a chunk, and executes nothing of it.

    Returns:
        operations: of a step.
        bytes: that an image of it takes, as `memory_budget` reckons, with a path point at once.
    """
    step, network = _traced_step(row, _random_data(row, row.classes), row.batch, None)
    return {"operations": count_operations(step), "bytes": taken(network, 1)}


def affordable_images(
    row: CostedRow, counted: Mapping[str, float], *, memory: float, longest: float, rate: float
) -> int:
    """How many images of a step can be measured: those of the row where they fit, fewer otherwise.

    Args:
        row: whose step it is.
        counted: what `count_row` returned.
        memory: bytes that may be taken.
        longest: seconds that a step may take, about.
        rate: operations of a second that are expected.
    """
    by_time = longest * rate / max(counted["operations"] / row.batch, 1)
    return int(min(row.batch, memory // counted["bytes"], by_time))


def measure_row(row: CostedRow, images: int, rounds: int, memory: float) -> dict[str, Any]:
    """Measures a step of so many images, and the row's own input pipeline, in this process.

    Args:
        row: whose step it is.
        images: of the step.
        rounds: times that are taken, after a warm-up that compiles.
        memory: bytes that path points held at once may take.

    Returns:
        seconds: of a step of the row, the median; scaled by images where they are fewer than the row's.
        images: of the step that was measured.
        pipeline: seconds in which the pipeline makes a batch of the row.
        bytes: the most that this process has held.
    """
    data = _random_data(row, max(row.batch, row.classes))
    batches = iter(training_batches(data, row.batch, seed=0))
    first = next(batches)
    began = time.perf_counter()
    for _ in itertools.islice(batches, _BATCHES):
        pass
    pipeline = (time.perf_counter() - began) / _BATCHES
    step, _ = _traced_step(row, data, images, memory)
    given = [values[:images] for values in first]
    times = take_turns({"step": timed(lambda: {"loss": step(*given)["loss"].numpy()})}, rounds)[0]["step"]
    found = {"seconds": times.median * row.batch / images, "images": images, "pipeline": pipeline}
    return {**found, "bytes": peak_memory()}


def _traced_step(row, data, images, memory):
    """(a step as a concrete function of x, y and maybe s; the network).  memory: for path points; None: all at once."""
    keras.backend.clear_session()
    network = new_network(row.recipe, data)
    spec = row.recipe.training.in_steps(row.images)
    trainer = make_trainer(network, _objective(row, network, images, memory), row.images, spec)
    trainer.optimizer.build(network.trainable_variables)
    specs = [tf.TensorSpec([images, *row.shape]), tf.TensorSpec([images], tf.int32)]
    specs += [tf.TensorSpec([images, row.sources, *row.shape])] if row.sources else []
    return traced(lambda *batch: trainer.train_step(batch), trainer, *specs), network


def _objective(row, network, images, memory):
    objective = row.recipe.objective
    if not hasattr(objective, "chunk"):
        return objective
    if memory is None:
        return replace(objective, chunk=None)
    if objective.chunk not in (None, AUTO):
        return objective
    points = chunk_for(network, images, MOST_POINTS, memory)
    return replace(objective, chunk=points if points < MOST_POINTS else None)


def _random_data(row, n) -> ImageData:
    """So many training images of the row's shape, and what stands beside them, with the row's augmentation."""
    draws = np.random.RandomState(0)
    x, y = draws.randint(0, 256, [n, *row.shape]).astype(np.uint8), (np.arange(n) % row.classes).astype(np.int32)
    maps = draws.uniform(-1, 1, [n, row.sources, *row.shape]).astype(np.float32) if row.sources else None
    data = ImageData(row.recipe.data.name, x, y, x[:1], y[:1], row.classes, saliency=maps)
    return row.recipe.data.augment(data)

"""Images made by each classifier (ART Fig. 4), a grid of classes, and who recognises whose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfrobust.downstream.generation import class_seeds, generate
from tfrobust.downstream.tasks.common import Outcome, Task, as_seen, predicted
from tfrobust.report import Column, draw_grid

if TYPE_CHECKING:
    import keras

    from tfrobust.data import ImageData
    from tfrobust.downstream.tasks.common import TaskSettings
    from tfrobust.progress import Bar


PER_CLASS = 4
STEPS = 60
CLASSES = 10  # At most so many classes are pictured.


def run(
    networks: Mapping[str, keras.Model], data: ImageData, held_out: ImageData | None, settings: TaskSettings, bar: Bar
) -> Outcome:
    """A row for each network: its images, and the share that each network takes for their class.

    For the arguments see `Task`.
    """
    labels = np.arange(min(data.classes, CLASSES))
    own = [as_seen(data.x_train[data.y_train == k], data) for k in labels]
    seeds = np.concatenate([class_seeds(x, int(k), PER_CLASS, settings.seed) for k, x in zip(labels, own)])
    y = np.repeat(labels, PER_CLASS).astype(np.int32)
    # Santurkar et al. take 40 for 224x224x3 pixels: the same for each of the numbers of an image.
    eps = settings.generation_eps or 40 * float(np.sqrt(np.prod(data.shape) / (224 * 224 * 3)))
    made = {}
    for name, network in networks.items():
        made[name] = generate(network, seeds, y, eps=eps, steps=STEPS, step_size=eps / 20)
        bar.update()
    rows = []
    for name, images in made.items():
        shares = {f"by {other}": float(np.mean(predicted(n, images, settings) == y)) for other, n in networks.items()}
        moved = float(np.linalg.norm((images - seeds).reshape(len(y), -1), axis=1).mean())
        rows.append({"network": name, "moved": moved, **shares})
    before = {f"by {other}": float(np.mean(predicted(n, seeds, settings) == y)) for other, n in networks.items()}
    rows.append({"network": "(the seeds)", **before})
    columns = [Column("network", "images of"), Column("moved", "moved (l2)", ".2f")]
    columns += [Column(f"by {name}", f"recognised by {name}", ".1%") for name in networks]
    shape = (len(labels), PER_CLASS, *data.shape)
    grids = {"seeds": seeds.reshape(shape), **{name: images.reshape(shape) for name, images in made.items()}}
    note = f"{PER_CLASS} draws of {len(labels)} classes, l2 PGD with eps {eps:.3g} and {STEPS} steps of {eps / 20:.3g}."
    title = "a row per class: draws, and what each network makes"
    return Outcome(rows, columns, {"eps": eps}, lambda path: draw_grid(grids, path, title), [note])


TASK = Task(run, ticks=lambda networks: networks)

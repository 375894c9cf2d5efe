"""How much the gradient looks like the image (ART Fig. 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfrobust.downstream.tasks.common import Outcome, Task, test_images
from tfrobust.evaluation import statistics
from tfrobust.evaluation.alignment import image_gradient_cosine
from tfrobust.report import Column, draw_boxes

if TYPE_CHECKING:
    import keras

    from tfrobust.data import ImageData
    from tfrobust.downstream.tasks.common import TaskSettings
    from tfrobust.progress import Bar


COLUMNS = (
    Column("network", "network"),
    Column("mean", "mean cosine", ".4f"),
    Column("low", "95 % from", ".4f"),
    Column("high", "to", ".4f"),
    Column("median", "median", ".4f"),
    Column("std", "deviation", ".4f"),
    Column("images", "images", ",d"),
)


def run(
    networks: Mapping[str, keras.Model], data: ImageData, held_out: ImageData | None, settings: TaskSettings, bar: Bar
) -> Outcome:
    """The cosine of gradient and image, a row for each network; for the arguments see `Task`."""
    images, values = test_images(data, settings), {}
    for name, network in networks.items():
        values[name] = image_gradient_cosine(network, images.x, images.y, settings.batch)
        bar.update()
    rows = [{"network": name, **statistics.describe(v), "images": len(v)} for name, v in values.items()]
    cosines = {name: {"cosine": v} for name, v in values.items()}
    return Outcome(
        rows,
        COLUMNS,
        {name: {"cosine": v.tolist()} for name, v in values.items()},
        lambda path: draw_boxes(cosines, path, "image and gradient of the true logit", "cosine"),
    )


TASK = Task(run, ticks=lambda networks: networks)

"""Downstream tasks that measure the use of robust attributions.

They are boxes and masks read from maps, accuracy on corrupted images, images made by a network, and alignment.

`run_task` does one task on several networks; the measures it takes are in the files beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfrobust.checks import check_choice
from tfrobust.downstream.tasks.common import Outcome, TaskSettings
from tfrobust.names import TASKS
from tfrobust.progress import SILENT, Progress

if TYPE_CHECKING:
    from tfrobust.data import ImageData


__all__ = ["Outcome", "TaskSettings", "run_task"]


def run_task(
    name: str,
    networks: Mapping[str, object],
    data: ImageData,
    *,
    held_out: ImageData | None = None,
    settings: TaskSettings = TaskSettings(),  # noqa: B008, it is frozen.
    progress: Progress = SILENT,
) -> Outcome:
    """One task on several networks, side by side; nothing is written.

    Args:
        name: localization, segmentation, corruptions, generation or alignment.
        networks: by the name that the table gives them; logits out, images in [0, 1] in.
        data: the task is measured on its test images.
        held_out: its test images were held out of the training, to choose thresholds on; None: training images of
          `data` are taken.
        settings: how many images, and what single tasks may be told.
        progress: is shown how far it is.

    Returns:
        The table, details of each image, and what draws the picture.

    Raises:
        InputError: for an unknown task, images without the annotations it needs, or settings that do not fit.
    """
    check_choice("task", name, TASKS)
    task = TASKS[name]
    bar = progress.bar(task.ticks(len(networks)), name)
    try:
        return task.run(networks, data, held_out, settings, bar)
    finally:
        bar.close()

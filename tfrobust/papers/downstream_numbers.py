"""ART's numbers of localization, corruptions (Tables 2, 3) and segmentation (Section 5), by the downstream tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfrobust.downstream import TaskSettings
from tfrobust.downstream.heatmaps import heat_maps
from tfrobust.downstream.localization import localize
from tfrobust.downstream.segmentation import THRESHOLD, hits, mask_iou, mask_of
from tfrobust.downstream.tasks import corruptions, localization
from tfrobust.downstream.tasks.common import chosen, maps_of, needed, predicted
from tfrobust.evaluation import Suite, statistics
from tfrobust.progress import SILENT, Progress

if TYPE_CHECKING:
    import keras

    from tfrobust.data import ImageData


CORRUPTION, LOCALIZATION, SEGMENTATION = "corruption ", "localization ", "segmentation "
MAPS: dict[str, localization.Kind] = {"gradient": "gradient", "cam": "CAM"}
SEGMENTED = {"gradient": "gradient", "ig": "integrated_gradients"}


def task_of(metric: str, attribution: str) -> tuple[str, str, str, str] | None:
    """How a number of ART's Tables 2 and 3, or of its segmentation, is measured.

    Args:
        metric: of the printed number, as in the table of reported numbers.
        attribution: whose map it is about, likewise.

    Returns:
        (heading, task, key, how): the heading of its column, the task and key of `summaries`, and what is done in
        words; None for any other number.
    """
    if metric.startswith("corruption_"):
        kind = metric.removeprefix("corruption_").removesuffix("_accuracy")
        how = "tfrobust.corruptions, not the published CIFAR-10-C; mean over severities 1 to 5"
        return kind.replace("_", " "), CORRUPTION + kind, "accuracy", how
    if metric in ("gt_known_loc", "top1_loc"):
        how = f"fixed threshold of {localization.FIXED[MAPS[attribution]]:g}"
        return f"{attribution} {metric.replace('_', ' ')}", LOCALIZATION + attribution, metric, how
    if metric == "top1_seg":
        how = f"test images that have a mask; fixed threshold of {THRESHOLD:g}, smoothed as maps are for boxes"
        return f"{attribution} top1 seg", SEGMENTATION + attribution, metric, how
    return None


def summaries(
    network: keras.Model,
    data: ImageData,
    tasks: Sequence[str],
    suite: Suite,
    batch: int,
    *,
    progress: Progress = SILENT,
) -> dict[str, dict]:
    """Measures downstream tasks of a network, on as many test images as the suite chooses.

    Args:
        network: logits out.
        data: its test images.
        tasks: as `task_of` names them.
        suite: how many images, and the seed.
        batch: images held at once.
        progress: is shown how far it is.

    Returns:
        task -> key -> mean, low, high (95 %).
    """
    settings = TaskSettings(batch=batch, seed=suite.seed)
    images = chosen(data.x_test, data.y_test, data.test_annotations, suite.examples, suite.seed)
    bar, out = progress.bar(len(tasks), "downstream"), {}
    for task in tasks:
        if task.startswith(CORRUPTION):
            out[task] = {"accuracy": _corrupted(network, images, task.removeprefix(CORRUPTION), settings)}
        elif task.startswith(SEGMENTATION):
            method = SEGMENTED[task.removeprefix(SEGMENTATION)]
            out[task] = _segmented(network, images, method, data.name, settings)
        else:
            out[task] = _localized(network, images, MAPS[task.removeprefix(LOCALIZATION)], data.name, settings)
        bar.update()
    bar.close()
    return out


def _corrupted(network, images, kind, settings):
    hits = []
    for severity in corruptions.SEVERITIES:
        x, y = corruptions.corrupted(images, kind, severity, settings)
        hits.append(predicted(network, x, settings) == y)
    return statistics.describe(np.mean(hits, axis=0))


def _localized(network, images, kind, name, settings):
    boxes = needed(images, "boxes", name)
    heat = localization.heat_of(kind, network, images, settings)
    if heat is None:
        return {}
    correct = predicted(network, images.x, settings) == images.y
    hit = hits(localize(heat[0], boxes, correct, localization.FIXED[kind])["iou"])
    return {"gt_known_loc": statistics.share(hit), "top1_loc": statistics.share(hit & correct)}


def _segmented(network, images, method, name, settings):
    masks = np.asarray(needed(images, "masks", name))
    a = maps_of(method, network, images.x, images.y, settings)
    heat = heat_maps(a, localization.SIGMA * images.x.shape[1])[0]
    known, correct = masks.any(axis=(1, 2)), predicted(network, images.x, settings) == images.y
    hit = hits(mask_iou(mask_of(heat), masks)) & correct
    return {"top1_seg": statistics.share(hit[known])} if known.any() else {}

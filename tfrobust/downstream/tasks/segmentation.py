"""Weakly supervised segmentation (ART, Section 5): masks read from smoothed maps, against the true ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfrobust.downstream.heatmaps import heat_maps
from tfrobust.downstream.segmentation import boxes_as_masks, mask_of, segment
from tfrobust.downstream.tasks.common import (
    MAPS,
    Outcome,
    Task,
    held_out_images,
    held_out_words,
    maps_of,
    needed,
    predicted,
    test_images,
)
from tfrobust.downstream.tasks.localization import PICTURED, SIGMA
from tfrobust.report import Column, draw_found_masks

if TYPE_CHECKING:
    import keras

    from tfrobust.data import ImageData
    from tfrobust.downstream.tasks.common import Images, TaskSettings
    from tfrobust.progress import Bar


THRESHOLDS = tuple(i / 50 for i in range(1, 50))
COLUMNS = (
    Column("network", "network"),
    Column("map", "map"),
    Column("threshold", "chosen at", ".2f"),
    Column("top1_seg", "Top-1 Seg", ".1%"),
    Column("gt_known_seg", "GT-Known Seg", ".1%"),
    Column("mean_iou", "mean IoU", ".3f"),
    Column("top1_acc", "Top-1 Acc", ".1%"),
    Column("empty_masks", "without a mask", ",d"),
    Column("empty_maps", "empty maps", ",d"),
    Column("images", "images", ",d"),
)


def masks_of(images: Images, settings: TaskSettings, name: str) -> np.ndarray:
    """The true masks [N,H,W] of images; boxes as masks where the settings ask for that.

    Args:
        images: N of them.
        settings: whether boxes stand for masks.
        name: of the data set, for a message.

    Raises:
        InputError: where the images have none.
    """
    if settings.boxes_as_masks:
        return boxes_as_masks(needed(images, "boxes", name), images.x.shape[1:3])
    return needed(images, "masks", name)


def chosen_threshold(heat: np.ndarray, masks: np.ndarray) -> float:
    """The threshold at which heat maps `heat` [N,H,W] and true `masks` [N,H,W] have the highest mean IoU."""
    everything = np.ones(len(heat), bool)
    return max(THRESHOLDS, key=lambda threshold: segment(heat, masks, everything, threshold)["mean_iou"])


def run(
    networks: Mapping[str, keras.Model], data: ImageData, held_out: ImageData | None, settings: TaskSettings, bar: Bar
) -> Outcome:
    """How well masks fit, a row for each network and map; for the arguments see `Task`."""
    images, others = test_images(data, settings), held_out_images(data, held_out, settings)
    masks, known = masks_of(images, settings, data.name), masks_of(others, settings, data.name)
    rows, details, pictures = [], {}, {}
    for name, network in networks.items():
        correct = predicted(network, images.x, settings) == images.y
        for method in MAPS:
            sigma = SIGMA * images.x.shape[1]
            heat, own = (heat_maps(maps_of(method, network, i.x, i.y, settings), sigma)[0] for i in (images, others))
            threshold = chosen_threshold(own, known)
            found = segment(heat, masks, correct, threshold)
            rows.append({"network": name, "map": method, "threshold": threshold, "images": len(images.x), **found})
            iou = rows[-1].pop("iou")
            details[f"{name} {method}"] = {
                "iou": np.nan_to_num(iou, nan=-1).tolist(),
                "index": images.examples.tolist(),
            }
            pictures[f"{name}, {method}"] = heat[:PICTURED], mask_of(heat, threshold)[:PICTURED]
            bar.update()
    notes = [f"The threshold of each map was chosen on {held_out_words(others, held_out)}."]
    if settings.boxes_as_masks:
        notes.append("Boxes stand for masks: an outline can be right and score low.")
    shown = images.x[:PICTURED], np.asarray(masks[:PICTURED]), pictures
    return Outcome(rows, COLUMNS, details, lambda path: draw_found_masks(*shown, path), notes)


TASK = Task(run, ticks=lambda networks: 2 * networks)

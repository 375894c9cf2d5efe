"""Weakly supervised segmentation (ART, Section 5): masks read from smoothed maps, against the true ones."""

import os

import numpy as np

from launch.tasks.common import (
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
from launch.tasks.localization import PICTURED, SIGMA
from tfrobust.downstream.heatmaps import heat_maps
from tfrobust.downstream.segmentation import boxes_as_masks, mask_of, segment
from tfrobust.report import Column, draw_found_masks

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


def masks_of(images, fv, name):
    """The masks [N,H,W]; boxes as masks where --boxes_as_masks asks for that."""
    if fv.boxes_as_masks:
        return boxes_as_masks(needed(images, "boxes", name), images.x.shape[1:3])
    return needed(images, "masks", name)


def chosen_threshold(heat, masks) -> float:
    """The threshold with the highest mean IoU."""
    everything = np.ones(len(heat), bool)
    return max(THRESHOLDS, key=lambda threshold: segment(heat, masks, everything, threshold)["mean_iou"])


def run(networks, data, held_out, fv, progress) -> Outcome:
    """One row for each network and map."""
    images, held_out = test_images(data, fv), held_out_images(data, held_out, fv)
    masks, known = masks_of(images, fv, data.name), masks_of(held_out, fv, data.name)
    rows, details, pictures = [], {}, {}
    for name, network in networks.items():
        correct = predicted(network, images.x, fv) == images.y
        for method in MAPS:
            sigma = SIGMA * images.x.shape[1]
            heat, own = (heat_maps(maps_of(method, network, i.x, i.y, fv), sigma)[0] for i in (images, held_out))
            threshold = chosen_threshold(own, known)
            found = segment(heat, masks, correct, threshold)
            rows.append({"network": name, "map": method, "threshold": threshold, "images": len(images.x), **found})
            iou = rows[-1].pop("iou")
            details[f"{name} {method}"] = {
                "iou": np.nan_to_num(iou, nan=-1).tolist(),
                "index": images.examples.tolist(),
            }
            pictures[f"{name}, {method}"] = heat[:PICTURED], mask_of(heat, threshold)[:PICTURED]
            progress.update()
    path = os.path.join(fv.output, "segmentation.png")
    draw_found_masks(images.x[:PICTURED], np.asarray(masks[:PICTURED]), pictures, path)
    notes = [f"The threshold of each map was chosen on {held_out_words(held_out, fv)}."]
    if fv.boxes_as_masks:
        notes.append("Boxes stand for masks: an outline can be right and score low.")
    return Outcome(rows, COLUMNS, details, notes)


TASK = Task(run, ticks=lambda networks: 2 * networks)

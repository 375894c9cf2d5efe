"""Weakly supervised localization (ART 3.4, 4.2, B): boxes read from heat maps, against the true ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from tfrobust.downstream.heatmaps import cam, check_cam, heat_maps, mean_filtered, normalized
from tfrobust.downstream.localization import best_threshold, iou, localize, max_box_acc, max_box_acc_v2
from tfrobust.downstream.segmentation import hits
from tfrobust.downstream.tasks.common import (
    Outcome,
    Task,
    held_out_images,
    held_out_words,
    maps_of,
    needed,
    predicted,
    test_images,
)
from tfrobust.report import Column, draw_found_boxes
from tfrobust.types import InputError

if TYPE_CHECKING:
    import keras

    from tfrobust.data import ImageData
    from tfrobust.downstream.tasks.common import Images, TaskSettings
    from tfrobust.progress import Bar


Kind = Literal["gradient", "CAM"]
FIXED: dict[Kind, float] = {"gradient": 0.2, "CAM": 0.1}  # The thresholds of ART's released code.
SIGMA = 3 / 224  # The Gaussian filter of ART's released code, as a part of the image's side.
PICTURED = 6
COLUMNS = (
    Column("network", "network"),
    Column("map", "map"),
    Column("gt_known_loc", "GT-Known Loc", ".1%"),
    Column("top1_loc", "Top-1 Loc", ".1%"),
    Column("top1_acc", "Top-1 Acc", ".1%"),
    Column("threshold", "chosen at", ".2f"),
    Column("chosen_gt_known_loc", "GT-Known Loc there", ".1%"),
    Column("chosen_top1_loc", "Top-1 Loc there", ".1%"),
    Column("max_box_acc", "MaxBoxAcc", ".1%"),
    Column("max_box_acc_v2", "MaxBoxAccV2", ".1%"),
    Column("empty_maps", "empty maps", ",d"),
    Column("clipped_boxes", "boxes cut", ",d"),
    Column("degenerate_boxes", "boxes without area", ",d"),
    Column("images", "images", ",d"),
)


def heat_of(
    kind: Kind, network: keras.Model, images: Images, settings: TaskSettings
) -> tuple[np.ndarray, np.ndarray] | None:
    """Heat maps of a network for the true classes of images.

    Args:
        kind: gradient or CAM.
        network: logits out.
        images: N of them.
        settings: how many images are held at once.

    Returns:
        (heat maps [N,H,W] in [0, 1], which of them are flat [N] bool); None where the network has no such map.
    """
    if kind == "gradient":
        a = maps_of("gradient", network, images.x, images.y, settings)
        return heat_maps(a, SIGMA * images.x.shape[1])
    try:
        check_cam(network)
    except InputError:
        return None
    heat, flat = normalized(cam(network, images.x, images.y, settings.batch), 0, 100)
    return mean_filtered(heat), flat


def centered_square(boxes: np.ndarray, known: np.ndarray) -> dict:
    """A control that looks at no pixel: a row for the best square in the middle of the image.

    Args:
        boxes: the true boxes of the test images, [N,4].
        known: those of the held-out images, on which the side of the square is chosen, [M,4].
    """

    def hit(side, true):
        middle = np.tile([0.5 - side / 2] * 2 + [0.5 + side / 2] * 2, (len(true), 1))
        return float(hits(iou(middle, true)).mean())

    sides = np.arange(1, 101) / 100
    side = max(sides, key=lambda each: hit(each, known))
    best = max(hit(each, boxes) for each in sides)
    return {
        "network": "(no network)",
        "map": f"middle square of side {side:.2f}",
        "chosen_gt_known_loc": hit(side, boxes),
        "max_box_acc": best,
        "images": len(boxes),
    }


def run(
    networks: Mapping[str, keras.Model], data: ImageData, held_out: ImageData | None, settings: TaskSettings, bar: Bar
) -> Outcome:
    """How well boxes fit, a row for each network and map; for the arguments see `Task`."""
    images, others = test_images(data, settings), held_out_images(data, held_out, settings)
    boxes, known = needed(images, "boxes", data.name), needed(others, "boxes", data.name)
    rows, details, pictures = [], {}, {}
    for name, network in networks.items():
        correct = predicted(network, images.x, settings) == images.y
        for kind, fixed in FIXED.items():
            heat, own = heat_of(kind, network, images, settings), heat_of(kind, network, others, settings)
            bar.update()
            if heat is None or own is None:
                continue
            threshold = best_threshold(own[0], known)
            at_fixed, at_chosen = (localize(heat[0], boxes, correct, t) for t in (fixed, threshold))
            row = {"network": name, "map": kind, "threshold": threshold, "images": len(images.x)}
            row.update({key: at_fixed[key] for key in at_fixed if key not in ("boxes", "iou")})
            row.update({f"chosen_{key}": at_chosen[key] for key in ("gt_known_loc", "top1_loc")})
            row["max_box_acc"] = max_box_acc(heat[0], boxes)
            row["max_box_acc_v2"] = max_box_acc_v2(heat[0], boxes)
            row["flat_maps"] = int(heat[1].sum())
            rows.append(row)
            details[f"{name} {kind}"] = {"iou": at_chosen["iou"].tolist(), "index": images.examples.tolist()}
            pictures[f"{name}, {kind}"] = heat[0][:PICTURED], at_chosen["boxes"][:PICTURED]
    rows.append(centered_square(boxes, known))
    thresholds = ", ".join(f"{kind} {value:g}" for kind, value in FIXED.items())
    notes = [
        f"Thresholds as a part of the maximum: fixed ({thresholds}, ART's released code), and chosen on "
        f"{held_out_words(others, held_out)}. MaxBoxAcc takes the best of all thresholds on the test images themselves."
    ]
    shown = images.x[:PICTURED], np.asarray(boxes[:PICTURED]), pictures
    return Outcome(rows, COLUMNS, details, lambda path: draw_found_boxes(*shown, path), notes)


TASK = Task(run, ticks=lambda networks: 2 * networks)

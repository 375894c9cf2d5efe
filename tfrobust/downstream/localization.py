"""Weakly supervised localization: how well the box around a heat map's object fits the true one.

GT-Known Loc, Top-1 Loc, Top-1 Acc   at one threshold                       (ART, Section 4.2 and Table 2)
MaxBoxAcc                            at the best one of all thresholds       (Choe et al., CVPR 2020)
MaxBoxAccV2                          mean over IoU 0.3, 0.5 and 0.7; any component's box may be the one that fits
                                                                             (Choe et al., 2020, arXiv:2007.04178)

ART states no threshold; its code has 0.2 of the maximum for gradients and 0.1 for CAM.  A threshold chosen on the
images that are reported is supervision by their boxes: choose it on others (`best_threshold`), or report MaxBoxAcc.
Boxes are [N,4], top, left, bottom, right, as fractions of height and width; pixels r0..r1 of H span r0/H to (r1+1)/H,
so the whole image is (0, 0, 1, 1).  A box that does not exist is a row of NaN.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from tfrobust.downstream.heatmaps import check_maps
from tfrobust.downstream.segmentation import HALF, THRESHOLD, check_correct, hits, mask_of
from tfrobust.types import InputError

THRESHOLDS = tuple(i / 100 for i in range(101))
DELTAS = (0.3, 0.5, 0.7)
_CORNERS_TOUCH = np.ones((3, 3), int)


def _components(mask: np.ndarray):
    """(boxes [M,4], pixels [M]) of the connected components of a mask [H,W]; pixels that touch at a corner are one."""
    labels, count = ndimage.label(mask, _CORNERS_TOUCH)
    (h, w), places = mask.shape, ndimage.find_objects(labels)
    boxes = [(r.start / h, c.start / w, r.stop / h, c.stop / w) for r, c in places]
    return np.reshape(boxes, (-1, 4)), np.bincount(labels.ravel(), minlength=count + 1)[1:]


def _largest(mask):
    """Of components of the same size the first by rows."""
    boxes, pixels = _components(mask)
    return boxes[np.argmax(pixels)] if len(boxes) else np.full(4, np.nan)


def box_of(heat, threshold: float = THRESHOLD) -> tuple[float, float, float, float] | None:
    """The box of a heat map [H,W]: around the largest connected component of what is at least `threshold` of its
    maximum.  None for a map without a positive entry."""
    box = _largest(mask_of(check_maps(heat, axes="H,W")[np.newaxis], threshold)[0])
    return None if np.isnan(box).any() else tuple(float(edge) for edge in box)


def boxes_of(heat, threshold: float = THRESHOLD) -> np.ndarray:
    """`box_of` of each heat map [N,H,W], [N,4]; NaN where there is none."""
    return np.stack([_largest(mask) for mask in mask_of(heat, threshold)])


def _boxes(boxes, name):
    boxes = np.asarray(boxes)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "buif":
        raise InputError(f"{name} must be [N,4]: top, left, bottom, right; got {boxes.dtype} {list(boxes.shape)}")
    return boxes.astype(np.float64)


def _area(boxes):
    """Of boxes [N,4]; 0 of those that are upside down or missing."""
    return np.nan_to_num(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1))


def iou(boxes_a, boxes_b) -> np.ndarray:
    """Intersection over union of each pair of boxes [N,4], clipped to the image, [N] in [0, 1]; 0 where either is
    missing or has no area."""
    a, b = _boxes(boxes_a, "boxes_a").clip(0, 1), _boxes(boxes_b, "boxes_b").clip(0, 1)
    if len(a) != len(b):
        raise InputError(f"there must be as many boxes on both sides; got {len(a)} and {len(b)}")
    area_a, area_b = _area(a), _area(b)
    both = _area(np.concatenate([np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])], axis=1))
    both = np.where((area_a > 0) & (area_b > 0), both, 0.0)
    return both / np.where(both > 0, area_a + area_b - both, 1.0)


def _true_boxes(boxes, n):
    boxes = _boxes(boxes, "boxes")
    if len(boxes) != n or not np.isfinite(boxes).all() or (boxes[:, :2] > boxes[:, 2:]).any():
        raise InputError(f"boxes must be [{n},4], one for each map, with top <= bottom and left <= right, none missing")
    return boxes


def localize(heat, boxes, correct, threshold: float = THRESHOLD) -> dict[str, Any]:
    """How well the heat maps [N,H,W] locate the true boxes [N,4] of images predicted correctly or not [N] bool.

    boxes             [N,4], those found; NaN where there is none
    iou               [N], 0 where there is none
    gt_known_loc      share with IoU >= 0.5
    top1_loc          share predicted correctly and with IoU >= 0.5
    top1_acc          share predicted correctly
    mean_iou          mean of iou
    empty_maps        maps without a positive entry
    clipped_boxes     true boxes that reach out of the image
    degenerate_boxes  true boxes without an area in the image, which no box can hit
    """
    found = boxes_of(heat, threshold)
    boxes, correct = _true_boxes(boxes, len(found)), check_correct(correct, len(found))
    overlap = iou(found, boxes)
    hit = hits(overlap)
    return {
        "boxes": found,
        "iou": overlap,
        "gt_known_loc": float(hit.mean()),
        "top1_loc": float((hit & correct).mean()),
        "top1_acc": float(correct.mean()),
        "mean_iou": float(overlap.mean()),
        "empty_maps": int(np.isnan(found).any(axis=1).sum()),
        "clipped_boxes": int(((boxes < 0) | (boxes > 1)).any(axis=1).sum()),
        "degenerate_boxes": int((_area(boxes.clip(0, 1)) == 0).sum()),
    }


def overlaps(heat, boxes, thresholds: Sequence[float] = THRESHOLDS, any_component: bool = False) -> np.ndarray:
    """IoU [T,N] of the true boxes [N,4] and those of the heat maps [N,H,W] at each of T thresholds; any_component: of
    the component that fits best instead of the largest."""
    heat = check_maps(heat)
    boxes = _true_boxes(boxes, len(heat))
    if not len(thresholds):
        raise InputError("give at least one threshold")
    if not any_component:
        return np.stack([iou(boxes_of(heat, threshold), boxes) for threshold in thresholds])
    return np.stack([_best_overlaps(mask_of(heat, threshold), boxes) for threshold in thresholds])


def _best_overlaps(masks, boxes):
    found = [_components(mask)[0] for mask in masks]
    of = np.repeat(np.arange(len(found)), [len(each) for each in found])
    best = np.zeros(len(found))
    np.maximum.at(best, of, iou(np.concatenate(found), boxes[of]))
    return best


def best_threshold(heat, boxes, thresholds: Sequence[float] = THRESHOLDS, delta: float = HALF) -> float:
    """The threshold with the most boxes of IoU >= delta, the lowest of several: to be chosen on images held out."""
    thresholds = sorted(thresholds)
    return float(thresholds[np.argmax(hits(overlaps(heat, boxes, thresholds), delta).mean(axis=1))])


def max_box_acc(heat, boxes, thresholds: Sequence[float] = THRESHOLDS, delta: float = HALF) -> float:
    """MaxBoxAcc: the share of images whose largest component's box has IoU >= delta, at the best threshold.

    Heat maps should span 0 to 1 (`normalized` with percentiles 0 and 100 is the protocol's).  Threshold 0 takes the
    whole image, so MaxBoxAcc is at least what the box (0, 0, 1, 1) reaches.
    """
    return float(hits(overlaps(heat, boxes, thresholds), delta).mean(axis=1).max())


def max_box_acc_v2(heat, boxes, thresholds: Sequence[float] = THRESHOLDS, deltas: Sequence[float] = DELTAS) -> float:
    """MaxBoxAccV2: the mean over `deltas` of the share of images of which any component's box has IoU >= delta, each
    at its best threshold."""
    table = overlaps(heat, boxes, thresholds, any_component=True)
    return float(np.mean([hits(table, delta).mean(axis=1).max() for delta in deltas]))

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
    """The box of the largest component of a mask [H,W]; of several of the same size, the first by rows."""
    boxes, pixels = _components(mask)
    return boxes[np.argmax(pixels)] if len(boxes) else np.full(4, np.nan)


def box_of(heat: Any, threshold: float = THRESHOLD) -> tuple[float, float, float, float] | None:
    """The box around the largest connected component of what is at least a part of a heat map's maximum.

    Args:
        heat: [H,W].
        threshold: the part, 0 to 1.

    Returns:
        (top, left, bottom, right) as fractions of the image; None for a map without a positive entry.
    """
    box = _largest(mask_of(check_maps(heat, axes="H,W")[np.newaxis], threshold)[0])
    top, left, bottom, right = (float(edge) for edge in box)
    return None if np.isnan(box).any() else (top, left, bottom, right)


def boxes_of(heat: Any, threshold: float = THRESHOLD) -> np.ndarray:
    """`box_of` of each heat map of `heat` [N,H,W], [N,4]; NaN where there is none."""
    return np.stack([_largest(mask) for mask in mask_of(heat, threshold)])


def _boxes(boxes, name):
    boxes = np.asarray(boxes)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "buif":
        raise InputError(f"{name} must be [N,4]: top, left, bottom, right; got {boxes.dtype} {list(boxes.shape)}")
    return boxes.astype(np.float64)


def _area(boxes):
    """The areas [N] of boxes [N,4]; 0 for boxes that are upside down or missing."""
    return np.nan_to_num(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1))


def iou(boxes_a: Any, boxes_b: Any) -> np.ndarray:
    """Intersection over union of each pair of boxes.

    Args:
        boxes_a: [N,4]: top, left, bottom and right as fractions of the image, to which they are clipped.
        boxes_b: the boxes [N,4] that they are compared with.

    Returns:
        [N] in [0, 1]; 0 where either is missing or has no area.

    Raises:
        InputError: where the numbers of boxes differ.
    """
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


def localize(heat: Any, boxes: Any, correct: Any, threshold: float = THRESHOLD) -> dict[str, Any]:
    """How well heat maps locate objects.

    Args:
        heat: [N,H,W].
        boxes: the true boxes, [N,4].
        correct: which images were predicted correctly, [N] bool.
        threshold: of the heat maps, as a part of their maximum.

    Returns:
        The measures by name.
        boxes: [N,4], those found; NaN where there is none.
        iou: [N], 0 where there is none.
        gt_known_loc: share with IoU >= 0.5.
        top1_loc: share predicted correctly and with IoU >= 0.5.
        top1_acc: share predicted correctly.
        mean_iou: mean of iou.
        empty_maps: number of maps without a positive entry.
        clipped_boxes: number of true boxes that reach out of the image.
        degenerate_boxes: number of true boxes without an area in the image, which no box can hit.

    Raises:
        InputError: where the three do not fit each other.
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


def overlaps(
    heat: Any, boxes: Any, thresholds: Sequence[float] = THRESHOLDS, any_component: bool = False
) -> np.ndarray:
    """How much the boxes of heat maps overlap with the true ones, at each of several thresholds.

    Args:
        heat: [N,H,W].
        boxes: the true boxes, [N,4].
        thresholds: T of them, as parts of the maximum.
        any_component: take the box of the component that fits best, not that of the largest.

    Returns:
        IoU [T,N].

    Raises:
        InputError: where heat and boxes do not fit each other, and without a threshold.
    """
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


def best_threshold(heat: Any, boxes: Any, thresholds: Sequence[float] = THRESHOLDS, delta: float = HALF) -> float:
    """The threshold with the most boxes that fit, the lowest of several: to be chosen on images held out.

    Args:
        heat: heat maps [N,H,W].
        boxes: the true boxes, [N,4].
        thresholds: those that are tried, as parts of the maximum of a map.
        delta: the IoU from which a box fits.
    """
    thresholds = sorted(thresholds)
    return float(thresholds[np.argmax(hits(overlaps(heat, boxes, thresholds), delta).mean(axis=1))])


def max_box_acc(heat: Any, boxes: Any, thresholds: Sequence[float] = THRESHOLDS, delta: float = HALF) -> float:
    """MaxBoxAcc: the share of images whose largest component's box fits, at the best threshold.

    Heat maps should span 0 to 1 (`normalized` with percentiles 0 and 100 is the protocol's).  Threshold 0 takes the
    whole image, so MaxBoxAcc is at least what the box (0, 0, 1, 1) reaches.

    Args:
        heat: heat maps [N,H,W].
        boxes: the true boxes, [N,4].
        thresholds: those that are tried, as parts of the maximum of a map.
        delta: the IoU from which a box fits.
    """
    return float(hits(overlaps(heat, boxes, thresholds), delta).mean(axis=1).max())


def max_box_acc_v2(
    heat: Any, boxes: Any, thresholds: Sequence[float] = THRESHOLDS, deltas: Sequence[float] = DELTAS
) -> float:
    """MaxBoxAccV2: the share of images of which any component's box fits, at the best threshold; a mean over `deltas`.

    Args:
        heat: heat maps [N,H,W].
        boxes: the true boxes, [N,4].
        thresholds: those that are tried, as parts of the maximum of a map.
        deltas: the IoUs from which a box fits; each has a best threshold of its own.
    """
    table = overlaps(heat, boxes, thresholds, any_component=True)
    return float(np.mean([hits(table, delta).mean(axis=1).max() for delta in deltas]))

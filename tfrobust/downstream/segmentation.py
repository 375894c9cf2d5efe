"""Weakly supervised segmentation: how well a heat map outlines the object (ART, Section 5, "Image Segmentation").

ART states neither threshold nor smoothing; 0.2 is what its code for boxes uses.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfrobust.data.annotations import annotation_maps, check_annotation
from tfrobust.downstream.heatmaps import check_maps
from tfrobust.types import InputError

THRESHOLD = 0.2
HALF = 0.5
_ROUNDING = 1e-6  # An IoU of one half, made of fractions in float32, is one half.


def hits(iou: Any, delta: float = HALF) -> np.ndarray:
    """Which overlaps `iou` [N] are `delta` or more, [N] bool."""
    return np.asarray(iou) >= delta - _ROUNDING


def check_threshold(threshold: float) -> None:
    """Raises InputError unless the `threshold` is in [0, 1]."""
    if not 0 <= threshold <= 1:
        raise InputError(f"the threshold is a part of the map's maximum, from 0 to 1; got {threshold}")


def check_correct(correct: Any, n: int) -> np.ndarray:
    """`correct` as an array [n]; raises InputError unless it is bool and of that shape."""
    correct = np.asarray(correct)
    if correct.shape != (n,) or correct.dtype != bool:
        raise InputError(f"correct must be bool [{n}], one for each map; got {correct.dtype} {list(correct.shape)}")
    return correct


def mask_of(heat: Any, threshold: float = THRESHOLD) -> np.ndarray:
    """Where heat maps are at least a part of their maximum.

    A map without a positive entry has an empty mask.  Threshold 0 takes every pixel that is not negative.

    Args:
        heat: [N,H,W].
        threshold: the part, 0 to 1.

    Returns:
        bool [N,H,W].
    """
    heat = check_maps(heat)
    check_threshold(threshold)
    top = heat.max(axis=(1, 2), keepdims=True)
    return (heat >= threshold * top) & (top > 0)


def _masks(masks, name):
    masks = np.asarray(masks)
    if (
        masks.ndim != 3
        or not masks.size
        or masks.dtype.kind not in "bui"
        or not np.isin(np.unique(masks), (0, 1)).all()
    ):
        raise InputError(f"{name} must be [N,H,W], bool or integers 0 and 1; got {masks.dtype} {list(masks.shape)}")
    return masks.astype(bool)


def mask_iou(masks_a: Any, masks_b: Any) -> np.ndarray:
    """Intersection over union of each pair of masks, [N] in [0, 1]; of two empty ones 0.

    Args:
        masks_a: [N,H,W], 0 or 1.
        masks_b: the masks [N,H,W] that they are compared with, 0 or 1.

    Raises:
        InputError: where they are no masks, or of different shapes.
    """
    masks_a, masks_b = _masks(masks_a, "masks_a"), _masks(masks_b, "masks_b")
    if masks_a.shape != masks_b.shape:
        raise InputError(f"both masks must have one shape; got {list(masks_a.shape)} and {list(masks_b.shape)}")
    union = (masks_a | masks_b).sum(axis=(1, 2))
    return (masks_a & masks_b).sum(axis=(1, 2)) / np.maximum(union, 1)


def segment(heat: Any, masks: Any, correct: Any, threshold: float = THRESHOLD) -> dict[str, Any]:
    """How well heat maps outline objects.

    Args:
        heat: [N,H,W].
        masks: the true masks, [N,H,W].
        correct: which images were predicted correctly, [N] bool.
        threshold: of the heat maps, as a part of their maximum.

    Returns:
        The measures by name.
        iou: [N], NaN where the true mask is empty; all shares and means are of the others.
        mean_iou: its mean.
        gt_known_seg: share with IoU >= 0.5.
        top1_seg: share predicted correctly and with IoU >= 0.5 (ART's Top-1 Seg).
        top1_acc: share predicted correctly.
        empty_masks: number of true masks without a pixel, left out.
        empty_maps: number of heat maps without a positive entry among the others; their IoU is 0.

    Raises:
        InputError: where the three do not fit each other, and where all true masks are empty.
    """
    found, masks = mask_of(heat, threshold), _masks(masks, "masks")
    correct = check_correct(correct, len(found))
    iou = mask_iou(found, masks)
    used = masks.any(axis=(1, 2))
    if not used.any():
        raise InputError("all true masks are empty: there is nothing to compare with")
    hit = hits(iou)
    return {
        "iou": np.where(used, iou, np.nan),
        "mean_iou": float(iou[used].mean()),
        "gt_known_seg": float(hit[used].mean()),
        "top1_seg": float((hit & correct)[used].mean()),
        "top1_acc": float(correct[used].mean()),
        "empty_masks": int((~used).sum()),
        "empty_maps": int((used & ~found.any(axis=(1, 2))).sum()),
    }


def boxes_as_masks(boxes: Any, shape: Sequence[int]) -> np.ndarray:
    """Boxes as masks: a pixel is inside where its center is.

    Args:
        boxes: [N,4] (top, left, bottom, right, fractions of the image).
        shape: (H, W) of the masks.

    Returns:
        bool [N,H,W].

    Raises:
        InputError: where the boxes or the shape are none.
    """
    if len(shape) != 2 or min(shape) < 1:
        raise InputError(f"shape must be (H, W) of the masks; got {tuple(shape)}")
    boxes = np.asarray(boxes)
    boxes = check_annotation("boxes", "boxes", boxes, (len(boxes) if boxes.ndim else 0, *shape, 1))
    return annotation_maps("boxes", boxes, (*shape, 1))[..., 0] > 0

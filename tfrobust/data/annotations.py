"""Annotations by people of where the object is in an image, and as saliency maps: +1 inside, -1 outside (SAT Eq. 10).

boxes   [N,4] (top, left, bottom, right) as fractions of the height and width, which survive a resize
masks   [N,H,W], 0 or 1
maps    [N,H,W] or [N,H,W,C], numbers in [-1, 1], from whatever source
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfrobust.names import ANNOTATIONS
from tfrobust.types import InputError


def _boxes(name, values, shape):
    boxes = values.astype(np.float32)
    if boxes.shape != (shape[0], 4):
        raise InputError(f"{name} must be [{shape[0]},4]: top, left, bottom, right; got {list(boxes.shape)}")
    wrong = ~((0 <= boxes).all(1) & (boxes <= 1).all(1) & (boxes[:, :2] <= boxes[:, 2:]).all(1))
    if wrong.any():
        raise InputError(
            f"{name}: box {int(np.argmax(wrong))} is no (top, left, bottom, right) in fractions of the image"
        )
    return boxes


def _masks(name, values, shape):
    if values.shape != shape[:3] or not np.isin(np.unique(values), (0, 1)).all():
        raise InputError(f"{name} must be {list(shape[:3])} of 0 and 1; got {values.dtype} {list(values.shape)}")
    return values.astype(np.uint8)


def _maps(name, values, shape):
    maps = values[..., np.newaxis] if values.ndim == 3 else values
    if maps.shape[:3] != shape[:3] or maps.ndim != 4 or maps.shape[3] not in (1, shape[3]):
        raise InputError(f"{name} must be {list(shape[:3])} or {list(shape)}; got {list(values.shape)}")
    if not np.isfinite(maps).all() or maps.min() < -1 or maps.max() > 1:
        raise InputError(f"{name} must hold numbers in [-1, 1]")
    return maps.astype(np.float16)


def _box_map(boxes, shape):
    """A pixel is inside where its center is."""
    height, width = shape[:2]
    rows, columns = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    top, left, bottom, right = np.moveaxis(boxes, 1, 0)[:, :, np.newaxis]
    inside_rows, inside_columns = (top <= rows) & (rows <= bottom), (left <= columns) & (columns <= right)
    return _signed(inside_rows[:, :, np.newaxis] & inside_columns[:, np.newaxis])


def _signed(inside):
    return np.where(inside, 1, -1).astype(np.int8)[..., np.newaxis]


# Each kind: (check and convert, make a map [N,H,W,1 or C] in [-1, 1])
BOXES = (_boxes, _box_map)
MASKS = (_masks, lambda masks, shape: _signed(masks > 0))
MAPS = (_maps, lambda maps, shape: maps)


def check_annotation(name: str, kind: str, values: Any, shape: Sequence[int]) -> np.ndarray:
    """Checks and converts the annotation of images.

    Args:
        name: how a message calls it.
        kind: one of ANNOTATIONS: boxes, masks or maps.
        values: as the module says, of any numeric type.
        shape: (N, H, W, C) of the images.

    Raises:
        InputError: with the name, where the annotation does not fit.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "buif":
        raise InputError(f"{name} must hold numbers; got {values.dtype}")
    return ANNOTATIONS[kind][0](name, values, shape)


def annotation_maps(kind: str, values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """An annotation as saliency maps [N,H,W,C] in [-1, 1].

    Args:
        kind: one of ANNOTATIONS.
        values: as `check_annotation` returned it.
        shape: (H, W, C) of the images.
    """
    maps = ANNOTATIONS[kind][1](values, shape)
    return np.broadcast_to(maps, (len(maps), *shape))

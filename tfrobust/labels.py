"""Labels: whole numbers, one per image, each a class counted from 0.

One check, in one wording, of those that come in arrays and files; batches within a graph are asserted in its words.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfrobust.errors import InputError

RENUMBER = "renumber them"


def not_one_each(got: Sequence, name: str = "labels", count: str = "") -> str:
    """A message for labels that are not one per image.

    Args:
        got: their shape.
        name: how the message calls them.
        count: how many there should be, in words that follow "one per image".
    """
    hint = ": take y.argmax(axis=1)" if len(got) == 2 else ""
    return f"{name} must be whole numbers, one per image{count}; got {list(got)}{hint}"


def not_whole(name: str = "labels") -> str:
    """The beginning of a message for labels that are no whole numbers; the first of these follows it."""
    return f"{name} must be whole numbers, one per image; found"


def outside(classes: int | None, name: str = "labels", remedy: str = RENUMBER) -> str:
    """The beginning of a message for labels that are none of the classes; the first of these follows it.

    Args:
        classes: how many there are; None: not known.
        name: how the message calls the labels.
        remedy: what to do.
    """
    if classes is None:
        return f"{name} must be 0 or more, as the first class is 0: {remedy}; found"
    return f"{name} must lie in 0..{classes - 1}, as there are {classes} classes and the first is 0: {remedy}; found"


def check_labels(y: Any, images: int, classes: int | None = None, name: str = "labels") -> np.ndarray:
    """Labels as int32 [N].

    Args:
        y: [N] or [N,1], whole numbers (floats such as 3.0 are).
        images: N.
        classes: their number; None: not known.
        name: how a message calls the labels.

    Raises:
        InputError: unless they are whole numbers, one per image, from 0 on and, where the classes are known, below
          their number.
    """
    y = np.asarray(y)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.shape != (images,):
        raise InputError(not_one_each(y.shape, name, f" ({images})"))
    if y.dtype.kind not in "uif":
        raise InputError(f"{not_whole(name)} {y.dtype}")
    _refuse(
        y, y != np.floor(y), not_whole(name)
    )  # NaN is no whole number; infinity is one, and is refused as no class below.
    from_one = classes is not None and images and y.min() == 1 and y.max() == classes
    bad = (y < 0) | (y >= (2**31 if classes is None else classes))
    _refuse(y, bad, outside(classes, name, "give y - 1" if from_one else RENUMBER))
    return y.astype(np.int32)


def _refuse(y, bad, text: str) -> None:
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(f"{text} {y[first]} (image {first})")

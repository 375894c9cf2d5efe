"""Labels: whole numbers, one per image, each a class counted from 0.

One check, in one wording, of those that come in arrays and files; batches within a graph are asserted in its words.
"""

from collections.abc import Sequence

import numpy as np

from tfrobust.errors import InputError

RENUMBER = "renumber them"


def not_one_each(got: Sequence, name: str = "labels", count: str = "") -> str:
    """What is wrong with labels of the shape `got`."""
    hint = ": take y.argmax(axis=1)" if len(got) == 2 else ""
    return f"{name} must be whole numbers, one per image{count}; got {list(got)}{hint}"


def not_whole(name: str = "labels") -> str:
    """What is wrong with labels that are no whole numbers; the first of these follows."""
    return f"{name} must be whole numbers, one per image; found"


def outside(classes: int | None, name: str = "labels", remedy: str = RENUMBER) -> str:
    """What is wrong with labels that are none of so many classes (None: not known); the first of these follows."""
    if classes is None:
        return f"{name} must be 0 or more, as the first class is 0: {remedy}; found"
    return f"{name} must lie in 0..{classes - 1}, as there are {classes} classes and the first is 0: {remedy}; found"


def check_labels(y, images: int, classes: int | None = None, name: str = "labels") -> np.ndarray:
    """The labels [N] or [N,1] of so many images as int32 [N].

    name: what the message calls them.  InputError unless they are whole numbers (floats such as 3.0 are), one per
    image, from 0 on and, where the classes are known, below their number.
    """
    y = np.asarray(y)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.shape != (images,):
        raise InputError(not_one_each(y.shape, name, f" ({images})"))
    if y.dtype.kind not in "uif":
        raise InputError(f"{not_whole(name)} {y.dtype}")
    _refuse(y, y != np.floor(y), not_whole(name))  # NaN is none, infinity is none of the classes.
    from_one = classes is not None and images and y.min() == 1 and y.max() == classes
    bad = (y < 0) | (y >= (2**31 if classes is None else classes))
    _refuse(y, bad, outside(classes, name, "give y - 1" if from_one else RENUMBER))
    return y.astype(np.int32)


def _refuse(y, bad, text: str) -> None:
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(f"{text} {y[first]} (image {first})")

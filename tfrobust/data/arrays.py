"""Images in memory, checked: the form in which every source hands over its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tfrobust.data.annotations import check_annotation
from tfrobust.data.augmentation import Augmentation
from tfrobust.facts import Facts
from tfrobust.labels import check_labels
from tfrobust.layout import reads_channels_first
from tfrobust.names import EVALUATE_ON
from tfrobust.types import InputError


def to_unit(x: np.ndarray) -> np.ndarray:
    """Images `x` as float32 in [0, 1]: 8-bit ones are divided by 255, floats are taken as they are."""
    return x.astype(np.float32) / 255 if x.dtype == np.uint8 else np.asarray(x, np.float32)


def pixel_statistics(x: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of the images `x` [N,H,W,C], over all pixels, in units of [0, 1]."""
    count = np.prod(x.shape[:3])
    parts = [slice(i, i + 1000) for i in range(0, len(x), 1000)]  # The images may be in a file, and many.
    mean: Any = sum(to_unit(x[part]).sum(axis=(0, 1, 2), dtype=np.float64) for part in parts) / count
    squares = (np.square(to_unit(x[part]) - mean).sum(axis=(0, 1, 2)) for part in parts)
    variance: Any = sum(squares) / count
    return tuple(mean.tolist()), tuple(np.sqrt(variance).tolist())


@dataclass(frozen=True)
class ImageData:
    """A data set in memory, a train and a test split, and what is done to its training images.

    Attributes:
        name: how messages call it.
        x_train, x_test: images [N,H,W,C], uint8 or float32 in [0, 1].
        y_train, y_test: labels [N] int32 in [0, classes).
        classes: their number.
        annotations, test_annotations: of the images of the two splits, by kind (see `annotations`).
        saliency: [N,M,H,W,C], numbers in [-1, 1], the maps of M sources for each training image; None: the stream of
          batches has none.
        augmentation: of the stream's images; None: they stay as they are.
        per_class: images of each class in a pass, originals and augmented copies (0: the originals, all augmented).
        equalize: the stream's histograms are equalized (`prepared` does the test images').
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    annotations: Mapping[str, np.ndarray] = field(default_factory=dict)
    test_annotations: Mapping[str, np.ndarray] = field(default_factory=dict)
    saliency: np.ndarray | None = None
    augmentation: Augmentation | None = None
    per_class: int = 0
    equalize: bool = False

    @property
    def train_size(self) -> int:
        """The number of images in a pass, copies included."""
        if not self.per_class:
            return len(self.x_train)
        return int(np.maximum(np.bincount(self.y_train), self.per_class)[np.unique(self.y_train)].sum())

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, C) of an image."""
        return self.x_train.shape[1:]

    def holding_out(self, n: int, evaluate_on: str = "test") -> "ImageData":
        """The same data without the first training images, which may take the place of the test split.

        In a file sorted by class the first n images are one class: shuffle such a file first.

        Args:
            n: how many are held out.
            evaluate_on: "test" keeps the test split; with "held_out" these n take its place, so that settings can be
              chosen without a look at it.

        Raises:
            InputError: for another evaluate_on, for an n that leaves no training image, and where there is nothing to
              evaluate on.
        """
        if evaluate_on not in EVALUATE_ON:
            raise InputError(f"evaluate_on must be one of {', '.join(EVALUATE_ON)}; got {evaluate_on!r}")
        if not 0 <= n < len(self.x_train):
            raise InputError(f"cannot hold out {n} of the {len(self.x_train)} training images of {self.name}")
        test = self.x_test, self.y_test, self.test_annotations
        if evaluate_on == "held_out":
            test = self.x_train[:n], self.y_train[:n], {kind: values[:n] for kind, values in self.annotations.items()}
        x_test, y_test, test_annotations = test
        if not len(x_test):
            raise InputError("evaluate_on=held_out needs images that are held out: give hold_out")
        return replace(
            self,
            x_train=self.x_train[n:],
            y_train=self.y_train[n:],
            x_test=x_test,
            y_test=y_test,
            annotations={kind: values[n:] for kind, values in self.annotations.items()},
            test_annotations=test_annotations,
            saliency=None if self.saliency is None else self.saliency[n:],
        )


def make_image_data(
    name: str,
    x_train: Any,
    y_train: Any,
    x_test: Any,
    y_test: Any,
    *,
    facts: Facts | None = None,
    annotations: Mapping[str, Any] | None = None,
    test_annotations: Mapping[str, Any] | None = None,
) -> ImageData:
    """ImageData from raw arrays: grey images get their channel axis, everything is checked.

    Args:
        name: how messages call the data set.
        x_train: training images [N,H,W,C] or [N,H,W], floats in [0, 1] or integers in [0, 255].
        x_test: test images, likewise.
        y_train: labels [N] of the training images, whole numbers from 0.
        y_test: labels of the test images, likewise.
        facts: what is known of the data set, to which it is held; None: the classes are counted.
        annotations: of the training images, by kind (see `annotations`).
        test_annotations: of the test images, by kind.

    Raises:
        InputError: naming the array, for a wrong shape or type, pixels that are NaN or outside [0, 1] (floats) or
          [0, 255] (integers), labels that are not whole numbers or outside the classes, annotations that do not fit,
          classes without an image, and sizes that contradict `facts`.
    """
    x_train, x_test = _images(f"{name}: x_train", x_train), _images(f"{name}: x_test", x_test)
    if x_train.shape[1:] != x_test.shape[1:]:
        raise InputError(f"{name}: x_train {x_train.shape[1:]} and x_test {x_test.shape[1:]} differ in image shape")
    y_train = check_labels(y_train, len(x_train), facts and facts.classes, f"{name}: y_train")
    classes = facts.classes if facts else int(y_train.max()) + 1
    y_test = check_labels(y_test, len(x_test), classes, f"{name}: y_test")
    if facts and x_train.shape[1:] != facts.shape:
        raise InputError(f"{name}: images are {x_train.shape[1:]}, should be {facts.shape}")
    if facts and (len(x_train), len(x_test)) != (facts.train, facts.test):
        raise InputError(
            f"{name}: {len(x_train)} train and {len(x_test)} test images, should be {facts.train} and {facts.test}; "
            "give a part of a data set another name"
        )
    for split, y in (("y_train", y_train), ("y_test", y_test)):
        absent = np.setdiff1d(np.arange(classes), y)
        if len(absent) and (facts or split == "y_train"):
            raise InputError(f"{name}: {split} has no image of class {absent[0]}: each of 0..{classes - 1} needs one")
    train, test = (
        {k: check_annotation(f"{name}: {k}_{split}", k, values, shape) for k, values in (given or {}).items()}
        for split, given, shape in (("train", annotations, x_train.shape), ("test", test_annotations, x_test.shape))
    )
    return ImageData(name, x_train, y_train, x_test, y_test, classes, train, test)


def check_labelled(name: str, arrays: Sequence[str], x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Checks images and their labels, as those of a split are.

    Args:
        name: how messages call the data.
        arrays: what the two arrays are called in them.
        x: images, see `make_image_data`.
        y: labels [N].

    Returns:
        (x [N,H,W,C], y [N] int32).

    Raises:
        InputError: where they do not fit.
    """
    x = _images(f"{name}: {arrays[0]}", x)
    return x, check_labels(y, len(x), name=f"{name}: {arrays[1]}")


def _images(name, x):
    x = x if isinstance(x, np.memmap) else np.asarray(x)  # An array in a file stays there.
    x = x[..., np.newaxis] if x.ndim == 3 else x
    if x.ndim != 4 or 0 in x.shape or x.dtype.kind not in "uif":
        raise InputError(f"{name} must be images [N,H,W] or [N,H,W,C] of numbers; got {x.dtype} {list(x.shape)}")
    if reads_channels_first(x.shape[1:]):
        raise InputError(
            f"{name} of shape {list(x.shape)} reads as images with their channels first, [N,C,H,W]: store "
            "x.transpose(0, 2, 3, 1)"
        )
    if x.dtype.kind == "f":
        x = x.astype(np.float32)
        if not np.isfinite(x).all():
            raise InputError(
                f"{name} holds NaN or infinite pixels, first in image {np.argwhere(~np.isfinite(x))[0][0]}"
            )
        if x.min() < 0 or x.max() > 1:
            hint = "store (x + 1) / 2" if -1 <= x.min() < 0 and x.max() <= 1 else "divide by 255"
            raise InputError(
                f"{name} spans [{x.min():.4g}, {x.max():.4g}]: float images must lie in [0, 1]; {hint}, or store uint8"
            )
        return x
    if x.min() < 0 or x.max() > 255:
        raise InputError(f"{name} spans [{x.min()}, {x.max()}]: integer images must lie in [0, 255]")
    return x if x.dtype == np.uint8 else x.astype(np.uint8)

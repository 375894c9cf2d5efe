"""What the papers do to a data set before training: another size, more images, flatter histograms."""

from dataclasses import replace

import numpy as np
import tensorflow as tf

from tfrobust.data.arrays import ImageData, to_unit
from tfrobust.data.augmentation import make_augmentation
from tfrobust.image_ops import equalize
from tfrobust.types import InputError

BATCH = 256


def resized(data: ImageData, size: int | None) -> ImageData:
    """The data with images and masks of `size` x `size` pixels (None: as they are), the aspect ratio not kept.

    Boxes are fractions and stay.
    """
    if size is None or data.shape[:2] == (size, size):
        return data

    def images(x):
        return _by_batch(lambda part: tf.image.resize(part, (size, size), antialias=True), x)

    def annotated(annotations):
        methods = {"masks": "nearest", "maps": "bilinear"}
        return {
            kind: _scaled(values, size, methods[kind]) if kind in methods else values
            for kind, values in annotations.items()
        }

    return replace(
        data,
        x_train=images(data.x_train),
        x_test=images(data.x_test),
        annotations=annotated(data.annotations),
        test_annotations=annotated(data.test_annotations),
    )


def _scaled(values, size, method):
    values = values[..., np.newaxis] if values.ndim == 3 else values
    out = tf.image.resize(tf.cast(values, tf.float32), (size, size), method).numpy().astype(values.dtype)
    return out[..., 0] if method == "nearest" else out


def _by_batch(function, x: np.ndarray) -> np.ndarray:
    """Applies a function to the images batch by batch; the result is uint8 where they were."""
    parts = []
    for start in range(0, len(x), BATCH):
        part = np.clip(function(tf.constant(to_unit(x[start : start + BATCH]))).numpy(), 0, 1)
        parts.append(np.round(part * 255).astype(np.uint8) if x.dtype == np.uint8 else part)
    return np.concatenate(parts)


def augmented(data: ImageData, name: str | None, per_class: int = 0, equalized: bool = False) -> ImageData:
    """The data with the stream of its training images augmented, and its histograms equalized where that is asked for.

    Args:
        data: it stays as it is.
        name: of the augmentation, one of AUGMENTATIONS; None: none.
        per_class: images of each class in a pass, see `ImageData`.
        equalized: equalize the histograms of training and test images.

    Raises:
        InputError: for an unknown augmentation, and for a per_class without one.
    """
    if per_class and name is None:
        raise InputError("per_class fills classes up with augmented copies: give an augmentation as well")
    x_test = _by_batch(equalize, data.x_test) if equalized else data.x_test
    augmentation = make_augmentation(name) if name else None
    return replace(data, x_test=x_test, augmentation=augmentation, per_class=per_class, equalize=equalized)

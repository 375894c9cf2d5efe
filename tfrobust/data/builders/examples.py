"""What the builders share: reading files and images, resizing, boxes, counting.

Whatever is missing or cannot be read is an InputError with its name: an archive that was unpacked only in part, or
changed since, must not become a data set.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tfrobust.types import InputError

AGAIN = "remove the unpacked archive and try again"


def read_bytes(path: str | os.PathLike) -> bytes:
    """The bytes of a file; raises InputError where it cannot be read."""
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return file.read()
    except tf.errors.OpError as e:
        raise InputError(f"{path} is missing or cannot be read: {AGAIN}") from e


def read_lines(path: str | os.PathLike) -> list[str]:
    """The lines of a text file, without empty ones."""
    return [line for line in read_bytes(path).decode().splitlines() if line.strip()]


def read_table(
    path: str | os.PathLike, parse: Callable[[Any], Any], rows: Callable[[list[str]], Iterable] = iter
) -> list:
    """parse(row) of each row of a text file.

    Args:
        path: of the file.
        parse: row -> anything; an error of it says that the row cannot be read.
        rows: makes rows of the lines; by default a row is a line.

    Raises:
        InputError: with the row, where it cannot be read.
    """
    out = []
    for row in rows(read_lines(path)):
        try:
            out.append(parse(row))
        except (KeyError, TypeError, ValueError) as e:
            raise InputError(f"{path} has a line that cannot be read ({str(row)[:200]}): {AGAIN}") from e
    return out


def read_image(path: str | os.PathLike) -> np.ndarray:
    """The image [H,W,3] uint8 in a JPEG or PNG file; a grey image is made RGB."""
    return decode_image(read_bytes(path), path)


def decode_image(data: bytes, name: str | os.PathLike) -> np.ndarray:
    """The image [H,W,3] uint8 in `data`, the bytes of a JPEG or PNG file called `name`; InputError for others."""
    try:
        return tf.io.decode_image(data, channels=3, expand_animations=False).numpy()
    except (tf.errors.OpError, ValueError) as e:
        raise InputError(f"{name} cannot be read as an image ({str(e).splitlines()[0][:200]}): {AGAIN}") from e


def resize(image: np.ndarray, height: int, width: int, antialias: bool = True) -> np.ndarray:
    """An image of another size, resized bilinearly and rounded; the aspect ratio is what one asks for.

    Args:
        image: uint8 [H,W,C].
        height: of the new image, in pixels.
        width: of the new image, in pixels.
        antialias: smooth it before it is made smaller.

    Returns:
        uint8 [height,width,C].
    """
    resized = tf.round(tf.image.resize(image, (height, width), antialias=antialias))
    return tf.cast(tf.clip_by_value(resized, 0, 255), tf.uint8).numpy()


def center_crop(image: np.ndarray, size: int) -> np.ndarray:
    """The square of `size` x `size` pixels in the middle of an image."""
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def box(top: float, left: float, bottom: float, right: float) -> tfds.features.BBox:
    """A box of TFDS, cut to [0, 1].

    Args:
        top: its upper edge, as a fraction of the height of the image.
        left: its left edge, as a fraction of the width.
        bottom: its lower edge, as a fraction of the height.
        right: its right edge, as a fraction of the width.
    """
    top, left, bottom, right = (float(np.clip(edge, 0, 1)) for edge in (top, left, bottom, right))
    return tfds.features.BBox(ymin=top, xmin=left, ymax=bottom, xmax=right)


def counted(examples: Iterable, expected: int, what: str) -> Iterator:
    """Hands the examples on, and raises InputError at their end where there were not as many as expected.

    Args:
        examples: any.
        expected: their number.
        what: how a message calls them.
    """
    n = 0
    for example in examples:
        n += 1
        yield example
    if n != expected:
        raise InputError(f"{what} has {n} images, should have {expected}: {AGAIN}")

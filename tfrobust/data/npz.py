"""Reads data sets in the Keras npz layout: x_train, y_train, x_test, y_test (or x_val, y_val for want of a test split).

The file may also have annotations of the images: boxes_train, masks_train, maps_train, and the same with _test.

Boxes may also come as they are published: bbox_train [N,4] with source_wh_train [N,2] are x, y, width, height in the
pixels of photographs of that width and height (CUB-200-2011); bbox_train alone are x1, y1, x2, y2, the first and last
pixel of the stored image (Tiny ImageNet).
"""

import contextlib
import os
import zipfile
import zlib
from collections.abc import Generator

import numpy as np

from tfrobust.checks import check_regular_file
from tfrobust.data.annotations import ANNOTATIONS
from tfrobust.data.arrays import ImageData, make_image_data
from tfrobust.facts import Facts
from tfrobust.types import InputError

SLACK = 1.0  # A published box may reach this many pixels out of its photograph.
LARGE = 1 << 30  # An array of more bytes than this ...
MOST_INFLATION = 500  # ... may be this many times larger than its compressed form in the file; images never are more.


@contextlib.contextmanager
def opened_npz(path: str | os.PathLike) -> Generator[np.lib.npyio.NpzFile, None, None]:
    """The npz file of that `path`, open; pickled objects are refused.

    Raises:
        InputError: for whatever goes wrong with it in the block.
    """
    check_regular_file(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            _check_sizes(path, file)
            yield file
    except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as e:
        if isinstance(e, InputError):
            raise
        raise InputError(f"{path} cannot be read as npz: {e}") from e


def _check_sizes(path, file) -> None:
    """Raises InputError where a small file holds an array that fills the memory."""
    for member in file.zip.infolist():
        if member.file_size > max(LARGE, MOST_INFLATION * member.compress_size):
            size = f"{member.file_size / 2**30:.0f} GiB"
            raise InputError(f"{path}: {member.filename} has {size} and next to nothing in it: are these images?")


def read_npz(path: str | os.PathLike, name: str, facts: Facts | None = None) -> ImageData:
    """The data set in an npz file; arrays of other names in it are ignored.

    Args:
        path: of the file.
        name: of the data set.
        facts: to which the data set is held; None: to none.

    Raises:
        InputError: where the file cannot be read, an array is missing, or `make_image_data` refuses one.
    """
    with opened_npz(path) as file:
        test = "val" if "x_val" in file and "x_test" not in file else "test"
        keys = ["x_train", "y_train", f"x_{test}", f"y_{test}"]
        missing = [key for key in keys if key not in file]
        if missing:
            raise InputError(f"{path} lacks {', '.join(missing)}: it must hold x_train, y_train, x_test, y_test")
        x_train, y_train, x_test, y_test = (file[key] for key in keys)
        annotations = [_annotations(file, split, file[f"x_{split}"].shape) for split in ("train", test)]
    return make_image_data(
        name,
        x_train,
        y_train,
        x_test,
        y_test,
        facts=facts,
        annotations=annotations[0],
        test_annotations=annotations[1],
    )


def _annotations(file, split: str, shape):
    """kind -> annotation of the images x_SPLIT of that shape."""
    found = {kind: file[f"{kind}_{split}"] for kind in ANNOTATIONS if f"{kind}_{split}" in file}
    if "boxes" not in found and f"bbox_{split}" in file and file[f"bbox_{split}"].shape == (shape[0], 4):
        size = file[f"source_wh_{split}"] if f"source_wh_{split}" in file else None
        found["boxes"] = _fractions(file[f"bbox_{split}"].astype(np.float64), size, shape)
    return found


def _fractions(bbox, size, shape):
    """[N,4]: top, left, bottom, right as fractions of the image."""
    if size is None:
        first, last, size = bbox[:, :2], bbox[:, 2:] + 1, (shape[2], shape[1])
    else:
        first, last = bbox[:, :2], bbox[:, :2] + bbox[:, 2:]
    # Some published boxes end a pixel beyond their photograph: cut.  What is farther out is refused by its check.
    last = np.where(last - size <= SLACK, np.minimum(last, size), last)
    return np.round(np.concatenate([(first / size)[:, ::-1], (last / size)[:, ::-1]], axis=1), 6)

"""A few labelled images to look at, from wherever images come: an audit needs no training split, and not all of it.

Beside every data set of `load`: an npz file that holds nothing but x and y (or x_test and y_test), and a folder of
images of which only those that are looked at are decoded.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfrobust.data.arrays import check_labelled, to_unit
from tfrobust.data.folder import read_files_to_test
from tfrobust.data.loading import load
from tfrobust.data.npz import opened_npz
from tfrobust.facts import FACTS
from tfrobust.types import InputError

PAIRS = (("x_test", "y_test"), ("x_val", "y_val"), ("x", "y"))


class Labelled(NamedTuple):
    """A few labelled images.

    Attributes:
        x: [N,H,W,C] float32 in [0, 1].
        y: [N] int32.
        classes: their number in the data, None where the file does not say.
        names: of the images, [N].
        class_names: of the classes, where their folders say; None elsewhere.
    """

    x: np.ndarray
    y: np.ndarray
    classes: int | None
    names: Sequence[str]
    class_names: Sequence[str] | None = None


def load_labelled(
    name: str,
    most: int,
    seed: int = 0,
    *,
    data_dir: str | os.PathLike | None = None,
    download: bool = False,
    image_size: int | None = None,
    exif: bool = False,
) -> Labelled:
    """Images of the test split of a data set, drawn at random, and their labels.

    Args:
        name: of the data set, see loading.find; or an npz file that holds nothing but images and labels.
        most: how many images at most.
        seed: of the draw.
        data_dir: the folder in which data sets are looked for; None: that of TensorFlow Datasets.
        download: let TensorFlow Datasets fetch what is not there.
        image_size: the side in pixels to which images of a folder are brought (see folder.read_folder); None: they keep
          their size.
        exif: turn images of a folder upright as their EXIF says, and put what is transparent on white.

    Raises:
        InputError: naming the file, where something cannot be used.
    """
    if name.endswith(".npz"):
        return _of_npz(name, most, seed)
    if name and os.path.isdir(name) and name not in FACTS:
        return _of_folder(name, most, seed, image_size, exif)
    data = load(name, data_dir, download)
    return _drawn(data.x_test, data.y_test, data.classes, "x_test", most=most, seed=seed)


def _drawn(x, y, classes, array: str, *, most: int, seed: int) -> Labelled:
    rows = np.random.RandomState(seed).permutation(len(x))[:most]
    return Labelled(to_unit(x[rows]), y[rows], classes, [f"{array}[{row}]" for row in rows])


def _of_npz(path: str, most: int, seed: int) -> Labelled:
    with opened_npz(path) as file:
        pair = next((pair for pair in PAIRS if set(pair) <= set(file)), None)
        if pair is None:
            raise InputError(f"{path} holds {', '.join(file) or 'nothing'}: give x and y, or x_test and y_test")
        x, y = check_labelled(path, pair, file[pair[0]], file[pair[1]])
        classes = int(file["y_train"].max()) + 1 if "y_train" in file else None
    return _drawn(x, y, classes, pair[0], most=most, seed=seed)


def _of_folder(path: str, most: int, seed: int, image_size, exif: bool) -> Labelled:
    drawn = lambda n: list(np.random.RandomState(seed).permutation(n)[:most])  # noqa: E731
    images, labels, files, classes = read_files_to_test(path, drawn, image_size, exif)
    names = [os.path.relpath(f, path) for f in files]
    return Labelled(to_unit(images), np.asarray(labels, np.int32), len(classes), names, list(classes))

"""A folder of images per class: PATH/train/CLASS/*.jpg and PATH/test/CLASS/*.jpg (or val), or PATH/CLASS/*.jpg.

Classes are numbered in the order of their names, numbers by value; the images of a class may lie in folders within its
own.  The names of the splits may be written in any case.  Without a test folder a fifth of each class, drawn with a
fixed seed, is set apart for testing.  JPEG, PNG, BMP, GIF, WebP and TIFF; what cannot be decoded is refused by name,
what systems and editors leave (._x.png, Thumbs.db) is passed over, other files are too and are counted.
"""

import os
import re
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from tfrobust.data.arrays import ImageData, make_image_data
from tfrobust.data.image_files import ENDINGS, Oddities, decode_file, ending, is_image, is_leaving
from tfrobust.errors import DataWarning, InputError
from tfrobust.facts import Facts

TEST_SHARE, SPLIT_SEED = 0.2, 0
TRAIN, TEST = ("train",), ("test", "val", "valid", "validation")  # What the folder of a split may be called.


def read_folder(
    path: str, name: str, image_size: int | None = None, facts: Facts | None = None, exif: bool = False
) -> ImageData:
    """The data set in the folder, its images RGB, uint8.  What is odd about its files is a DataWarning.

    Args:
        path: of the folder.
        name: how messages call the data set.
        image_size: the short side is resized to it and the middle square cut out; without it all images must be of one
          size.
        facts: to which the data set is held.
        exif: turn images upright as their EXIF says, and put what is transparent on white.

    Raises:
        InputError: with the file's or folder's name, where one cannot be read, a class has no image, or the splits
          differ in their classes.
    """
    odd = Oddities()
    splits, classes = _checked_splits(path, odd)
    arrays = []
    for split in ("train", "test"):
        files = [(f, label) for label, c in enumerate(classes) for f in splits[split][c]]
        images = _decoded([f for f, _ in files], image_size, exif, odd)
        arrays += [images, np.array([label for _, label in files])]
    _tell(path, odd, exif)
    x_train, y_train, x_test, y_test = arrays
    return make_image_data(name, x_train, y_train, x_test, y_test, facts=facts)


def has_splits(path: str) -> bool:
    """Whether there is a folder of training images in the folder of that `path`."""
    return os.path.isdir(path) and _split_folder(path, TRAIN) is not None


def read_files_to_test(
    path: str, choose: Callable[[int], Sequence[int]], image_size: int | None, exif: bool = False
) -> tuple[np.ndarray, list[int], list[str], Sequence[str]]:
    """Images of the test split, or of all images where the folder has no splits; only what is chosen is decoded.

    Args:
        path: of the folder.
        choose: number of files -> the indices of those wanted.
        image_size: the short side is resized to it and the middle square cut out; None: all images must be of one size.
        exif: turn images upright as their EXIF says, and put what is transparent on white.

    Returns:
        (images [N,H,W,3] uint8, labels [N], files, names of the classes).

    Raises:
        InputError: see read_folder.
    """
    odd = Oddities()
    splits, classes = _checked_splits(path, odd)
    own = ("test",) if has_splits(path) else ("train", "test")
    files = [(f, label) for label, c in enumerate(classes) for split in own for f in splits[split][c]]
    chosen = [files[row] for row in choose(len(files))]
    images = _decoded([f for f, _ in chosen], image_size, exif, odd)
    _tell(path, odd, exif)
    return images, [label for _, label in chosen], [f for f, _ in chosen], classes


def _tell(path: str, odd: Oddities, exif: bool) -> None:
    for sentence in odd.sentences(exif):
        warnings.warn(f"{path}: {sentence}", DataWarning, stacklevel=3)


def _decoded(files: Sequence[str], image_size: int | None, exif: bool, odd: Oddities) -> np.ndarray:
    """[N,H,W,3] uint8."""
    images = [decode_file(file, image_size, exif, odd) for file in files]
    for file, image in zip(files, images):
        if image.shape != images[0].shape:
            raise InputError(f"{file} is {image.shape[:2]}, {files[0]} {images[0].shape[:2]}: give --image_size")
    return np.stack(images)


def _checked_splits(path, odd: Oddities):
    """(split -> class -> files, the classes in their order); InputError where a class lacks a folder or images."""
    splits = _splits(path, odd)
    classes = sorted(splits["train"], key=_natural)
    if len(classes) < 2:
        raise InputError(f"{path} must hold a folder for each of two or more classes")
    for split, files in splits.items():
        different = sorted(set(files) ^ set(classes))
        if different:
            raise InputError(f"{path}: class {different[0]!r} is in one of train and test only")
        empty = [c for c in classes if not files[c]]
        if empty:
            raise InputError(f"{path}: class {empty[0]!r} has no image for {split} ({', '.join(ENDINGS)})")
    return splits, classes


def _splits(path, odd: Oddities) -> dict[str, dict[str, list[str]]]:
    """split -> class -> files, in their order."""
    train = _split_folder(path, TRAIN)
    if train:
        test = _split_folder(path, TEST)
        if test is None:
            raise InputError(f"{path} has {os.path.basename(train)}/ but neither test/ nor val/")
        return {"train": _classes(train, odd), "test": _classes(test, odd)}
    r, out = np.random.RandomState(SPLIT_SEED), {"train": {}, "test": {}}
    for name, files in _classes(path, odd).items():
        order = r.permutation(len(files))
        n = max(1, round(TEST_SHARE * len(files))) if len(files) > 1 else 0
        for split, rows in (("test", order[:n]), ("train", order[n:])):
            out[split][name] = [files[i] for i in sorted(rows)]
    return out


def _split_folder(path: str, names: Sequence[str]) -> str | None:
    """The folder of a split, the first of these names that is there, in any case; None where none is."""
    folders = [name for name in os.listdir(path) if os.path.isdir(os.path.join(path, name))]
    for wanted in names:
        found = [name for name in folders if name.lower() == wanted]
        if len(found) > 1:
            raise InputError(f"{path} has {' and '.join(sorted(found))}: leave one")
        if found:
            return os.path.join(path, found[0])
    return None


def _natural(name: str):
    """The key that sorts names as people do: 10 after 9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _classes(path, odd: Oddities) -> dict[str, list[str]]:
    out = {}
    for name in sorted(os.listdir(path), key=_natural):
        folder = os.path.join(path, name)
        if is_leaving(name):
            continue
        if os.path.isdir(folder):
            out[name] = _images_within(folder, odd)
        else:
            odd.passed_over[ending(name)] += 1
    return out


def _images_within(folder: str, odd: Oddities) -> list[str]:
    """The images in a folder and in those within it, in the order of their paths."""
    out = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_leaving(name)]
        for name in files:
            if is_leaving(name):
                continue
            if is_image(name):
                out.append(os.path.join(here, name))
            else:
                odd.passed_over[ending(name)] += 1
    return sorted(out, key=_natural)

"""A folder of images per class: PATH/train/CLASS/*.jpg and PATH/test/CLASS/*.jpg (or val), or PATH/CLASS/*.jpg.

Classes are numbered in the order of their names, numbers by value.  Without a test folder a fifth of each class, drawn
with a fixed seed, is set apart for testing.  JPEG, PNG and BMP; what TensorFlow cannot decode is refused by name.
"""

import os
import re
from typing import Dict, List, Optional, Sequence

import numpy as np
import tensorflow as tf

from tfrobust.checks import check_regular_file
from tfrobust.data.arrays import make_image_data
from tfrobust.types import InputError

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp")
TEST_SHARE, SPLIT_SEED = 0.2, 0


def read_folder(path: str, name: str, image_size: Optional[int] = None, facts=None):
    """The data set in the folder: RGB images, uint8; InputError, with the file's or folder's name, where one cannot be
    read, a class has no image, or the splits differ in their classes.

    image_size: the short side is resized to it and the middle square cut out; without it all images must be of one
    size.
    """
    splits, classes = _checked_splits(path)
    arrays = []
    for split in ("train", "test"):
        files = [(f, label) for label, c in enumerate(classes) for f in splits[split][c]]
        arrays += [read_images([f for f, _ in files], image_size), np.array([label for _, label in files])]
    return make_image_data(name, *arrays, facts=facts)


def files_to_test(path: str):
    """(files, labels, names of the classes) of the test split, or of all images where the folder has no splits; nothing
    decoded yet."""
    splits, classes = _checked_splits(path)
    own = ("test",) if os.path.isdir(os.path.join(path, "train")) else ("train", "test")
    files = [(f, label) for label, c in enumerate(classes) for split in own for f in splits[split][c]]
    return *map(list, zip(*files)), classes


def read_images(files: Sequence[str], image_size: Optional[int]) -> np.ndarray:
    """[N,H,W,3] uint8; see read_folder for image_size."""
    images = [_image(file, image_size) for file in files]
    for file, image in zip(files, images):
        if image.shape != images[0].shape:
            raise InputError(f"{file} is {image.shape[:2]}, {files[0]} {images[0].shape[:2]}: give --image_size")
    return np.stack(images)


def _checked_splits(path):
    """(split -> class -> files, the classes in their order); InputError where a class lacks a folder or images."""
    splits = _splits(path)
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


def _splits(path) -> Dict[str, Dict[str, List[str]]]:
    """split -> class -> files, in their order."""
    train = os.path.join(path, "train")
    if os.path.isdir(train):
        test = next((os.path.join(path, s) for s in ("test", "val") if os.path.isdir(os.path.join(path, s))), None)
        if test is None:
            raise InputError(f"{path} has train/ but neither test/ nor val/")
        return {"train": _classes(train), "test": _classes(test)}
    r, out = np.random.RandomState(SPLIT_SEED), {"train": {}, "test": {}}
    for name, files in _classes(path).items():
        order = r.permutation(len(files))
        n = max(1, round(TEST_SHARE * len(files))) if len(files) > 1 else 0
        for split, rows in (("test", order[:n]), ("train", order[n:])):
            out[split][name] = [files[i] for i in sorted(rows)]
    return out


def _natural(name: str):
    """10 after 9, as people sort."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _classes(path) -> Dict[str, List[str]]:
    out = {}
    for name in sorted(os.listdir(path), key=_natural):
        folder = os.path.join(path, name)
        if os.path.isdir(folder) and not name.startswith("."):
            files = (f for f in os.listdir(folder) if f.lower().endswith(ENDINGS))
            out[name] = [os.path.join(folder, f) for f in sorted(files, key=_natural)]
    return out


def _image(path: str, size: Optional[int]) -> np.ndarray:
    """[H,W,3] uint8."""
    check_regular_file(path)
    try:
        image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
    except (tf.errors.OpError, ValueError) as e:
        raise InputError(f"{path} cannot be read as an image: {str(e).splitlines()[0][:200]}") from e
    if size is None:
        return image.numpy()
    height, width = image.shape[:2]
    scale = size / min(height, width)
    shape = max(size, round(height * scale)), max(size, round(width * scale))
    resized = tf.image.resize(image, shape, antialias=True)
    cut = tf.image.resize_with_crop_or_pad(tf.round(resized), size, size)
    return tf.cast(tf.clip_by_value(cut, 0, 255), tf.uint8).numpy()

"""Flower17: the 17 Category Flower Dataset of Oxford's Visual Geometry Group (Nilsback & Zisserman, 2006).

Its masks are the trimaps of "Delving into the Whorl of Flower Segmentation" (the same authors, 2007).
"""

import os

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tfrobust.data.builders.archives import Archive, fetch
from tfrobust.data.builders.examples import AGAIN, read_image, resize
from tfrobust.types import InputError

URL = "https://www.robots.ox.ac.uk/~vgg/data/flowers/17/"
SIDE = 128
SPLIT_SEED = 0
# A trimap is a PNG with a palette: one colour for the flower, others for the background and for what its authors left
# open (edges mostly).  The flower's is the one that public loaders of these trimaps compare with.
FLOWER = (128, 0, 0)


class Flower17(tfds.core.GeneratorBasedBuilder):
    """Flowers of 17 classes, 72 photographs of each to train and 8 to test on, some with a mask of the flower.

    image: [128,128,3] uint8, the whole photograph, resized bilinearly with anti-aliasing, the aspect ratio not kept.
    label: (n - 1) // 80 of image_n.jpg, the classes being stored one after the other.
    mask: [128,128,1] uint8, 1 on the flower, 0 on the background and where the trimap leaves it open; nearest
      neighbour.  All 0 where has_mask is False: four classes and parts of others have no trimaps.
    Splits: one numpy RandomState(0) draws, class by class, a permutation of the 80; the first 72 are train.  (The paper
    has three splits of its own, of other sizes; RAR drew 72 and 8.)
    """

    VERSION = tfds.core.Version("1.0.0")
    ARCHIVES = {
        # md5 as several public loaders record it.
        "photos": Archive(URL + "17flowers.tgz", "b59a65d8d1a99cd66944d474e1289eab"),
        # No checksum was found.  The paper's experiments use 753 of the trimaps: fewer cannot be all of them.
        "trimaps": Archive(URL + "trimaps.tgz", files=753),
    }
    CLASSES, PER_CLASS, TEST_PER_CLASS = 17, 80, 8

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(SIDE, SIDE, 3), encoding_format="png"),
            "label": tfds.features.ClassLabel(num_classes=self.CLASSES),
            "mask": tfds.features.Image(shape=(SIDE, SIDE, 1), encoding_format="png"),
            "has_mask": np.bool_,
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=type(self).__doc__,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage=URL,
        )

    def _split_generators(self, dl_manager):
        folders = fetch(dl_manager, self.ARCHIVES)
        photos = {path.stem: path for path in folders["photos"].glob("jpg/image_*.jpg")}
        trimaps = {path.stem: path for path in folders["trimaps"].glob("trimaps/image_*.png")}
        if not trimaps or not flower(trimaps[min(trimaps)]).any():
            raise InputError(f"{folders['trimaps']} has no trimaps with flowers of the colour {FLOWER}: {AGAIN}")
        train, test = self._split()
        for number in sorted(train + test):
            if name_of(number) not in photos:
                label = (number - 1) // self.PER_CLASS
                raise InputError(f"{name_of(number)}.jpg of class {label} is missing in {folders['photos']}: {AGAIN}")
        return {
            "train": self._generate_examples(train, photos, trimaps),
            "test": self._generate_examples(test, photos, trimaps),
        }

    def _split(self):
        """The image numbers, from 1, of train and test."""
        r, splits = np.random.RandomState(SPLIT_SEED), ([], [])
        for label in range(self.CLASSES):
            order = 1 + label * self.PER_CLASS + r.permutation(self.PER_CLASS)
            for numbers, part in zip(splits, np.split(order, [self.PER_CLASS - self.TEST_PER_CLASS])):
                numbers += sorted(part.tolist())
        return splits

    def _generate_examples(self, numbers, photos, trimaps):
        for number in numbers:
            name, label = name_of(number), (number - 1) // self.PER_CLASS
            mask = resize_mask(flower(trimaps[name])) if name in trimaps else np.zeros((SIDE, SIDE, 1), np.uint8)
            image = resize(read_image(photos[name]), SIDE, SIDE)
            yield name, {"image": image, "label": label, "mask": mask, "has_mask": name in trimaps}


def name_of(number: int) -> str:
    """The name of the photograph with that number, without an ending."""
    return f"image_{number:04d}"


def flower(trimap: str | os.PathLike) -> np.ndarray:
    """The mask [H,W,1] uint8 of a trimap's file: 1 on the flower, 0 elsewhere."""
    return (read_image(trimap) == FLOWER).all(axis=2, keepdims=True).astype(np.uint8)


def resize_mask(mask: np.ndarray) -> np.ndarray:
    """The mask [H,W,1] with SIDE x SIDE pixels, by nearest neighbour."""
    return tf.image.resize(mask, (SIDE, SIDE), "nearest").numpy()

"""GTSRB: the German Traffic Sign Recognition Benchmark (Stallkamp et al., 2012), as in its final round."""

import csv
import functools
import os
import re
from collections.abc import Mapping

import numpy as np
import tensorflow_datasets as tfds

from tfrobust.data.builders.archives import Archive, fetch
from tfrobust.data.builders.examples import AGAIN, box, counted, read_bytes, read_table, resize
from tfrobust.types import InputError

URL = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/GTSRB_Final_"
SIDE = 32
TRACKS = 100000  # Track numbers have five digits and start anew in each class.
READER = functools.partial(csv.DictReader, delimiter=";")
HEADER = re.compile(rb"P6\s+(?:#.*\s+)*(\d+)\s+(\d+)\s+255\s")


class Gtsrb(tfds.core.GeneratorBasedBuilder):
    """Traffic signs of 43 classes, 39,209 to train and 12,630 to test on.

    image: [32,32,3] uint8, the whole published image, resized bilinearly without anti-aliasing, the aspect ratio not
      kept: so the pickled version was made which the papers use.
    bbox: the sign, as published (Roi), in fractions; its right and bottom edge are not part of it.
    track: which physical sign, class * 100,000 + published track number; its 30 images look alike.  -1 in test, where
      it is not published.
    """

    VERSION = tfds.core.Version("1.0.0")
    # md5 of the training images as several public loaders record it, of the two others as torchvision does too.
    ARCHIVES = {
        "train": Archive(URL + "Training_Images.zip", "f33fd80ac59bff73c82d25ab499e03a3"),
        "test": Archive(URL + "Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
        "test_labels": Archive(URL + "Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
    }
    CLASSES = 43
    SIZES = {"train": 39209, "test": 12630}

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(SIDE, SIDE, 3), encoding_format="png"),
            "label": tfds.features.ClassLabel(num_classes=self.CLASSES),
            "bbox": tfds.features.BBoxFeature(),
            "track": np.int64,
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=type(self).__doc__,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage="https://benchmark.ini.rub.de/gtsrb_news.html",
        )

    def _split_generators(self, dl_manager):
        folders = fetch(dl_manager, self.ARCHIVES)
        train = folders["train"] / "GTSRB" / "Final_Training" / "Images"
        test = folders["test"] / "GTSRB" / "Final_Test" / "Images"
        tables = [(train / f"{c:05d}", train / f"{c:05d}" / f"GT-{c:05d}.csv") for c in range(self.CLASSES)]
        for c, (_, table) in enumerate(tables):
            if not table.exists():
                raise InputError(f"class {c:05d} is missing, there is no {table}: {AGAIN}")
        return {
            "train": self._generate_examples("train", tables),
            "test": self._generate_examples("test", [(test, folders["test_labels"] / "GT-final_test.csv")]),
        }

    def _generate_examples(self, split, tables):
        """tables: (folder of images, table of what they show) of each part of the split."""
        yield from counted(self._examples(tables), self.SIZES[split], f"GTSRB's {split} split")

    def _examples(self, tables):
        for folder, table in tables:
            for name, label, (left, top, right, bottom), track in read_table(table, parse, READER):
                image = read_ppm(folder / name)
                height, width = image.shape[:2]
                yield (
                    f"{label:05d}/{name}",
                    {
                        "image": resize(image, SIDE, SIDE, antialias=False),
                        "label": label,
                        "bbox": box(top / height, left / width, bottom / height, right / width),
                        "track": track,
                    },
                )


def parse(row: Mapping[str, str]) -> tuple[str, int, list[int], int]:
    """(file, class, edges of the sign in pixels, track) of a `row` of a table; the track is -1 where it has none."""
    name, label = row["Filename"], int(row["ClassId"])
    edges = [int(row[f"Roi.{edge}"]) for edge in ("X1", "Y1", "X2", "Y2")]
    return name, label, edges, label * TRACKS + int(name.split("_")[0]) if "_" in name else -1


def read_ppm(path: str | os.PathLike) -> np.ndarray:
    """The image [H,W,3] uint8 in a binary PPM file of 8 bits, which TensorFlow cannot decode.

    Raises:
        InputError: where the file is none.
    """
    data = read_bytes(path)
    header = HEADER.match(data)
    if header is None:
        raise InputError(f"{path} cannot be read as an image (no binary PPM of 8 bits): {AGAIN}")
    width, height = map(int, header.groups())
    pixels = np.frombuffer(data, np.uint8, offset=header.end())
    if len(pixels) != height * width * 3:
        raise InputError(f"{path} cannot be read as an image (not {width} x {height} pixels): {AGAIN}")
    return pixels.reshape(height, width, 3)

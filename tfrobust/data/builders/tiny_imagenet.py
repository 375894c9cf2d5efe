"""Tiny ImageNet: 200 classes of ImageNet at 64 x 64 pixels (Stanford, CS231N)."""

from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from tfrobust.data.builders.archives import Archive, fetch
from tfrobust.data.builders.examples import AGAIN, box, counted, read_image, read_lines, read_table
from tfrobust.types import InputError

SIDE = 64


class TinyImagenet(tfds.core.GeneratorBasedBuilder):
    """Photographs of 200 classes, 100,000 to train and 10,000 to validate on; the test labels are not public.

    image: [64,64,3] uint8, as published, grey ones made RGB.
    label: the place of the class among the WordNet ids of wnids.txt in alphabetical order (the file has another).
    bbox: one object of the class, in fractions.  It is published in pixels 0 to 63, the last one inside: pixels x1 to
      x2 are here x1 / 64 to (x2 + 1) / 64.
    """

    VERSION = tfds.core.Version("1.0.0")
    # md5 as many public loaders record it.
    ARCHIVES = {
        "all": Archive("http://cs231n.stanford.edu/tiny-imagenet-200.zip", "90528d7ca1a48142e341f4ef8d21d0de"),
    }
    CLASSES = 200
    SIZES = {"train": 100000, "validation": 10000}

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(SIDE, SIDE, 3), encoding_format="png"),
            "label": tfds.features.ClassLabel(num_classes=self.CLASSES),
            "bbox": tfds.features.BBoxFeature(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=type(self).__doc__,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage="http://cs231n.stanford.edu/",
        )

    def _split_generators(self, dl_manager):
        folder = fetch(dl_manager, self.ARCHIVES)["all"] / "tiny-imagenet-200"
        wnids = sorted(read_lines(folder / "wnids.txt"))
        for wnid in wnids:
            if not (folder / "train" / wnid).exists():
                raise InputError(f"class {wnid} is missing, there is no {folder / 'train' / wnid}: {AGAIN}")
        if len(wnids) != self.CLASSES:
            raise InputError(f"{folder / 'wnids.txt'} names {len(wnids)} classes, should name {self.CLASSES}: {AGAIN}")
        return {split: self._generate_examples(split, folder, wnids) for split in ("train", "validation")}

    def _generate_examples(self, split, folder, wnids):
        rows = train_rows(folder / "train", wnids) if split == "train" else validation_rows(folder / "val")
        for path, wnid, edges in counted(rows, self.SIZES[split], f"Tiny ImageNet's {split} split"):
            image = read_image(path)
            if image.shape != (SIDE, SIDE, 3):
                raise InputError(f"{path} is {image.shape[:2]}, should be {(SIDE, SIDE)}: {AGAIN}")
            left, top, right, bottom = edges
            bbox = box(top / SIDE, left / SIDE, (bottom + 1) / SIDE, (right + 1) / SIDE)
            yield path.name, {"image": image, "label": wnids.index(wnid), "bbox": bbox}


def train_rows(folder: Any, wnids: list[str]) -> Iterator[tuple]:
    """(file, class, [x1, y1, x2, y2]) of each training image in the `folder` of the classes `wnids`."""
    for wnid in wnids:
        for name, edges in read_table(folder / wnid / f"{wnid}_boxes.txt", lambda line: split_line(line, 1)):
            yield folder / wnid / "images" / name, wnid, edges


def validation_rows(folder: Any) -> Iterator[tuple]:
    """(file, class, [x1, y1, x2, y2]) of each validation image in the `folder`."""
    for name, wnid, edges in read_table(folder / "val_annotations.txt", lambda line: split_line(line, 2)):
        yield folder / "images" / name, wnid, edges


def split_line(line: str, words: int) -> tuple:
    """(word, ..., [x1, y1, x2, y2]) of a line of a table with so many `words` before the box."""
    *texts, x1, y1, x2, y2 = line.split()
    if len(texts) != words:
        raise ValueError(f"{words + 4} columns are needed")
    return *texts, [int(x1), int(y1), int(x2), int(y2)]

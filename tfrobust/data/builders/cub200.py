"""CUB-200-2011: Caltech-UCSD Birds (Wah et al., 2011)."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow_datasets as tfds

from tfrobust.data.builders.archives import Archive, fetch
from tfrobust.data.builders.examples import AGAIN, box, center_crop, counted, read_image, read_table, resize
from tfrobust.types import InputError

RESIZED, SIDE = 256, 224


class Cub200(tfds.core.GeneratorBasedBuilder):
    """Birds of 200 classes, 5,994 photographs to train and 5,794 to test on.

    image: [224,224,3] uint8: the photograph is resized to 256 x 256, the aspect ratio not kept, bilinearly with
      anti-aliasing, and its middle cut out: the geometry of ART's released code.  Grey photographs are made RGB.
    bbox: the bird, taken along, in fractions of the 224 x 224, cut to [0, 1] where it reaches out of them.  (It is
      published as left, top, width, height in the photograph's pixels.)
    """

    VERSION = tfds.core.Version("1.0.0")
    # TFDS records the sha256 of this very address (its caltech_birds2011) and checks it; md5 as public loaders do.
    ARCHIVES = {
        "all": Archive(
            "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz?download=1",
            "97eceeb196236b17998738112f37df78",
        ),
    }
    CLASSES = 200
    SIZES = {"train": 5994, "test": 5794}

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
            homepage="https://www.vision.caltech.edu/datasets/cub_200_2011/",
        )

    def _split_generators(self, dl_manager):
        folder = fetch(dl_manager, self.ARCHIVES)["all"] / "CUB_200_2011"
        names = table(folder / "images.txt", str)
        is_train = table(folder / "train_test_split.txt", int)
        boxes = table(folder / "bounding_boxes.txt", float, 4)
        for number in names:
            if number not in is_train or number not in boxes:
                raise InputError(f"image {number} in {folder} lacks its split or its bounding box: {AGAIN}")
        missing = set(range(self.CLASSES)) - {label(name) for (name,) in names.values()}
        if missing:
            raise InputError(f"class {min(missing) + 1:03d} is missing in {folder / 'images.txt'}: {AGAIN}")
        return {
            split: self._generate_examples(
                split, [(folder / "images" / names[n][0], boxes[n]) for n in names if is_train[n] == [flag]]
            )
            for split, flag in (("train", 1), ("test", 0))
        }

    def _generate_examples(self, split, photos):
        """photos: (file, published box) of each."""
        for path, edges in counted(photos, self.SIZES[split], f"CUB-200-2011's {split} split"):
            photo = read_image(path)
            image = center_crop(resize(photo, RESIZED, RESIZED), SIDE)
            key = f"{path.parent.name}/{path.name}"
            yield key, {"image": image, "label": label(key), "bbox": cropped_box(edges, *photo.shape[:2])}


def table(path: str | os.PathLike, kind: Callable[[str], Any], columns: int = 1) -> dict:
    """Reads one of the data set's text tables.

    Args:
        path: of the table.
        kind: what a word becomes, such as int.
        columns: how many words follow the first one.

    Returns:
        First word of each line -> the list of the others.

    Raises:
        InputError: for a line of another form.
    """

    def parse(line):
        number, *rest = line.split()
        if len(rest) != columns:
            raise ValueError(f"{columns + 1} columns are needed")
        return number, [kind(word) for word in rest]

    return dict(read_table(path, parse))


def label(name: str) -> int:
    """The class of a photograph from the `name` of its file: 0 of 001.Black_footed_Albatross/..."""
    return int(name.split(".")[0]) - 1


def cropped_box(edges: Sequence[float], height: int, width: int) -> tfds.features.BBox:
    """The box, in fractions, of the 224 x 224 image that is cut out of a photograph.

    Args:
        edges: left, top, width, height in pixels of the photograph.
        height: of the photograph, in pixels.
        width: of the photograph, in pixels.
    """
    left, top, across, down = edges
    margin = (RESIZED - SIDE) / 2

    def moved(edge, side):
        return (edge / side * RESIZED - margin) / SIDE

    return box(moved(top, height), moved(left, width), moved(top + down, height), moved(left + across, width))

"""Restricted ImageNet: nine super-classes of ImageNet (Tsipras et al., 2019), made from TFDS' imagenet2012."""

import numpy as np
import tensorflow_datasets as tfds

from tfrobust.data.builders.examples import center_crop, decode_image, resize
from tfrobust.types import InputError

SHORT, SIDE = 256, 224


class RestrictedImagenet(tfds.core.GeneratorBasedBuilder):
    """Photographs of nine super-classes of ImageNet; ImageNet's validation images are the test split.

    image: [224,224,3] uint8: the short side is resized to 256, bilinearly with anti-aliasing, the aspect ratio kept,
      and the middle cut out.
    label: the place of the super-class in RANGES.
    It is made from imagenet2012 as TFDS has prepared it in the same folder; that TFDS cannot download.
    """

    VERSION = tfds.core.Version("1.0.0")
    # ImageNet indices, the last one inside, that is places among the sorted WordNet ids (TFDS numbers the classes so):
    # the ranges of the MadryLab robustness library (its tools/constants.py).  203 classes.
    RANGES = {
        "dog": (151, 268),
        "cat": (281, 285),
        "frog": (30, 32),
        "turtle": (33, 37),
        "bird": (80, 100),
        "primate": (365, 382),
        "fish": (389, 397),
        "crab": (118, 121),
        "insect": (300, 319),
    }
    SOURCE_SIZES = {"train": 1281167, "validation": 50000}  # All of ImageNet, of which these are a part.

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(SIDE, SIDE, 3), encoding_format="png"),
            "label": tfds.features.ClassLabel(names=list(self.RANGES)),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=type(self).__doc__,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage="https://github.com/MadryLab/robustness",
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # Nothing is downloaded.
        root = str(self.data_dir_root)
        imagenet = tfds.builder("imagenet2012", data_dir=root, try_gcs=False)
        if not imagenet.is_prepared():
            raise InputError(f"restricted_imagenet is made from imagenet2012: prepare that with TFDS first, in {root}")
        for split, size in self.SOURCE_SIZES.items():
            found = imagenet.info.splits[split].num_examples if split in imagenet.info.splits else 0
            if found != size:
                raise InputError(
                    f"imagenet2012 in {root} has {found} images in its {split} split, should have {size}: "
                    "prepare it again with both of its archives"
                )
        return {
            "train": self._generate_examples(imagenet, "train"),
            "test": self._generate_examples(imagenet, "validation"),
        }

    def _generate_examples(self, imagenet, split):
        # Most images are left out: only those that are kept are decoded.
        encoded = imagenet.as_dataset(split=split, decoders={"image": tfds.decode.SkipDecoding()})
        labels, missing = self.labels(), set(self.labels())
        for example in tfds.as_numpy(encoded):
            index, name = int(example["label"]), example["file_name"].decode()
            if index in labels:
                missing.discard(index)
                image = center_crop(short_side(decode_image(example["image"], name)), SIDE)
                yield name, {"image": image, "label": labels[index]}
        if missing:
            wnid = imagenet.info.features["label"].int2str(min(missing))
            raise InputError(f"imagenet2012 has no image of class {wnid} in its {split} split: prepare it again")

    @classmethod
    def labels(cls) -> dict[int, int]:
        """ImageNet index -> super-class."""
        ranges = enumerate(cls.RANGES.values())
        return {index: label for label, (first, last) in ranges for index in range(first, last + 1)}


def short_side(image: np.ndarray) -> np.ndarray:
    """The image [H,W,C] resized so that its short side has 256 pixels."""
    scale = SHORT / min(image.shape[:2])
    height, width = (max(SHORT, round(side * scale)) for side in image.shape[:2])
    return resize(image, height, width)

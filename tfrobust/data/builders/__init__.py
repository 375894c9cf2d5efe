"""Data sets that TensorFlow Datasets does not have, as builders of its kind.

Importing this package registers them, so that `tfds.builder("gtsrb", data_dir=..., try_gcs=False)` finds them.

Whoever does not read through TFDS does not pay for its import: only the reader of TFDS data imports this package.
"""

from tfrobust.data.builders.cub200 import Cub200
from tfrobust.data.builders.flower17 import Flower17
from tfrobust.data.builders.gtsrb import Gtsrb
from tfrobust.data.builders.restricted_imagenet import RestrictedImagenet
from tfrobust.data.builders.tiny_imagenet import TinyImagenet

__all__ = ["Cub200", "Flower17", "Gtsrb", "RestrictedImagenet", "TinyImagenet"]

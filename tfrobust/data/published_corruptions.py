"""CIFAR-10-C, the published corrupted test images (Hendrycks & Dietterich, 2019), as TFDS prepares them."""

import numpy as np

from tfrobust.data.tfds import decoded, prepared_builder
from tfrobust.types import InputError

# Where the name of a corruption here is not that of TFDS.
_NAMES = {"glass_blur": "frosted_glass_blur", "elastic_transform": "elastic"}


def cifar10_c(corruption: str, severity: int, data_dir=None, download: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(images [N,32,32,3] uint8, labels [N] int32) under a corruption of `tfrobust.corruptions` at severity 1 to 5.

    They come in TFDS' order, which is not that of the clean test images.  InputError where it is not prepared under
    data_dir (TFDS' own folder by default), and download does not ask TFDS to fetch it.
    """
    name = f"cifar10_corrupted/{_NAMES.get(corruption, corruption)}_{severity}"
    builder = prepared_builder(name, data_dir, download)
    if builder is None:
        raise InputError(
            f"no {name} here: point --data_dir at a folder where TensorFlow Datasets prepared it, or pass --download"
        )
    arrays = decoded(builder, "test")
    return arrays["image"], arrays["label"].astype(np.int32)

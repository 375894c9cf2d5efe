"""CIFAR-10-C, the published corrupted test images (Hendrycks & Dietterich, 2019), as TFDS prepares them."""

import os

import numpy as np

from tfrobust.data.tfds import decoded, prepared_builder
from tfrobust.types import InputError

# Where the name of a corruption here is not that of TFDS.
_NAMES = {"glass_blur": "frosted_glass_blur", "elastic_transform": "elastic"}


def cifar10_c(
    corruption: str, severity: int, data_dir: str | os.PathLike | None = None, download: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """CIFAR-10's test images under a corruption, in TFDS' order, which is not that of the clean test images.

    Args:
        corruption: one of `tfrobust.corruptions`.
        severity: 1 to 5.
        data_dir: where TFDS prepared them; None: its own folder.
        download: let TFDS fetch what is not there.

    Returns:
        (images [N,32,32,3] uint8, labels [N] int32).

    Raises:
        InputError: where they are not prepared under data_dir, and download does not ask TFDS to fetch them.
    """
    name = f"cifar10_corrupted/{_NAMES.get(corruption, corruption)}_{severity}"
    builder = prepared_builder(name, data_dir, download)
    if builder is None:
        raise InputError(
            f"no {name} here: point --data_dir at a folder where TensorFlow Datasets prepared it, or pass --download"
        )
    arrays = decoded(builder, "test")
    return arrays["image"], arrays["label"].astype(np.int32)

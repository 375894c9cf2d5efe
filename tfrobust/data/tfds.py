"""Data sets from TensorFlow Datasets: what was prepared on disk, or, when asked, downloaded.

Data on disk are read without a word to the network: TFDS asks its cloud bucket even with download=False unless it is
told try_gcs=False.
"""

import os

import numpy as np

from tfrobust.data.arrays import make_image_data
from tfrobust.types import InputError


def read_tfds(tfds_name: str, name: str, data_dir=None, download: bool = False, facts=None):
    """The data set, or None where it is not prepared under data_dir and download is False.

    Splits `train` and `test` (or `validation`) with features `image` and `label`, all of one size.
    """
    import tensorflow_datasets as tfds  # Slow to import, and needed by this function alone.

    data_dir = os.fspath(data_dir) if data_dir else None
    try:
        builder = tfds.builder(tfds_name, data_dir=data_dir, try_gcs=False)
    except (tfds.core.DatasetNotFoundError, ValueError):  # The latter for what cannot be a name.
        return None
    if not builder.is_prepared():
        if not download:
            return None
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        try:
            builder.download_and_prepare(download_config=config)
        except Exception as e:  # Whatever the network, the server or the disk did: TFDS has no one error for it.
            raise InputError(f"TFDS could not download and prepare {tfds_name!r}: {e}") from e
    test = "test" if "test" in builder.info.splits else "validation"
    arrays = []
    for split in ("train", test):
        if split not in builder.info.splits:
            raise InputError(f"TFDS data set {tfds_name!r} has no split {split!r}")
        examples = list(tfds.as_numpy(builder.as_dataset(split=split)))
        try:
            arrays += [np.stack([e["image"] for e in examples]), np.array([e["label"] for e in examples])]
        except (KeyError, ValueError) as e:
            raise InputError(f"TFDS data set {tfds_name!r}: needs image and label, images of one size ({e})") from e
    return make_image_data(name, *arrays, facts=facts)

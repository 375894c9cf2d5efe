"""Data sets from TensorFlow Datasets: what was prepared on disk, or, when asked, downloaded.

Data on disk are read without a word to the network: TFDS asks its cloud bucket even with download=False unless it is
told try_gcs=False.  Images are decoded once, into plain arrays beside the prepared data; a data set that is too large
for the memory is read from there, image by image.
"""

import os
from typing import Any

import numpy as np
import tensorflow as tf

from tfrobust.data.arrays import ImageData, make_image_data
from tfrobust.facts import Facts
from tfrobust.types import InputError

IN_MEMORY = 2**32  # Bytes of one array above which it stays in its file.
ANNOTATED = {"bbox": "boxes", "mask": "masks"}  # Feature -> kind of annotation.


def _tfds():
    """TFDS, which is slow to import and needed for data sets by name alone; raises InputError where it cannot be."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as e:
        what = "pip install 'tfrobust[data]', with TensorFlow 2.15 also 'tensorflow-metadata<1.16'"
        raise InputError(f"TensorFlow Datasets, for data sets by name, cannot be imported ({e}): {what}") from e
    return tfds


def prepared_builder(tfds_name: str, data_dir: str | os.PathLike | None = None, download: bool = False) -> Any:
    """The builder of a prepared data set of TensorFlow Datasets.

    Args:
        tfds_name: how TFDS calls it.
        data_dir: where it is prepared; None: TFDS' own folder.
        download: let TFDS fetch and prepare what is not there.

    Returns:
        The builder, or None where the data set is not prepared and download is False, and where TFDS has none of that
        name.

    Raises:
        InputError: where the download fails.
    """
    tfds = _tfds()
    import tfrobust.data.builders  # noqa: F401  Registers the data sets that TFDS has not.

    data_dir = os.fspath(data_dir) if data_dir else None
    try:
        builder = tfds.builder(tfds_name, data_dir=data_dir, try_gcs=False)
    except (tfds.core.DatasetNotFoundError, ValueError):  # ValueError: TFDS raises it for what cannot be a name.
        return None
    if not builder.is_prepared():
        if not download:
            return None
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        try:
            builder.download_and_prepare(download_config=config)
        except InputError:
            raise
        except Exception as e:  # Whatever the network, the server or the disk did: TFDS has no one error for it.
            raise InputError(f"TFDS could not download and prepare {tfds_name!r}: {e}") from e
    return builder


def read_tfds(
    tfds_name: str,
    name: str,
    data_dir: str | os.PathLike | None = None,
    download: bool = False,
    facts: Facts | None = None,
) -> ImageData | None:
    """The data set that TensorFlow Datasets prepared, or None where it is not prepared and download is False.

    It must have splits `train` and `test` (or `validation`) with features `image` and `label`, all of one size; `bbox`
    and `mask` become annotations.

    Args:
        tfds_name: how TensorFlow Datasets calls it.
        data_dir: where it is prepared; None: the own folder of TensorFlow Datasets.
        download: fetch and prepare what is not there.
        name: how messages call the data set.
        facts: to which the data set is held; None: to none.

    Raises:
        InputError: where a split or feature is missing, or `make_image_data` refuses an array.
    """
    builder = prepared_builder(tfds_name, data_dir, download)
    if builder is None:
        return None
    test = "test" if "test" in builder.info.splits else "validation"
    arrays, annotations = [], []
    for split in ("train", test):
        if split not in builder.info.splits:
            raise InputError(f"TFDS data set {tfds_name!r} has no split {split!r}")
        found = decoded(builder, split)
        arrays += [found["image"], found["label"]]
        annotations.append({kind: found[feature] for feature, kind in ANNOTATED.items() if feature in found})
    x_train, y_train, x_test, y_test = arrays
    return make_image_data(
        name,
        x_train,
        y_train,
        x_test,
        y_test,
        facts=facts,
        annotations=annotations[0],
        test_annotations=annotations[1],
    )


def decoded(builder: Any, split: str) -> dict[str, np.ndarray]:
    """The arrays of a split, from the files of an earlier call or into them.

    Args:
        builder: see `prepared_builder`.
        split: such as "train".

    Returns:
        feature -> array [N,...].

    Raises:
        InputError: where the features image and label are missing, and for an example that is damaged.
    """
    features = [f for f in ("image", "label", *ANNOTATED) if f in builder.info.features]
    if {"image", "label"} - set(features):
        raise InputError(f"TFDS data set {builder.name!r} needs the features image and label; it has {features}")
    folder = os.path.join(os.fspath(builder.data_path), "arrays")
    paths = {feature: os.path.join(folder, f"{split}_{feature}.npy") for feature in features}
    if not all(map(os.path.exists, paths.values())):
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:  # The folder is not writable: the arrays are made anew each time, in memory.
            return {f: np.stack([_plain(f, np.asarray(e[f])) for e in _examples(builder, split)]) for f in features}
        _write(builder, split, paths)
    return {feature: _read(path) for feature, path in paths.items()}


def _examples(builder, split: str):
    """The decoded examples; InputError, with the file's name where TensorFlow tells it, for one that is damaged."""
    try:
        yield from _tfds().as_numpy(builder.as_dataset(split=split))
    except (tf.errors.OpError, ValueError, OSError) as e:
        files = sorted(map(str, builder.info.splits[split].filepaths))
        gone = [path for path in files if not os.path.exists(path)]
        what = f"{gone[0]} is missing" if gone else f"one of {files[0]} ... is damaged ({str(e).splitlines()[0][:150]})"
        raise InputError(f"TFDS data set {builder.name!r}: {what}; remove its folder and prepare it again") from e


def _write(builder, split, paths) -> None:
    n, arrays = builder.info.splits[split].num_examples, {}
    for i, example in enumerate(_examples(builder, split)):
        for feature, path in paths.items():
            value = _plain(feature, np.asarray(example[feature]))
            if not i:
                arrays[feature] = np.lib.format.open_memmap(path + ".part", "w+", value.dtype, (n, *value.shape))
            if value.shape != arrays[feature].shape[1:]:
                raise InputError(
                    f"TFDS data set {builder.name!r}: {feature} {i} of {split} is {value.shape}, the first "
                    f"{arrays[feature].shape[1:]}: images must be of one size"
                )
            arrays[feature][i] = value
    for feature, path in paths.items():
        arrays[feature].flush()
        os.replace(path + ".part", path)


def _plain(feature, value):
    """A mask without the channel that TFDS gives it; any other feature as it is."""
    return value[..., 0] if feature == "mask" and value.ndim == 3 else value


def _read(path: str) -> np.ndarray:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array if array.nbytes > IN_MEMORY else np.array(array)

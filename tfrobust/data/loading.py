"""A data set by name: embedded, an npz file, a folder of images per class, or TensorFlow Datasets."""

import os

from tfrobust.data.arrays import ImageData
from tfrobust.data.digits import digits
from tfrobust.data.folder import has_splits, read_folder
from tfrobust.data.npz import read_npz
from tfrobust.data.prepared import resized
from tfrobust.data.tfds import read_tfds
from tfrobust.facts import FACTS
from tfrobust.types import InputError


def load(
    name: str,
    data_dir: str | os.PathLike | None = None,
    download: bool = False,
    image_size: int | None = None,
    exif: bool = False,
) -> ImageData:
    """The data set called `name`, resized to `image_size` where that is given.

    Args:
        name: of the data set; see `find`.
        data_dir: the folder in which data sets are looked for; None: that of TensorFlow Datasets.
        download: let TensorFlow Datasets fetch what is not there.
        exif: turn images of a folder upright as their EXIF says, and put what is transparent on white.
        image_size: the images become image_size x image_size pixels; None leaves them.

    Raises:
        InputError: see `find`.
    """
    return resized(find(name, data_dir, download, image_size, exif), image_size)


def find(
    name: str,
    data_dir: str | os.PathLike | None = None,
    download: bool = False,
    image_size: int | None = None,
    exif: bool = False,
) -> ImageData:
    """The data set called `name`.

    Args:
        name: `digits` (embedded); a path ending in .npz; a folder of images per class; or a name, looked for as
          data_dir/NAME.npz, data_dir/NAME/NAME.npz, a folder of images data_dir/NAME/train, then among the data sets
          that TFDS has prepared in data_dir.
        data_dir: a folder; None: TFDS' own.
        download: let TFDS fetch what is not there.
        image_size: the side in pixels to which images of a folder are brought (see folder.read_folder); None: they keep
          their size.
        exif: turn images of a folder upright as their EXIF says, and put what is transparent on white.

    Raises:
        InputError: naming the ways to get the data, where it is nowhere.
    """
    if name == "digits":
        return digits()
    if name.endswith(".npz"):
        return read_npz(name, os.path.splitext(os.path.basename(name))[0])
    if not name:
        raise InputError("give a name of a data set")
    if name.endswith(".npy"):
        raise InputError(f"{name} is one array: numpy.savez('data.npz', x=..., y=...) puts images and labels together")
    if os.path.isdir(name) and name not in FACTS:
        return read_folder(name, os.path.basename(os.path.normpath(name)), image_size, exif=exif)
    facts = FACTS.get(name)
    if data_dir:
        if not os.path.isdir(data_dir):
            raise InputError(f"--data_dir {data_dir} is not a folder")
        for path in (os.path.join(data_dir, f"{name}.npz"), os.path.join(data_dir, name, f"{name}.npz")):
            if os.path.exists(path):
                return read_npz(path, name, facts)
        if has_splits(os.path.join(data_dir, name)):
            cut = facts and image_size and facts._replace(shape=(image_size, image_size, 3))
            return read_folder(os.path.join(data_dir, name), name, image_size, cut or facts, exif)
    data = read_tfds((facts and facts.tfds) or name, name, data_dir, download, facts)
    if data is None:
        known = ", ".join(FACTS)
        raise InputError(
            f"no data set {name!r} here (known names: {known}). Ways to get one: put {name}.npz (x_train, y_train, "
            f"x_test, y_test) or a folder {name}/train/CLASS into --data_dir; point --data_dir at a folder where "
            "TensorFlow Datasets prepared it; or pass --download to fetch it with TensorFlow Datasets"
        )
    return data

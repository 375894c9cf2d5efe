"""A data set by name: embedded, an npz file, or TensorFlow Datasets."""

import os

from tfrobust.data.arrays import ImageData
from tfrobust.data.digits import digits
from tfrobust.data.facts import FACTS
from tfrobust.data.npz import read_npz
from tfrobust.data.tfds import read_tfds
from tfrobust.types import InputError


def load(name: str, data_dir=None, download: bool = False) -> ImageData:
    """The data set called `name`.

    name: `digits` (embedded); a path ending in .npz; or a name, looked for as data_dir/NAME.npz,
      data_dir/NAME/NAME.npz, then among the data sets that TFDS has prepared in data_dir (its own folder by default).
    download: let TFDS fetch what is not there.
    Raises InputError, naming the ways to get the data, where it is nowhere.
    """
    if name == "digits":
        return digits()
    if name.endswith(".npz"):
        return read_npz(name, os.path.splitext(os.path.basename(name))[0])
    if not name:
        raise InputError("give a name of a data set")
    facts = FACTS.get(name)
    if data_dir:
        if not os.path.isdir(data_dir):
            raise InputError(f"--data_dir {data_dir} is not a folder")
        for path in (os.path.join(data_dir, f"{name}.npz"), os.path.join(data_dir, name, f"{name}.npz")):
            if os.path.exists(path):
                return read_npz(path, name, facts)
    data = read_tfds(facts.tfds if facts else name, name, data_dir, download, facts)
    if data is None:
        known = ", ".join(FACTS)
        raise InputError(
            f"no data set {name!r} here (known names: {known}). Three ways to get one: put {name}.npz (x_train, "
            "y_train, x_test, y_test) into --data_dir; point --data_dir at a folder where TensorFlow Datasets prepared "
            "it; or pass --download to fetch it with TensorFlow Datasets"
        )
    return data

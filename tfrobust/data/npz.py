"""Data sets in the Keras npz layout: x_train, y_train, x_test, y_test (or x_val, y_val for want of a test split); and,
where the file has them, annotations of the training images: boxes_train, masks_train, maps_train."""

import zipfile
import zlib

import numpy as np

from tfrobust.data.annotations import ANNOTATIONS
from tfrobust.data.arrays import ImageData, make_image_data
from tfrobust.types import InputError


def read_npz(path, name: str, facts=None) -> ImageData:
    """The data set in the file `path`; other arrays in it are ignored, pickled objects are refused."""
    try:
        with np.load(path, allow_pickle=False) as file:
            test = "test" if "x_test" in file else "val"
            keys = ["x_train", "y_train", f"x_{test}", f"y_{test}"]
            missing = [key for key in keys if key not in file]
            if missing:
                raise InputError(f"{path} lacks {', '.join(missing)}: it must hold x_train, y_train, x_test, y_test")
            arrays = [file[key] for key in keys]
            annotations = {kind: file[f"{kind}_train"] for kind in ANNOTATIONS if f"{kind}_train" in file}
    except FileNotFoundError as e:
        raise InputError(f"no file {path}") from e
    except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as e:
        if isinstance(e, InputError):
            raise
        raise InputError(f"{path} cannot be read as npz: {e}") from e
    return make_image_data(name, *arrays, facts=facts, annotations=annotations)

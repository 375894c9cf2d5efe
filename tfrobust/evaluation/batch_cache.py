"""On-disk cache of evaluated batches, so that an interrupted evaluation resumes."""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from tfrobust.distribution import is_chief


class BatchCache:
    """A `keep` for `evaluation.evaluate` that stores the arrays of each batch in a file.

    Attributes:
        found: number of batches that were read from the folder.

    Args:
        folder: of the files; made where it is missing.
        identity: everything that the batches depend on, as JSON can hold it; batches stored under another identity are
          not found.
    """

    def __init__(self, folder: str, identity: Any):
        self.folder = folder
        self.prefix = json.dumps(identity, sort_keys=True, default=str)
        self.found = 0
        os.makedirs(folder, exist_ok=True)

    def __call__(self, key: str, work: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """The arrays that are stored under a key, or else those of work(), which are stored."""
        name = hashlib.sha256(f"{self.prefix} {key}".encode()).hexdigest()[:24]
        path = os.path.join(self.folder, name + ".npz")
        if os.path.exists(path):
            try:
                with np.load(path, allow_pickle=False) as file:
                    arrays = dict(file)
                self.found += 1
                return arrays
            except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
                pass  # Damaged by whatever stopped its writer: computed again.
        arrays = work()
        if not is_chief():
            return arrays
        with open(path + ".part", "wb") as file:
            np.savez(file, **cast(dict[str, Any], arrays))
        os.replace(path + ".part", path)
        return arrays

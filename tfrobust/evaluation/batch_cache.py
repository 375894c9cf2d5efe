"""On-disk cache of evaluated batches, so that an interrupted evaluation resumes."""

import hashlib
import json
import os
import zipfile
import zlib

import numpy as np

from tfrobust.distribution import is_chief


class BatchCache:
    """A `keep` of `evaluation.evaluate` that puts the arrays of each batch into a file of `folder`.

    identity: everything that the batches depend on; those of another identity are not found.
    """

    def __init__(self, folder: str, identity):
        self.folder = folder
        self.prefix = json.dumps(identity, sort_keys=True, default=str)
        self.found = 0
        os.makedirs(folder, exist_ok=True)

    def __call__(self, key: str, work):
        name = hashlib.sha256(f"{self.prefix} {key}".encode()).hexdigest()[:24]
        path = os.path.join(self.folder, name + ".npz")
        if os.path.exists(path):
            try:
                with np.load(path, allow_pickle=False) as file:
                    arrays = dict(file)
                self.found += 1
                return arrays
            except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
                pass  # Torn by whatever stopped its writer: made anew.
        arrays = work()
        if not is_chief():
            return arrays
        with open(path + ".part", "wb") as file:
            np.savez(file, **arrays)
        os.replace(path + ".part", path)
        return arrays

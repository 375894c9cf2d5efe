"""A process of other libraries, which does its jobs when it is asked to; see `torch_peer`."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import IO, Any, cast

import numpy as np

from tfrobust.benchmark import torch_peer
from tfrobust.benchmark.jobs import Done, Side
from tfrobust.errors import InputError


class Peer:
    """The process; with `with` it ends at the end of the block.

    PyTorch and TensorFlow have pools of threads that would stand in each other's way in one process.

    Attributes:
        jobs: names of those that it can do.
        missing: packages that it lacks.
        versions: of those that it has.
        peak: the most bytes that it has held, as it said last.

    Args:
        arrays: weights, images, labels and settings; see `torch_peer`.
        python: the interpreter; None: this one.

    Raises:
        InputError: where the interpreter cannot be started.
    """

    def __init__(self, arrays: Mapping[str, Any], python: str | None = None):
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark")
        path = os.path.join(self._folder.name, "given.npz")
        np.savez(path, **arrays)
        # A program's folder is the first in which Python looks for modules: a copy of it lies in one of its own.
        program = shutil.copy(torch_peer.__file__, self._folder.name)
        try:
            self._process = subprocess.Popen(
                [python or sys.executable, program, path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            )
            self._given, self._said = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
            said = self._read()
        except OSError as e:
            self._folder.cleanup()
            raise InputError(f"--peer_python={python}: {e.strerror or e}") from e
        self.jobs, self.missing, self.versions, self.peak = said["jobs"], said["missing"], said["versions"], None

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: Any) -> None:
        self._given.close()
        self._process.wait()
        self._said.close()
        self._folder.cleanup()

    def side(self, name: str) -> Side:
        """The job of this name; its result is called found."""

        def do():
            self._given.write(name + "\n")
            self._given.flush()
            said = self._read()
            self.peak = said["peak"]
            return Done(said["seconds"], {"found": np.load(said["result"])})

        return do

    def _read(self) -> dict[str, Any]:
        line = self._said.readline()
        if not line:
            raise InputError(f"the process of the other libraries ended with code {self._process.wait()}")
        return json.loads(line)

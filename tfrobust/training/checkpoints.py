"""Checkpoints from which an interrupted run goes on: weights, optimizer, step and the seconds it took so far.

A checkpoint consists of ckpt-STEP.data-..., ckpt-STEP.index and ckpt-STEP.json, which holds the SHA-256 of the others
and is written last and in one piece.  A checkpoint without its .json was not finished; TensorFlow's own checksums then
decide whether it can be read.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.distribution import LOST, chief_only_path, is_chief
from tfrobust.types import InputError

if TYPE_CHECKING:
    import keras

KEEP = 2  # Newest checkpoints that are not removed.
CHUNK = 2**20  # Bytes read at once for a checksum.


class DamagedCheckpointError(Exception):
    """A checkpoint that cannot be read; the message names the file."""


class Checkpoints:
    """The checkpoints of one run; the newest KEEP of them are kept.

    Attributes:
        step: variable [] int64, steps done when the checkpoint was saved.
        seconds: variable [] float64, seconds trained by then.
        folder: of the files.

    Args:
        directory: of the run; the files are in its folder checkpoints.
        network, optimizer: what is saved and restored.
    """

    def __init__(self, directory: str, network: keras.Model, optimizer: keras.optimizers.Optimizer):
        optimizer.build(network.trainable_variables)  # Restoring needs the optimizer's slot variables.
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self.folder = os.path.join(directory, "checkpoints")
        self._state = tf.train.Checkpoint(network=network, optimizer=optimizer, step=self.step, seconds=self.seconds)

    def restore(self, say: Callable[[str], None] = lambda line: None) -> int | None:
        """Restores the newest checkpoint that can be read.

        Args:
            say: called with a line about each damaged checkpoint that was passed over.

        Returns:
            The step of the checkpoint; None where there is no checkpoint at all.

        Raises:
            InputError: where all are damaged; a run of days must not start again from step 0 unnoticed.
        """
        damaged: list[str] = []
        for step in self._steps():
            try:
                self._read(step)
            except DamagedCheckpointError as e:
                damaged.append(str(e))
                continue
            for what in damaged:
                say(f"{what}: going on from the checkpoint of step {step}")
            return step
        if damaged:
            raise InputError(
                f"no checkpoint can be read ({'; '.join(damaged)}): remove {self.folder} to start from step 0"
            )
        return None

    def save(self, step: int, seconds: float) -> None:
        """Saves a checkpoint and removes old ones.

        Args:
            step: steps done.
            seconds: trained so far.

        Raises:
            OSError: where it cannot be written; the checkpoints before it stay.
        """
        self.step.assign(step)
        self.seconds.assign(seconds)
        if not is_chief():  # Every process takes part in saving variables that are spread over them.
            with chief_only_path("checkpoint") as path:
                self._state.write(path)
            return
        path = self._path(step)
        os.makedirs(self.folder, exist_ok=True)
        self._remove(step)  # Files of a damaged one of the same step must not mix with the new one.
        try:
            self._state.write(path)
            files = [f"{path}.index", *glob.glob(f"{glob.escape(path)}.data-*")]
            _seal(path + ".json", {os.path.basename(file): _sha256(file) for file in files})
        except (tf.errors.OpError, OSError) as e:
            self._remove(step)
            if isinstance(e, LOST):
                raise
            raise OSError(f"the checkpoint {path} cannot be written ({_first_line(e)})") from e
        keep = [other for other in self._steps() if other <= step][:KEEP]
        self._remove(*(other for other in self._steps(any_file=True) if other not in keep))

    def _path(self, step: int) -> str:
        return os.path.join(self.folder, f"ckpt-{step}")

    def _steps(self, any_file: bool = False) -> list[int]:
        """Steps of which there is a checkpoint, or with any_file a part of one, the newest first."""
        names = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        found = (re.fullmatch(r"ckpt-(\d+)(_temp|\..*)" if any_file else r"ckpt-(\d+)\.(index|json)", n) for n in names)
        return sorted({int(match[1]) for match in found if match}, reverse=True)

    def _remove(self, *steps: int) -> None:
        for step in steps:
            path = self._path(step)
            # The file that marks it as complete goes first.
            for file in [path + ".json", path + ".index", *glob.glob(f"{glob.escape(path)}[._]*")]:
                shutil.rmtree(file, ignore_errors=True) if os.path.isdir(file) else _unlink(file)

    def _read(self, step: int) -> None:
        path = self._path(step)
        for name, digest in _sealed(path + ".json").items():
            file = os.path.join(self.folder, os.path.basename(name))
            if not os.path.exists(file):
                raise DamagedCheckpointError(f"{file} is missing")
            if _sha256(file) != digest:
                raise DamagedCheckpointError(f"{file} is damaged (its checksum differs)")
        try:
            self._state.read(path).assert_existing_objects_matched()
        except (tf.errors.OpError, AssertionError, ValueError) as e:
            raise DamagedCheckpointError(f"{path} is damaged ({_first_line(e)})") from e
        if int(self.step.numpy()) != step:
            raise DamagedCheckpointError(f"{path} is damaged (it says it is of step {int(self.step.numpy())})")


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _seal(path: str, digests: dict[str, str]) -> None:
    """Writes the checksums once the files they are of have reached the disk."""
    folder = os.path.dirname(path)
    for name in digests:
        _sync(os.path.join(folder, name))
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(digests, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".part", path)


def _sealed(path: str) -> dict[str, str]:
    """The checksums, none where the file is not there."""
    if not os.path.exists(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            digests = dict(json.load(file))
    except (OSError, ValueError, TypeError) as e:
        raise DamagedCheckpointError(f"{path} is damaged ({_first_line(e)})") from e
    if not all(name.startswith(os.path.basename(path).removesuffix("json")) for name in digests):
        raise DamagedCheckpointError(f"{path} is damaged (it names files of others)")
    return digests


def _sync(path: str) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _unlink(path: str) -> None:
    try:
        os.remove(path)
    except FileNotFoundError:
        pass


def _first_line(error: Exception) -> str:
    text = re.sub(r"\{\{.*?\}\}", "", str(error)).strip()  # TensorFlow's messages begin with names of nodes.
    return (text.splitlines() or [type(error).__name__])[0][:300]

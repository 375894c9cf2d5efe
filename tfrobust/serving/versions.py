"""A folder of versions, NAME/1, NAME/2, ..., each a SavedModel, and which of them are served.

A SavedModel is a program: its graph may read and write files with the rights of the process that runs it.  Whoever can
write to the folder decides what this process does.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

import tensorflow as tf

from tfrobust.names import ALL, LATEST
from tfrobust.types import InputError

# TensorFlow Serving's names for what becomes of a version.
LOADING: Final = "LOADING"
AVAILABLE: Final = "AVAILABLE"
END: Final = "END"
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # Seconds to the next try of a version that does not load; each doubles it.


class Version(NamedTuple):
    """One SavedModel in memory.

    Attributes:
        number: of the version.
        signatures: by name.
        model: keeps its variables alive.
        files: see `_files`.
    """

    number: int
    signatures: dict[str, Callable]
    model: object
    files: tuple


class State(NamedTuple):
    """What has become of a version.

    Attributes:
        state: LOADING, AVAILABLE or END.
        error: why it is not served; empty where it was served.
    """

    state: Literal["LOADING", "AVAILABLE", "END"]
    error: str = ""


class _Failure(NamedTuple):
    files: tuple
    wait: float
    until: float


class ServedModel:
    """The versions of a model that are served.

    `refresh` follows the folder.  A version that does not load is tried again, soon where its files change, else ever
    more rarely: it may still be being copied.  Until one loads, what is served stays.  One whose files change is loaded
    anew; one that is deleted goes, unless nothing else is left.  A request keeps the version that it began with.

    Args:
        name: of the model.
        folder: of its versions.
        wanted: LATEST, the one with the highest number; ALL; or the numbers to serve.
        loaded: called with (path, error or None, seconds) when a version has been tried.

    Raises:
        InputError: where there is no version that loads.
    """

    def __init__(
        self,
        name: str,
        folder: str,
        wanted: str | Sequence[int] = LATEST,
        loaded: Callable[[str, str | None, float], None] | None = None,
    ):
        self.name, self.folder, self.wanted = name, folder, wanted
        self._loaded = loaded or (lambda path, error, seconds: None)
        self._lock = threading.Lock()  # One thread at a time runs `refresh`.
        self._failures: dict[int, _Failure] = {}
        self.versions: dict[int, Version] = {}  # The versions that are served; the dict is replaced, never changed.
        self.states: dict[int, State] = {}  # The states of all versions that were ever wanted; replaced likewise.
        numbers = self._numbers()
        if not numbers:
            raise InputError(f"{folder} holds no version: a SavedModel in a folder with a number, such as {folder}/1")
        if not self._wanted(numbers):
            raise InputError(f"{folder} holds none of the versions {', '.join(map(str, wanted))}")
        self.refresh()
        if not self.versions:
            raise InputError(self.states[self._wanted(numbers)[0]].error)

    @property
    def newest(self) -> Version:
        """The version that a request without a number gets."""
        versions = self.versions
        return versions[max(versions)]

    @property
    def failed(self) -> dict[int, str]:
        """The error of each version that does not load, by number."""
        return {number: state.error for number, state in self.states.items() if state.error}

    def refresh(self) -> Version | None:
        """Looks at the folder, loads and drops versions.

        Returns:
            The newest served version if that is another now, or None.
        """
        with self._lock:
            numbers, before = self._numbers(), self.versions
            wanted = self._wanted(numbers)
            for number in wanted:
                self._try(number)
                if self.wanted == LATEST and number in self.versions:
                    break  # An older version is loaded only where the newer ones do not load.
            self._drop({number for number in wanted if number in self.versions})
            if not self.versions or self.newest is before.get(self.newest.number):
                return None
            return self.newest

    def _wanted(self, numbers: list[int]) -> list[int]:
        """The versions that may be served, newest first; with LATEST, each only if those before it do not load."""
        if self.wanted in (LATEST, ALL):
            return numbers[::-1]
        return [number for number in numbers[::-1] if number in self.wanted]

    def _try(self, number: int) -> None:
        """Loads a version unless it is in memory as it lies in the folder, or has failed a moment ago."""
        path = os.path.join(self.folder, str(number))
        files, failure, known = _files(path), self._failures.get(number), self.versions.get(number)
        if known and known.files == files:
            return
        now = time.monotonic()
        if failure and failure.files == files and now < failure.until:
            return
        if not known:
            self._set_state(number, State(LOADING))
        try:
            version = self._load(number, path, files)
        except InputError as e:
            wait = min(2 * failure.wait, _LONGEST_WAIT) if failure and failure.files == files else _FIRST_WAIT
            self._failures[number] = _Failure(files, wait, time.monotonic() + wait)
            self._loaded(path, str(e), time.monotonic() - now)
            self._set_state(number, State(AVAILABLE if known else END, str(e)))
            return
        self._failures.pop(number, None)
        self._loaded(path, None, time.monotonic() - now)
        self.versions = {**self.versions, number: version}
        self._set_state(number, State(AVAILABLE))

    def _drop(self, kept: set) -> None:
        """Forgets the versions that are not to be served, once there is one that is."""
        if not kept:
            return
        if self.wanted == LATEST:
            kept = {max(kept)}
        for number in self.versions.keys() - kept:
            self._set_state(number, State(END))
        self.versions = {number: version for number, version in self.versions.items() if number in kept}

    def _set_state(self, number: int, state: State) -> None:
        self.states = {**self.states, number: state}

    def _numbers(self) -> list[int]:
        """The versions there are, the newest last; a folder without its saved_model.pb is not one yet."""
        try:
            names = [name for name in os.listdir(self.folder) if name.isdecimal() and name == str(int(name[:20]))]
        except OSError as e:
            raise InputError(f"cannot read {self.folder}: {e.strerror}") from e
        return sorted(int(n) for n in names if os.path.exists(os.path.join(self.folder, n, "saved_model.pb")))

    def _load(self, number: int, path: str, files: tuple) -> Version:
        try:
            model = tf.saved_model.load(path)
            signatures = dict(model.signatures)
        except Exception as e:  # A broken file fails with an error of any kind.
            raise InputError(
                f"{path} cannot be loaded: {str(e).splitlines()[0] if str(e) else type(e).__name__}"
            ) from e
        if not signatures:
            raise InputError(f"{path} has no signatures: nothing can be asked of it")
        if _files(path) != files:
            raise InputError(f"{path} was written to while it was loaded")
        return Version(number, signatures, model, files)


def _files(path: str) -> tuple[tuple, ...]:
    """(name, size, time of change) of every file below: what tells whether a version was written to."""
    found = []
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                stat = os.stat(os.path.join(folder, name))
            except OSError:  # It was deleted just now.
                continue
            found.append((os.path.join(folder, name), stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return tuple(sorted(found))


def inputs_of(signature: Any) -> dict[str, tf.TensorSpec]:
    """Name -> TensorSpec of what a `signature` takes."""
    return dict(signature.structured_input_signature[1])


def outputs_of(signature: Any) -> dict[str, tf.TensorSpec]:
    """Name -> TensorSpec of what a `signature` gives."""
    return dict(signature.structured_outputs)

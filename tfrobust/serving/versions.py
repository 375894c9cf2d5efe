"""A folder of versions, NAME/1, NAME/2, ..., each a SavedModel: the newest is served, until a newer one is there."""

import os
from typing import Callable, Dict, NamedTuple, Optional

import tensorflow as tf

from tfrobust.types import InputError


class Version(NamedTuple):
    """One SavedModel in memory.  model: keeps its variables alive."""

    number: int
    signatures: Dict[str, Callable]
    model: object


class ServedModel:
    """The newest version in `folder`; raises InputError where there is none that loads."""

    def __init__(self, name: str, folder: str):
        self.name, self.folder, self.failed = name, folder, {}
        numbers = self._numbers()
        if not numbers:
            raise InputError(f"{folder} holds no version: a SavedModel in a folder with a number, such as {folder}/1")
        self.newest = self._load(numbers[-1])

    def refresh(self) -> Optional[Version]:
        """Looks for a newer version, and loads it; a request that runs keeps the version it began with.  The new one,
        or None.  One that does not load stays out (its error is in `failed`, by number), and the old one in place."""
        for number in reversed(self._numbers()):
            if number <= self.newest.number:
                return None
            if number in self.failed:
                continue
            try:
                self.newest = self._load(number)
                return self.newest
            except InputError as e:
                self.failed[number] = str(e)
        return None

    def _numbers(self):
        """The versions there are, the newest last; a folder without its saved_model.pb is not one yet."""
        try:
            names = [name for name in os.listdir(self.folder) if name.isdecimal() and name == str(int(name))]
        except OSError as e:
            raise InputError(f"cannot read {self.folder}: {e.strerror}") from e
        return sorted(int(n) for n in names if os.path.exists(os.path.join(self.folder, n, "saved_model.pb")))

    def _load(self, number: int) -> Version:
        path = os.path.join(self.folder, str(number))
        try:
            model = tf.saved_model.load(path)
        except Exception as e:  # A broken file fails with an error of any kind.
            raise InputError(
                f"{path} cannot be loaded: {str(e).splitlines()[0] if str(e) else type(e).__name__}"
            ) from e
        if not model.signatures:
            raise InputError(f"{path} has no signatures: nothing can be asked of it")
        return Version(number, dict(model.signatures), model)


def inputs_of(signature) -> Dict[str, tf.TensorSpec]:
    """Name -> TensorSpec of what a signature takes."""
    return dict(signature.structured_input_signature[1])


def outputs_of(signature) -> Dict[str, tf.TensorSpec]:
    """Name -> TensorSpec of what a signature gives."""
    return dict(signature.structured_outputs)

"""Saved networks, of whatever origin: loading one runs no code that it brings along."""

import json
import os
import zipfile
import zlib
from typing import Iterator

import keras

import tfrobust.models  # noqa: F401  Registers the layers of its own that a network may have.
from tfrobust.types import InputError

NETWORK = "network.keras"  # The name of a run's network in its folder.
METADATA = "metadata.json"  # In a .keras file: which Keras wrote it.
# Whose classes and functions a network may name; older Keras would import any module.
TRUSTED = ("keras", "tfrobust", "builtins")


def load_network(path: str) -> keras.Model:
    """The saved network; raises InputError where there is none, or one that is not to be trusted."""
    if not os.path.exists(path):
        raise InputError(f"no network at {path}")
    try:
        _check(path)
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except InputError:
        raise
    # A file can be wrong in more ways than Keras has errors for.
    except Exception as e:
        what = _other_keras(path) or " ".join(str(e).split())[:300]
        raise InputError(f"{path} cannot be loaded as a Keras network: {what}") from e


def _other_keras(path: str) -> str:
    """What to say of a file that the other Keras wrote; nothing of any other."""
    try:
        with zipfile.ZipFile(path) as file:
            theirs = str(json.loads(file.read(METADATA))["keras_version"])
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error):
        return ""
    if theirs.split(".")[0] == keras.__version__.split(".")[0]:
        return ""
    other = "3.12 or newer" if theirs.startswith("3") else "3.10 or 3.11"
    return f"Keras {theirs} wrote it and this is Keras {keras.__version__}: use Python {other} (make venv PYTHON=...)"


def _check(path: str) -> None:
    """InputError for other formats, which know no safe mode, and for what belongs to no trusted package."""
    if not path.endswith(".keras") or not zipfile.is_zipfile(path):
        hint = "keras.models.load_model(FILE).save('NAME.keras') makes one of an older format"
        raise InputError(f"{path} cannot be loaded as a Keras network: it is no .keras file ({hint})")
    with zipfile.ZipFile(path) as file:
        config = json.loads(file.read("config.json"))
    for part in _parts(config):
        if part.get("class_name") == "Lambda":
            raise InputError(
                f"{path} has a Lambda layer, which is code and is not run: put a layer of Keras in its place"
            )
        module = part.get("module")
        if isinstance(module, str) and module.split(".")[0] not in TRUSTED:
            raise InputError(f"{path} asks for the module {module!r}: only Keras' own layers and tfrobust's are loaded")


def _parts(value) -> Iterator[dict]:
    """Every dict in a configuration."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _parts(each)

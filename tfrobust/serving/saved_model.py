"""A servable as a SavedModel, for TensorFlow Serving, `saved_model_cli` or any process that has TensorFlow alone."""

import json
import os
import shutil
from typing import Any

import tensorflow as tf

from tfrobust.networks import TOLERANCE
from tfrobust.serving.servable import Servable
from tfrobust.types import InputError

METADATA = os.path.join("assets.extra", "tfrobust.json")  # TensorFlow Serving passes over assets.extra.


def write_saved_model(servable: Servable, directory: str, about: dict[str, Any]) -> None:
    """Writes a servable to a folder, whole or not at all.

    In the folder is METADATA, too: what goes in and comes out, the spec of the map, and `about`.

    Args:
        servable: what is written.
        directory: the folder, which is made.
        about: plain values, such as versions.

    Raises:
        InputError: where something is there already.
    """
    if os.path.exists(directory):
        raise InputError(f"{directory} is there already: give the next version a folder of its own")
    parent, name = os.path.split(os.path.abspath(directory))
    # A server that looks for versions passes over a folder whose name is no number.
    unfinished = os.path.join(parent, f".{name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    tf.saved_model.save(servable, unfinished, signatures=servable.signatures)
    path = os.path.join(unfinished, METADATA)
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**metadata(servable), **about}, file, indent=2)
        file.write("\n")
    os.replace(unfinished, directory)


def metadata(servable: Servable) -> dict[str, Any]:
    """What a client needs to know of a `servable`, as plain values."""
    images = {"shape": [None, *servable.shape], "dtype": "float32", "range": [0.0, 1.0], "tolerance": TOLERANCE}
    return {
        "inputs": {"images": images, "labels": {"shape": [None], "dtype": "int64", "range": [0, servable.classes - 1]}},
        "classes": servable.classes,
        "attribution": {**servable.spec.settings(), "chunk": servable.chunk},
    }


def read_metadata(directory: str) -> dict[str, Any]:
    """What `write_saved_model` left beside the SavedModel in `directory`; empty where another program made it."""
    path = os.path.join(directory, METADATA)
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)

"""Loads networks from files without running code that a file brings along and without reading any other file.

What a file may hold is the policy of `file_policy`; every network that this library loads goes through `load_network`.
"""

import json
import math
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator

import keras
import tensorflow as tf

import tfrobust.models  # noqa: F401  Registers the layers of its own that a network may have.
from tfrobust.checks import check_regular_file
from tfrobust.networks import file_policy
from tfrobust.networks.layer_scale import LayerScale
from tfrobust.types import InputError

SPARE_WEIGHTS = 1 << 20  # A network may have so many entries more than its file: states of random generators.
# Layers of keras.applications that this version of Keras cannot load any more.
LOST = {} if hasattr(keras, "ops") else {"LayerScale": LayerScale}
MOST_ACTIVATIONS = 1 << 28  # Entries of one output of a layer for one image: 1 GiB of float32.


def load_network(path: str) -> keras.Model:
    """The network in the `.keras` file of that path, not compiled.

    Raises:
        InputError: where there is no such file, or one that breaks the policy of `file_policy`, before anything of it
          is built.
    """
    check_regular_file(path, "network")
    if not path.endswith(".keras") or not zipfile.is_zipfile(path):
        hint = "keras.models.load_model(FILE).save('NAME.keras') makes one of a file that you trust"
        raise InputError(f"{path} cannot be loaded as a Keras network: it is no .keras file ({hint})")
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="tfrobust-") as folder:
            return _load(archive, folder)
    # A file can be wrong in more ways than Keras has errors for.
    except Exception as e:
        what = _other_keras(path) or " ".join(str(e).split())[:300]
        raise InputError(f"{path} cannot be loaded as a Keras network: {what}") from e


def _load(archive: zipfile.ZipFile, folder: str) -> keras.Model:
    """The network in the archive.  Its weights are copied into the folder: what is read is what was checked."""
    file_policy.check_archive(archive)
    config = file_policy.read_config(archive)
    weights = os.path.join(folder, file_policy.WEIGHTS)
    with archive.open(file_policy.WEIGHTS) as source, open(weights, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    entries = file_policy.check_weights(weights)
    with tf.variable_creator_scope(_bounded(entries + SPARE_WEIGHTS)):
        network = keras.saving.deserialize_keras_object(config, custom_objects=LOST, safe_mode=True)
        if not isinstance(network, keras.Model):
            raise InputError(f"it holds a {type(network).__name__}, no model")
        _check_activations(network)
        network.load_weights(weights)
    return network


def _bounded(most: int):
    """A variable creator that raises before the variables would have more than `most` entries in all."""
    left = most

    def create(make, **options):
        nonlocal left
        left -= _entries(options)
        if left < 0:
            raise InputError("it describes more weights than it holds")
        return make(**options)

    return create


def _entries(options) -> int:
    """The number of entries of a variable that is about to be made."""
    shape, value = options.get("shape"), options.get("initial_value")
    if shape is None and callable(value):
        with tf.Graph().as_default():  # Here an initializer tells its shape, and computes nothing.
            shape = value().shape
    elif shape is None:
        shape = tf.convert_to_tensor(value).shape
    return tf.TensorShape(shape).num_elements() or 0


def _check_activations(network: keras.Model) -> None:
    """Raises InputError where one image makes an output of a layer larger than any machine is meant for."""
    for shape in _output_shapes(network):
        if math.prod(side or 1 for side in shape[1:]) > MOST_ACTIVATIONS:
            raise InputError(f"a layer of it gives {list(shape)} for an image, more than {MOST_ACTIVATIONS:,} numbers")


def _output_shapes(network: keras.Model) -> Iterator[tuple]:
    for layer in getattr(network, "operations", network.layers):
        if isinstance(layer, keras.Model):
            yield from _output_shapes(layer)
        try:
            outputs = layer.output
        except (AttributeError, RuntimeError, ValueError):  # It has none of its own, as within a wrapper, or several.
            continue
        yield from (tuple(output.shape) for output in tf.nest.flatten(outputs))


def _other_keras(path: str) -> str:
    """A sentence about a file that the other version of Keras wrote; empty for any other file."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(file_policy.METADATA) as file:
            theirs = str(json.loads(file.read(file_policy.MOST_METADATA_BYTES))["keras_version"])
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error):
        return ""
    if theirs.split(".")[0] == keras.__version__.split(".")[0]:
        return ""
    major, python = ("3", "3.12") if theirs.startswith("3") else ("2", "3.11")
    where = f"an environment with Keras {major} (in a clone: make venv PYTHON=python{python})"
    return f"Keras {theirs} wrote it and this is Keras {keras.__version__}: load it in {where}"

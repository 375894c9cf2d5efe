"""What a `.keras` file may hold before anything of it is built.

The threat: a file from a stranger, loaded by a person or a server that wants its weights.  A `.keras` file names the
classes and functions that rebuild a network, and Keras calls what it names: on Keras 2 that is any symbol of
TensorFlow (files written and removed, native code loaded), a vocabulary is read from any path, and an HDF5 file may
point to other files.  A small file may also ask for more memory than the machine has.  So a file is taken only where

* it is a regular zip archive of a configuration and of weights in HDF5, of sizes that are bounded before they are read;
* every class and function in the configuration is in `allowed_symbols`, or was registered in this process by
  `keras.saving.register_keras_serializable`, which is the decision of whoever registered it;
* no vocabulary is a path, and every operation is applied to a tensor of the network (nothing is computed by loading);
* the weights are plain numbers that stand in the file itself: no link, external or virtual storage, no compression;
* the network that the configuration describes has no more weights than the file holds (see `files`).

What it does not stand against: faults within the parsers of zip, JSON and HDF5 or in TensorFlow's kernels, and a
network that is only slow.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import h5py
import keras

from tfrobust.networks import allowed_symbols as allowed
from tfrobust.types import InputError

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
MOST_CONFIG_BYTES = 16 << 20  # NASNetLarge, the longest of keras.applications, has 1 MB.
MOST_METADATA_BYTES = 64 << 10
MOST_INFLATION = 50  # The weights may be this many times larger than their compressed form in the archive.
MOST_DEPTH = 100  # Objects within objects, and HDF5 groups within groups, may be nested this deep.
MOST_WEIGHTS = 100_000  # The largest number of arrays of weights.

_CLASSES = allowed.LAYERS | allowed.MODELS | allowed.PARTS | allowed.OPERATIONS | allowed.SYMBOL_LAYERS | allowed.VALUES
# TensorFlow's module is where Keras 2 finds the initializers of EfficientNetV2.
_MODULES = re.compile(r"builtins|keras(\.\w+)*|tensorflow\.python\.ops\.init_ops_v2")


def check_archive(archive: zipfile.ZipFile) -> None:
    """Raises InputError unless the archive holds a configuration and weights of bounded sizes, and nothing else."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        if member.filename in members:
            raise InputError(f"it holds {_shown(member.filename)} twice")
        members[member.filename] = member
    others = sorted(members.keys() - {CONFIG, WEIGHTS, METADATA})
    if others:
        raise InputError(
            f"it holds {_shown(others[0])}, and only a configuration and weights in HDF5 are read (a layer with an "
            "adapted vocabulary keeps files of its own: give it its vocabulary as a list)"
        )
    for name in (CONFIG, WEIGHTS):
        if name not in members:
            raise InputError(f"it holds no {name}")
    limits = {
        CONFIG: MOST_CONFIG_BYTES,
        METADATA: MOST_METADATA_BYTES,
        WEIGHTS: MOST_INFLATION * max(members[WEIGHTS].compress_size, 1 << 20),
    }
    for name, member in members.items():
        if member.file_size > limits[name]:
            raise InputError(f"its {name} has {member.file_size:,} bytes, and {limits[name]:,} are the most")


def read_config(archive: zipfile.ZipFile) -> dict:
    """The configuration of a network in an archive that `check_archive` passed, without what it was compiled with.

    Raises:
        InputError: where it holds anything that `allowed_symbols` does not have.
    """
    try:
        config = json.loads(archive.read(CONFIG))
        check_config(config)
    except RecursionError as e:
        raise InputError("its configuration is nested too deep") from e
    return without_training(config)


def check_config(config: dict) -> None:
    """Checks every class, function and module that a configuration names.

    Args:
        config: of a network, as JSON gives it.

    Raises:
        InputError: where it asks for anything that is not in `allowed_symbols` and not registered in this process.
    """
    if not isinstance(config, dict):
        raise InputError("its configuration is no object")
    for part in _objects(config, MOST_DEPTH):
        _check_vocabulary(part)
        if "class_name" in part:
            _check_symbol(part)
        if "layers" in part:
            _check_nodes(part)


def without_training(config: Any) -> Any:
    """The configuration without what the network, or one within it, was compiled with: a loss is no part of it."""
    if isinstance(config, dict):
        return {key: without_training(value) for key, value in config.items() if key != "compile_config"}
    return [without_training(value) for value in config] if isinstance(config, list) else config


def _objects(value, depth: int) -> Iterator[dict]:
    """Every dict in a configuration, but those that describe how a network was compiled."""
    if depth < 0:
        raise InputError("its configuration is nested too deep")
    if isinstance(value, dict):
        yield value
        value = [each for key, each in value.items() if key != "compile_config"]
    if isinstance(value, list):
        for each in value:
            yield from _objects(each, depth - 1)


def _check_symbol(part: dict) -> None:
    """Raises InputError where the class, the function or the module of an object is not allowed."""
    name, inner, module = part.get("class_name"), part.get("config"), part.get("module")
    if name == "function":
        _check_function(part)
        return
    if _is_registered_class(part.get("registered_name", name), name):
        return
    if not isinstance(name, str) or name not in _CLASSES:
        if name == "Lambda":
            raise InputError("it has a Lambda layer, which is code and is not run: put a layer of Keras in its place")
        raise InputError(
            f"it asks for the class {_shown(name)}, and only Keras' own layers and tfrobust's are loaded (a class of "
            "your own loads in Python once keras.saving.register_keras_serializable has registered it, on a command "
            "line with --custom_objects=MODULE:CLASS)"
        )
    if module is not None and not (isinstance(module, str) and _MODULES.fullmatch(module)):
        raise InputError(f"it asks for the module {_shown(module)}: only Keras' own layers and tfrobust's are loaded")
    symbol = inner.get("function") if isinstance(inner, dict) else None
    if name in allowed.SYMBOL_LAYERS and symbol not in allowed.SYMBOLS:
        raise InputError(
            f"it asks for the operation {_shown(symbol)}, and only operations that compute with tensors are run"
        )


def _check_function(part: dict) -> None:
    name, module = part.get("config"), part.get("module")
    if _registered(name) is not None:
        return
    known = isinstance(name, str) and name in allowed.ACTIVATIONS
    if not known or part.get("registered_name") not in (None, "function", name):
        raise InputError(f"it asks for the function {_shown(name)}, and only Keras' own activations are run")
    if module not in (None, "builtins", "keras.activations"):
        raise InputError(f"it asks for the module {_shown(module)}: only Keras' own activations are run")


def _registered(name):
    """What was registered under the name in this process, or None."""
    return keras.saving.get_registered_object(name) if isinstance(name, str) else None


def _is_registered_class(registered_name, name) -> bool:
    """Whether somebody registered a class of that name; Keras goes by the one name here and by the other there."""
    return getattr(_registered(registered_name), "__name__", None) == name


def _check_vocabulary(part: dict) -> None:
    if isinstance(part.get("vocabulary"), str):
        raise InputError("it has a layer that reads its vocabulary from a file: give the vocabulary as a list")


def _check_nodes(part: dict) -> None:
    """Raises InputError where a layer of a graph is called on no tensor of the graph: it would compute while it is
    loaded."""
    layers = [layer for layer in part["layers"] if isinstance(layer, dict)]
    names = {layer["name"] for layer in layers if isinstance(layer.get("name"), str)}
    for layer in layers:
        for node in layer.get("inbound_nodes") or []:
            if not _has_tensor(node, names):
                raise InputError(f"its layer {_shown(layer.get('name'))} is called on constants alone")


def _has_tensor(value, names) -> bool:
    """Whether a value refers to the output of a layer: by [name, node, tensor, ...], or by a tensor of Keras 3."""
    if isinstance(value, dict):
        return value.get("class_name") == "__keras_tensor__" or any(_has_tensor(each, names) for each in value.values())
    if not isinstance(value, list):
        return False
    if len(value) >= 3 and isinstance(value[0], str) and value[0] in names and isinstance(value[1], int):
        return True
    return any(_has_tensor(each, names) for each in value)


def check_weights(path: str) -> int:
    """Checks the file of a network's weights.

    Args:
        path: of an HDF5 file.

    Returns:
        The number of entries of all arrays in it together.

    Raises:
        InputError: where they do not stand, as plain numbers, in the file itself.
    """
    with h5py.File(path, "r") as file:
        entries = stored = count = 0
        seen = set()
        for name, dataset in _datasets(file, "", seen):
            _check_dataset(name, dataset)
            entries, stored, count = entries + dataset.size, stored + dataset.nbytes, count + 1
            if count > MOST_WEIGHTS:
                raise InputError(f"it has more than {MOST_WEIGHTS:,} arrays of weights")
        if stored > file.id.get_filesize():  # Several arrays share the same bytes of the file.
            raise InputError("its weights would be larger than the file")
    return entries


def _datasets(group: h5py.Group, path: str, seen: set, depth: int = MOST_DEPTH) -> Iterator[tuple]:
    """(name, dataset) of all arrays below the group, each reached by one way alone."""
    if depth < 0:
        raise InputError("its weights are nested too deep")
    for key in group:
        name = f"{path}/{key}"
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise InputError(f"its weights {_shown(name)} are a link, and none is followed")
        item = group[key]
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            raise InputError(f"its weights {_shown(name)} stand in the file twice")
        seen.add(address)
        if isinstance(item, h5py.Group):
            yield from _datasets(item, name, seen, depth - 1)
        elif isinstance(item, h5py.Dataset):
            yield name, item
        else:
            raise InputError(f"its weights {_shown(name)} are no array")


def _check_dataset(name: str, dataset: h5py.Dataset) -> None:
    storage = dataset.id.get_create_plist()
    if storage.get_external_count() or dataset.is_virtual:
        raise InputError(f"its weights {_shown(name)} lie in another file, and none is read")
    if dataset.dtype.kind not in "biufV" or dataset.dtype.hasobject or dataset.dtype.fields:
        raise InputError(f"its weights {_shown(name)} are no numbers")
    if dataset.shape is None or storage.get_nfilters() or dataset.id.get_storage_size() < dataset.nbytes:
        shape = list(dataset.shape or [])
        raise InputError(f"its weights {_shown(name)}, {shape}, are compressed or missing in the file")


def _shown(name) -> str:
    """A name from the file as it may stand in a message: no control characters, not too long."""
    return repr(name)[:120]

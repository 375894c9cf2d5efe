"""`.keras` files that nobody's training wrote: an honest one, and others made of it with something else put in."""

import json
import os
import zipfile
from collections.abc import Callable

import h5py
import keras

from tests.helpers import small_network

IS_KERAS_3 = keras.__version__.startswith("3")


def honest_file(folder) -> str:
    """A network of this stack, saved by Keras."""
    path = os.path.join(folder, "honest.keras")
    small_network().save(path)
    return path


def members(path: str) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write(path: str, contents: dict[str, bytes], compression=zipfile.ZIP_STORED) -> str:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def with_config(honest: str, path: str, change: Callable[[dict], None]) -> str:
    """The honest file, its configuration changed in place by `change`."""
    contents = members(honest)
    config = json.loads(contents["config.json"])
    change(config)
    return write(path, {**contents, "config.json": json.dumps(config).encode()})


def with_weights(honest: str, path: str, change: Callable[[h5py.File], None]) -> str:
    """The honest file, its weights changed in place by `change`."""
    contents, loose = members(honest), path + ".h5"
    with open(loose, "wb") as file:
        file.write(contents["model.weights.h5"])
    with h5py.File(loose, "a") as file:
        change(file)
    with open(loose, "rb") as file:
        contents["model.weights.h5"] = file.read()
    os.remove(loose)
    return write(path, contents)


def first_array(file: h5py.File) -> h5py.Dataset:
    """The first array of weights."""
    found = []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return found[0]


def added(layer: dict) -> Callable[[dict], None]:
    """A change that adds a layer to the graph."""
    return lambda config: config["config"]["layers"].append(layer)


def operation(symbol: str, *args, **kwargs) -> Callable[[dict], None]:
    """A change that adds a layer of Keras 2 which calls a symbol of TensorFlow on constants while it is loaded."""
    return added(
        {
            "name": "evil",
            "class_name": "TFOpLambda",
            "module": "keras.src.layers.core.tf_op_layer",
            "registered_name": "TFOpLambda",
            "config": {"name": "evil", "trainable": True, "dtype": "float32", "function": symbol},
            "inbound_nodes": [["_CONSTANT_VALUE", -1, args[0] if args else 0, kwargs]],
        }
    )


def layer(class_name: str, module: str = "keras.layers", registered_name=None, **config) -> Callable[[dict], None]:
    """A change that adds a layer that nothing is called on."""
    return added(
        {
            "name": "evil",
            "class_name": class_name,
            "module": module,
            "registered_name": registered_name,
            "config": {"name": "evil", **config},
            "inbound_nodes": [],
        }
    )


def activation(name, module="builtins", class_name="function", registered_name="function", **more):
    """A change that gives the last layer a function or an object as its activation."""
    value = {"class_name": class_name, "config": name, "module": module, "registered_name": registered_name, **more}

    def change(config):
        config["config"]["layers"][-1]["config"]["activation"] = value

    return change

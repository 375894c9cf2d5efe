"""Names of layers in models within a network, `MODEL/LAYER`, and what these layers are called in its copies.

A copy that `adopt` makes is flat, and its surrogates are made of that copy.  Whoever knows the network that was given
knows its layers by their paths, so each copy remembers which of its layers gives what such a layer gives.
"""

import weakref
from collections.abc import Mapping

import keras

_copied: "weakref.WeakKeyDictionary[keras.Model, Mapping[str, str]]" = weakref.WeakKeyDictionary()


def remember_paths(copy: keras.Model, names: Mapping[str, str]) -> None:
    """Says what layers are called in a copy.

    Args:
        copy: a model, flat.
        names: path of a layer in the network that was copied -> name of the layer of the copy that gives its output.
    """
    if names:
        _copied[copy] = dict(names)


def remember_paths_of(copy: keras.Model, original: keras.Model) -> None:
    """Says that the layers of a copy have the names of those of the original, which may be a copy itself."""
    remember_paths(copy, _copied.get(original, {}))


def name_in(network: keras.Model, layer: str) -> str:
    """The name or path of a layer in the network itself, given its name or its path in what it is a copy of."""
    return _copied.get(network, {}).get(layer, layer)


def known_paths(network: keras.Model) -> tuple[str, ...]:
    """The paths that a copy remembers of the network that it was made of; none of any other network."""
    return tuple(_copied.get(network, {}))

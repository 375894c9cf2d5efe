"""Networks that a command line names, as the library takes them."""

import contextlib
import importlib
import os
import sys

from tfrobust.errors import InputError
from tfrobust.names import AUTO


def given_network(path: str, pixels: str | None = None, head: str | None = None):
    """The saved network, in float32; with pixels or head, a copy that takes images in [0, 1] and gives logits.

    Args:
        path: of the file.
        pixels: see networks.adopt; "auto": as for tfrobust.attribute, a copy only where the network needs one.
        head: the name of the output that gives the classes.
    """
    from tfrobust.networks import adopt, contracted, in_float32, load_network

    network = load_network(path)
    if pixels == AUTO:
        return in_float32(contracted(network, head=head))
    return adopt(network, pixels, head=head) if pixels or head else in_float32(network)


@contextlib.contextmanager
def custom_objects(fv):
    """Knows, within the block, the classes of networks that --custom_objects names: MODULE:CLASS.

    The modules are looked for in the current folder first, as Python itself does; what a file of a network asks for is
    never imported.
    """
    names = fv.custom_objects if "custom_objects" in fv else ()
    if not names:
        yield
        return
    import keras

    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        found = dict(_custom_object(name) for name in names)
    finally:
        sys.path.remove(here)
    with keras.saving.custom_object_scope(found):
        yield


def _custom_object(name: str):
    """(the name of a class or function, itself)."""
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise InputError(f"--custom_objects={name}: give MODULE:CLASS, such as my_layers:Attention")
    try:
        return attribute, getattr(importlib.import_module(module), attribute)
    except ImportError as e:
        raise InputError(f"--custom_objects={name}: {module} cannot be imported ({e})") from e
    except AttributeError as e:
        raise InputError(f"--custom_objects={name}: {module} has no {attribute}") from e

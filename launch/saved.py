"""Saved networks."""

import os
import zipfile

import keras

import tfrobust.models  # noqa: F401  Registers the layers of its own that a network may have.
from tfrobust.types import InputError

NETWORK = "network.keras"  # The name of a run's network in its folder.


def load_network(path: str) -> keras.Model:
    """The saved network; raises InputError where there is none."""
    if not os.path.exists(path):
        raise InputError(f"no network at {path}")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, zipfile.BadZipFile, KeyError) as e:
        raise InputError(f"{path} cannot be loaded as a Keras network: {str(e)[:300]}") from e

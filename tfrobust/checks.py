"""Checks of what a person gives, each with a line that says what to do."""

import os
import stat
import tempfile

from tfrobust.errors import InputError


def check_regular_file(path: str, what: str = "file") -> None:
    """Raises InputError unless the path is a file: a device or a pipe would be read without end.

    what: how the message calls it, such as "network".
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as e:  # ValueError: a zero byte in the name.
        raise InputError(f"no {what} at {path}") from e
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is no file: a {what} is one")


def check_choice(what: str, name: str, known) -> None:
    """Raises InputError, which lists the known names, unless `name` is one of them."""
    if name not in known:
        raise InputError(f"unknown {what} {name!r}: choose one of {', '.join(known)}")


def make_writable_folder(path: str, name: str = "--output") -> str:
    """The folder, made where it is missing; raises InputError, which calls it `name`, where nothing can be written."""
    try:
        os.makedirs(path, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as e:
        raise InputError(f"cannot write to {name}={path} ({e.strerror}): give a folder that can be written") from e
    return path

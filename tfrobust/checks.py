"""Checks of values that a user gives; each refuses with an InputError, one line that says what to do."""

import math
import numbers
import os
import stat
import tempfile
from collections.abc import Callable, Collection
from typing import Any

from tfrobust.errors import InputError


def check_regular_file(path: str | os.PathLike, what: str = "file") -> None:
    """Raises InputError unless the path is a file: a device or a pipe would be read without end.

    Args:
        path: of the file.
        what: what the message calls it, such as "network".
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as e:  # ValueError: a zero byte in the name.
        raise InputError(f"no {what} at {path}") from e
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is no file: a {what} is one")


def check_choice(what: str, name: str, known: Collection[str]) -> None:
    """Raises InputError, which lists the known names, unless `name` is one of them.

    Args:
        what: what the message calls the value, such as "norm".
        name: the value.
        known: the names that are allowed.
    """
    if name not in known:
        raise InputError(f"unknown {what} {name!r}: choose one of {', '.join(known)}")


def check_whole(what: str, value: Any, least: int = 0) -> None:
    """Raises InputError unless the value is a whole number of at least `least`: 5.0 and True are refused.

    Args:
        what: what the message calls the value, such as "batch_size".
        value: the value.
        least: the smallest number that is allowed.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise InputError(f"{what} must be a whole number of at least {least}; got {value!r}")


def check_number(what: str, value: Any, least: float = 0.0, most: float = math.inf) -> None:
    """Raises InputError unless the value is a finite number from `least` to `most`: NaN and True are refused.

    Args:
        what: what the message calls the value, such as "eps".
        value: the value.
        least: the smallest number that is allowed.
        most: the largest number that is allowed.
    """
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or not least <= value <= most:
        within = f"of at least {least:g}" if most == math.inf else f"in [{least:g}, {most:g}]"
        raise InputError(f"{what} must be a number {within}; got {value!r}")


def check_positive(what: str, value: Any) -> None:
    """Raises InputError, which calls the value `what`, unless it is a finite number above 0."""
    check_number(what, value)
    if value == 0:
        raise InputError(f"{what} must be above 0; got {value!r}")


def check_fields(check: Callable[..., None], spec: Any, *names: str, **limits: float) -> None:
    """Applies one of these checks to fields of a dataclass, which the message calls by their names.

    Args:
        check: such as check_whole.
        spec: the dataclass instance.
        *names: the fields that are checked.
        **limits: `least` and `most`, where the check has them.

    Raises:
        InputError: where the check refuses a field.
    """
    for name in names:
        check(name, getattr(spec, name), **limits)


def check_seed(what: str, value: Any) -> None:
    """Raises InputError, which calls the value `what`, unless it is a seed, a whole number in [0, 2^31)."""
    check_whole(what, value)
    if value >= 2**31:
        raise InputError(f"{what} must lie in [0, 2^31); got {value}")


def make_writable_folder(path: str, name: str = "--output") -> str:
    """Makes the folder where it is missing and tries whether files can be written there.

    Args:
        path: of the folder.
        name: of the flag or argument that gave the path, for the message.

    Returns:
        `path`.

    Raises:
        InputError: where nothing can be written.
    """
    try:
        os.makedirs(path, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as e:
        raise InputError(f"cannot write to {name}={path} ({e.strerror}): give a folder that can be written") from e
    return path

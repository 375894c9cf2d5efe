"""Checks of what a person gives, each with a line that says what to do."""

import math
import numbers
import os
import stat
import tempfile
from collections.abc import Callable

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


def check_whole(what: str, value, least: int = 0) -> None:
    """Raises InputError unless the value is a whole number of at least `least`: 5.0 and True are none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise InputError(f"{what} must be a whole number of at least {least}; got {value!r}")


def check_number(what: str, value, least: float = 0.0, most: float = math.inf) -> None:
    """Raises InputError unless the value is a finite number from `least` to `most`: NaN is none."""
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or not least <= value <= most:
        within = f"of at least {least:g}" if most == math.inf else f"in [{least:g}, {most:g}]"
        raise InputError(f"{what} must be a number {within}; got {value!r}")


def check_positive(what: str, value) -> None:
    """Raises InputError unless the value is a finite number above 0."""
    check_number(what, value)
    if value == 0:
        raise InputError(f"{what} must be above 0; got {value!r}")


def check_fields(check: Callable[..., None], spec, *names: str, **limits) -> None:
    """Applies one of these checks to fields of a dataclass, which the message calls by their names."""
    for name in names:
        check(name, getattr(spec, name), **limits)


def check_seed(what: str, value) -> None:
    """Raises InputError unless the value is a seed, a whole number in [0, 2^31)."""
    check_whole(what, value)
    if value >= 2**31:
        raise InputError(f"{what} must lie in [0, 2^31); got {value}")


def make_writable_folder(path: str, name: str = "--output") -> str:
    """The folder, made where it is missing; raises InputError, which calls it `name`, where nothing can be written."""
    try:
        os.makedirs(path, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as e:
        raise InputError(f"cannot write to {name}={path} ({e.strerror}): give a folder that can be written") from e
    return path

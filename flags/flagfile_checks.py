"""Flagfiles, looked at before they are read: files, not devices, that include each other to a bounded depth."""

import os
from collections.abc import Iterator, Sequence

from tfrobust.checks import check_regular_file
from tfrobust.errors import InputError

MOST_DEPTH = 20  # Of flagfiles that include flagfiles.
MOST_BYTES = 1 << 20
_DIRECTIVES = ("--flagfile", "-flagfile")


def check_flagfiles(args: Sequence[str], depth: int = 0, seen=None) -> None:
    """Raises InputError where a flagfile among the arguments, or one that it includes, is no file, too long, or too
    deep."""
    seen = set() if seen is None else seen
    for path in _named(args):
        if depth == MOST_DEPTH:
            raise InputError(f"flagfiles include each other more than {MOST_DEPTH} deep, up to {path}")
        if path in seen or not os.path.exists(path):  # What is missing, absl says.
            continue
        seen.add(path)
        check_regular_file(path, "flagfile")
        if os.path.getsize(path) > MOST_BYTES:
            raise InputError(f"{path} has more than {MOST_BYTES:,} bytes: is it a flagfile?")
        with open(path, encoding="utf-8", errors="replace") as file:
            check_flagfiles([line.strip() for line in file], depth + 1, seen)


def _named(args: Sequence[str]) -> Iterator[str]:
    """The paths of the flagfiles that the arguments name, as absl finds them."""
    for arg, following in zip(args, [*args[1:], ""]):
        name, equals, value = arg.partition("=")
        if name in _DIRECTIVES:
            yield os.path.expanduser((value if equals else following).strip())

"""Flagfiles, found and read: files, not devices, that include each other to a bounded depth.

absl would read them from the current folder alone.  Those of the papers' rows (flags/...) are this package's own, and
are found from any folder.
"""

import os
from collections.abc import Sequence

from tfrobust.checks import check_regular_file
from tfrobust.errors import InputError

MOST_DEPTH = 20  # Of flagfiles that include flagfiles.
MOST_FILES = 1000  # That the arguments lead to, each as often as it is included.
MOST_BYTES = 1 << 20
OWN = os.path.dirname(os.path.abspath(__file__))
_DIRECTIVES = ("--flagfile", "-flagfile")


def find(path: str) -> str:
    """Where the flagfile of that name is: as it is given, from the current folder; where there is none and the name is
    flags/....flags, among those of this package.  A name without a file comes back as it is."""
    path = os.path.expanduser(path)
    folder, _, below = os.path.normpath(path).partition(os.sep)
    own = os.path.join(OWN, below)
    is_own = folder == "flags" and below.endswith(".flags") and os.path.exists(own)
    return own if is_own and not os.path.exists(path) else path


def spelled_out(args: Sequence[str]) -> list[str]:
    """The arguments with the lines of flagfiles in the place of --flagfile=FILE, as absl would read them.

    Raises:
        InputError: where a flagfile is missing, is no file, is too long or includes others too deep or too often.
    """
    return _spelled_out(args, (), [0])


def _spelled_out(args: Sequence[str], within: tuple[str, ...], read: list[int]) -> list[str]:
    """within: the flagfiles around these arguments.  read: how many have been read, which grows."""
    out, rest = [], list(args)
    while rest:
        name, equals, path = rest.pop(0).partition("=")
        if name not in _DIRECTIVES:
            out.append(name + equals + path)
            if out[-1] == "--":  # What follows is no flag, and is refused.
                return out + rest
            continue
        if not equals:
            if not rest:
                raise InputError(f"{name} needs the name of a file: write --flagfile=FILE")
            path = rest.pop(0)
        out += _spelled_out(_lines(path.strip(), within, read), (*within, path.strip()), read)
    return out


def _lines(path: str, within: tuple[str, ...], read: list[int]) -> list[str]:
    """The arguments in a flagfile: its lines without comments."""
    if not path or path in within:  # A circle adds nothing.
        return []
    read[0] += 1
    if len(within) == MOST_DEPTH or read[0] > MOST_FILES:
        many = f"{MOST_DEPTH} deep" if len(within) == MOST_DEPTH else f"{MOST_FILES:,} times"
        raise InputError(f"flagfiles include each other more than {many}, up to {path}")
    found = find(path)
    check_regular_file(found, "flagfile")
    if os.path.getsize(found) > MOST_BYTES:
        raise InputError(f"{path} has more than {MOST_BYTES:,} bytes: is it a flagfile?")
    try:
        with open(found, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"flagfile {path} cannot be read ({e})") from e
    return [line for line in lines if line and not line.startswith(("#", "//"))]

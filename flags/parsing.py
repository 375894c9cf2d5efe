"""Arguments to flags; what is wrong with them in one line."""

import difflib
import re
from collections.abc import Callable, Sequence

from absl import flags

from flags import flagfiles
from tfrobust.errors import InputError

# Defines some flags; its docstring is their heading in the help.
Room = Callable[[flags.FlagValues], None]
# What absl says of a required flag that was not given.
_MISSING = re.compile(r"Flag --(\w+) must have a value other than None")
_UNKNOWN = re.compile(r"Unknown command line flag '(\w+)'")
_LARGEST = 2**31 - 1


def parse(rooms: Sequence[Room], argv: Sequence[str]) -> flags.FlagValues:
    """The flags of the given rooms, read from argv (program name first); raises InputError."""
    fv = flags.FlagValues()
    for define in rooms:
        define(fv)
    given = flagfiles.spelled_out(argv[1:])
    try:
        rest = fv([argv[0], *given])[1:]
    except flags.Error as e:
        missing = [f"--{name}" for name in _MISSING.findall(str(e))]
        if missing:
            raise InputError(f"{' and '.join(missing)} must be given: --help says what for") from e
        raise InputError(" ".join(str(e).removeprefix("ERROR:: ").split()) + _nearest(str(e), fv)) from e
    _check_whole_numbers(fv)
    if rest:
        raise InputError(f"cannot make sense of {' '.join(rest)!r}: flags are written --name=value")
    return fv


def words_as_flags(argv: Sequence[str], *names: str) -> list[str]:
    """The command line with its first words as flags of these names: `diff A B --data=D` as `diff --before=A --after=B
    --data=D`.

    Args:
        argv: program name first; words beyond the names stay, and are refused like any.
        names: of the flags, in order.
    """
    words, given = list(argv), []
    for name in names:
        if len(words) > 1 and not words[1].startswith("-"):
            given.append(f"--{name}={words.pop(1)}")
    return [*words[:1], *given, *words[1:]]


def _nearest(error: str, fv: flags.FlagValues) -> str:
    """The flags that an unknown one may have been meant for, such as --eps for --epsilon."""
    unknown = _UNKNOWN.search(error)
    if not unknown or "Did you mean" in error:
        return ""
    name = unknown[1]
    near = difflib.get_close_matches(name, list(fv), n=3, cutoff=0.6)
    near += [flag for flag in fv if len(flag) > 2 and name.startswith(flag) and flag not in near]
    return f": did you mean {' or '.join(f'--{flag}' for flag in near)}?" if near else ": --help lists them"


def parse_seeds(texts: Sequence[str]) -> list[int]:
    """The whole numbers of --seeds; raises InputError for what is none."""
    wrong = [text for text in texts if not re.fullmatch(r"\d{1,10}", text) or int(text) > _LARGEST]
    if wrong:
        raise InputError(f"--seeds={wrong[0]}: seeds are whole numbers, from 0 to {_LARGEST:,}")
    return [int(text) for text in texts]


def _check_whole_numbers(fv: flags.FlagValues) -> None:
    """Raises InputError for a whole number that TensorFlow could not hold: no flag means one."""
    for name, flag in fv.flag_values_dict().items():
        for value in flag if isinstance(flag, list) else [flag]:
            if isinstance(value, int) and abs(value) > _LARGEST:
                raise InputError(f"--{name}={value:.3g} is too large: give at most {_LARGEST:,}")

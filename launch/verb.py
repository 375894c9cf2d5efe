"""What all verbs share: flags in, an exit code out.

0: done.  1: the run itself failed (training diverged, a full disk, a lost worker).  2: something given cannot be used.
130, 143: stopped by SIGINT or SIGTERM; a training run saves its next step first.  One line says which and why.
141: nobody reads the output any more.
"""

import os
import re
import signal
import sys
import tempfile
import textwrap
from typing import Callable, Sequence

import tensorflow as tf
from absl import flags

from launch import failures, progress, signals, terminal
from launch.flagfiles import check_flagfiles
from tfrobust.training import TrainingDiverged, TrainingStopped
from tfrobust.types import InputError

# What absl says of a required flag that was not given.
MISSING = re.compile(r"Flag --(\w+) must have a value other than None")
REPEATED = "; repeat this option to specify a list of values"  # What absl adds to the help of a flag.
WIDTH = 110
LARGEST = 2**31 - 1
LONGEST = 1000  # Characters of the line that says what is wrong.
# Defines some flags; its docstring is their heading in the help.
Room = Callable[[flags.FlagValues], None]


class Failed(RuntimeError):
    """The verb ran and something in it failed; the message says what."""


def parse(rooms: Sequence[Room], argv: Sequence[str]) -> flags.FlagValues:
    """The flags of the given rooms, read from argv (program name first); raises InputError."""
    fv = flags.FlagValues()
    for define in rooms:
        define(fv)
    check_flagfiles(argv[1:])
    try:
        rest = fv(list(argv))[1:]
    except flags.Error as e:
        missing = [f"--{name}" for name in MISSING.findall(str(e))]
        if missing:
            raise InputError(f"{' and '.join(missing)} must be given: --help says what for") from e
        raise InputError(" ".join(str(e).removeprefix("ERROR:: ").split())) from e
    except ValueError as e:  # Bytes that are no text, in the file or in its name.
        raise InputError(f"a --flagfile cannot be read ({e})") from e
    _check_whole_numbers(fv)
    if rest:
        raise InputError(f"cannot make sense of {' '.join(rest)!r}: flags are written --name=value")
    return fv


def _check_whole_numbers(fv: flags.FlagValues) -> None:
    """Raises InputError for a whole number that TensorFlow could not hold: no flag means one."""
    for name, flag in fv.flag_values_dict().items():
        for value in flag if isinstance(flag, list) else [flag]:
            if isinstance(value, int) and abs(value) > LARGEST:
                raise InputError(f"--{name}={value:.3g} is too large: give at most {LARGEST:,}")


def run(name: str, doc: str, rooms: Sequence[Room], body: Callable[[flags.FlagValues], None], argv=None) -> int:
    """Parses argv (sys.argv by default), runs body(flags) and returns the exit code of the verb."""
    try:
        with terminal.escaped():
            code = _run(name, doc, rooms, body, sys.argv if argv is None else argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # Who read the output (`| head`) has enough; what Python still holds of it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _run(name, doc, rooms, body, argv) -> int:
    if any(arg in ("--help", "-h", "-help", "--helpfull") for arg in argv[1:]):
        print(help_text(name, doc, rooms))
        return 0
    code, said = 0, None
    try:
        with signals.handled():
            fv = parse(rooms, argv)
            # Two runs with one seed give the same weights, on CPU bit for bit.
            tf.config.experimental.enable_op_determinism()
            # A verb traces its functions once per network; TensorFlow takes the second network for a mistake.
            tf.get_logger().setLevel("ERROR")
            body(fv)
    except InputError as e:
        code, said = 2, e
    except (Failed, TrainingDiverged) as e:
        code, said = 1, e
    except (TrainingStopped, KeyboardInterrupt, signals.Terminated) as e:
        code, said = 128 + (signals.asked() or signal.SIGINT), str(e) or "stopped"
    except BrokenPipeError:
        raise
    except failures.KINDS as e:
        said = failures.line(e)
        if said is None:
            raise
        code = 1
    if code:
        progress.close_all()
        line = " ".join(str(said).split())
        print(f"{name}: {line if len(line) <= LONGEST else line[:LONGEST] + ' ...'}", file=sys.stderr)
    return code


def help_text(name: str, doc: str, rooms: Sequence[Room]) -> str:
    """The page that --help prints: what the verb does, then its flags by room."""
    lines = [doc.strip(), "", f"usage: python -m launch.{name} [--flagfile=FILE] [--FLAG=VALUE ...]"]
    for define in rooms:
        fv = flags.FlagValues()
        define(fv)
        lines += ["", define.__doc__]
        lines += [_line(fv[key]) for key in sorted(fv, key=lambda key: ("Required." not in fv[key].help, key))]
    return "\n".join(lines)


def _line(flag) -> str:
    """A flag in the help: its name, what it is for and, in brackets, what it is unless given."""
    text = " ".join(flag.help.split())
    if text.endswith(REPEATED):
        text = f"{text.removesuffix(REPEATED).removesuffix('.')}. May be given several times."
    if text.startswith("<"):  # The values of an enum, which absl writes without a place to break the line.
        values, _, rest = text.partition(">")
        text = f"{values.replace('|', ' | ')}>{rest}"
    default = "" if flag.default in (None, []) else f"  [{flag.default_as_str.strip(chr(39))}]"
    text = f"--{flag.name:<21} {text}{default}"
    whole = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent=" " * 26, **whole)


def output_folder(path: str, flag: str = "--output") -> str:
    """The folder, made if it is missing; raises InputError, naming the flag, where nothing can be written there."""
    try:
        os.makedirs(path, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as e:
        raise InputError(f"cannot write to {flag}={path} ({e.strerror}): give a folder that can be written") from e
    return path

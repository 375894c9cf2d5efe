"""What all verbs share: flags in, an exit code out.

0: done.  1: the run itself failed (training diverged, a full disk, a lost worker).  2: something given cannot be used.
130, 143: stopped by SIGINT or SIGTERM; a training run saves its next step first.  One line says which and why.
3: it ran, and what it found meets a condition that was set (see launch.audit, --fail_if).
141: nobody reads the output any more.
"""

import os
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from absl import flags

from flags.parsing import Room, parse
from launch.command_line import devices, given_networks, notes, program, progress, signals, terminal
from tfrobust.errors import InputError, TrainingDivergedError, TrainingStoppedError

REPEATED = "; repeat this option to specify a list of values"  # What absl adds to the help of a flag.
WIDTH = 110
LONGEST = 1000  # Characters of the line that says what is wrong.
# Does the work of a verb, or refuses its flags.
Body = Callable[[flags.FlagValues], None]


class FailedError(RuntimeError):
    """The verb ran and something in it failed; the message says what."""


class GateError(RuntimeError):
    """What was found meets a condition under which the verb is to fail; the message says which."""


def as_process(main: Callable[[], int]) -> NoReturn:
    """Ends the process with the code of the verb `main`, which SIGINT and SIGTERM may stop (see signals).

    What concerns the process as a whole, its signals and its standard output, is done here and not in `run`.
    """
    try:
        with signals.handled():
            code = main()
    except BrokenPipeError:  # Who read the output (`| head`) has enough; what Python still holds of it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    sys.exit(code)


def run(name: str, doc: str, rooms: Sequence[Room], body: Body, *, argv=None, check: Body | None = None) -> int:
    """Parses argv (sys.argv by default), runs body(flags) and returns the exit code of the verb.

    check(flags) comes first and refuses flags that do not go together.  Neither it, nor the module of a verb or of its
    flags, imports TensorFlow, which takes seconds: the help and what is refused must not wait for it.
    """
    with terminal.escaped(), notes.shown():
        code = _run(name, doc, rooms, body, argv=sys.argv if argv is None else argv, check=check)
    sys.stdout.flush()
    return code


def _run(name, doc, rooms, body, *, argv, check) -> int:
    if any(arg in ("--help", "-h", "-help", "--helpfull") for arg in argv[1:]):
        print(help_text(name, doc, rooms))
        return 0
    code, said = 0, None
    try:
        fv = parse(rooms, argv)
        if check:
            check(fv)
        _prepare_tensorflow()
        with given_networks.custom_objects(fv), devices.on_devices(fv):
            body(fv)
    except InputError as e:
        code, said = 2, e
    except (FailedError, TrainingDivergedError) as e:
        code, said = 1, e
    except GateError as e:
        code, said = 3, e
    except (TrainingStoppedError, KeyboardInterrupt, signals.Terminated) as e:
        if not signals.installed():  # Ctrl-C is for whoever called the verb from Python.
            raise
        code, said = 128 + (signals.asked() or signal.SIGINT), str(e) or "stopped"
    except BrokenPipeError:
        raise
    except ModuleNotFoundError as e:
        code, said = 2, program.missing(e)
        if said is None:
            raise
    except Exception as e:
        from tfrobust import failures

        said = failures.line(e) if isinstance(e, failures.KINDS) else None
        if said is None:
            raise
        code = 1
    if code:
        progress.close_all()
        line = program.spoken(" ".join(str(said).split()))
        print(f"{name}: {line if len(line) <= LONGEST else line[:LONGEST] + ' ...'}", file=sys.stderr)
    return code


def _prepare_tensorflow() -> None:
    import tensorflow as tf

    # Two runs with one seed give the same weights, on CPU bit for bit.
    tf.config.experimental.enable_op_determinism()
    # A verb traces its functions once per network; TensorFlow takes the second network for a mistake.
    tf.get_logger().setLevel("ERROR")


def help_text(name: str, doc: str, rooms: Sequence[Room]) -> str:
    """The page that --help prints: what the verb does, then its flags by room."""
    lines = [doc.strip(), "", f"usage: {program.called(name)} [--flagfile=FILE] [--FLAG=VALUE ...]"]
    for define in rooms:
        fv = flags.FlagValues()
        define(fv)
        lines += ["", define.__doc__ or ""]
        lines += [_line(fv[key]) for key in sorted(fv, key=lambda key: ("Required." not in fv[key].help, key))]
    return program.spoken("\n".join(lines))


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
    whole: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent=" " * 26, **whole)


def check_networks(*paths: str | None) -> None:
    """Raises InputError for a saved network that is not there; None is none that was asked for."""
    missing = [path for path in paths if path and not os.path.exists(path)]
    if missing:
        raise InputError(f"no network at {' and '.join(missing)}")

"""A verb that measures in processes of its own: each calls the verb again and says as JSON what it found."""

import json
from collections.abc import Collection, Sequence
from subprocess import run
from typing import Any

from absl import flags

from launch.command_line.program import words
from tfrobust.errors import InputError


def given_flags(fv: flags.FlagValues, without: Collection[str]) -> list[str]:
    """The flags that the verb was given, but for those of which a process within has its own values."""
    return [fv[name].serialize() for name in fv if fv[name].present and name not in without]


def measured_within(verb: str, args: Sequence[str]) -> dict[str, Any] | None:
    """What a process that runs the verb says in its last line.

    Args:
        verb: its name.
        args: its flags.

    Returns:
        The values; None where the process was killed, most likely for the memory that it took.

    Raises:
        InputError: with the line of the process, where it could not use what was given, or failed.
    """
    done = run([*words(verb), *args], capture_output=True, text=True)
    if done.returncode in (1, 2):
        raise InputError((done.stderr.strip().splitlines() or ["the measured process failed"])[-1])
    return json.loads(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else None

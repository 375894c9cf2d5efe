"""The command `tfrobust VERB --FLAG=VALUE ...`: the verbs of `launch`, in any folder.

A clone has the packages `launch` and `flags` at its top.  A wheel has them in `tfrobust/_command_line`, where they get
into nobody's way: that folder is on the path of modules of this command's own process alone.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

NAME = "tfrobust"
_started = False


def started() -> bool:
    """Whether this process was started as `tfrobust`, and not as `python -m launch.VERB`."""
    return _started


def folder() -> str:
    """Where the packages `launch` and `flags` are."""
    here = os.path.dirname(os.path.abspath(__file__))
    within = os.path.join(here, "_command_line")
    return within if os.path.isdir(within) else os.path.dirname(here)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Ends the process with the exit code of the verb that argv (sys.argv by default) names.

    By their names alone, as `launch` is above every room of the library: what runs here is its own start.
    """
    global _started
    _started = True
    sys.path.insert(0, folder())
    raise SystemExit(importlib.import_module("launch.__main__").start(sys.argv if argv is None else argv))


if __name__ == "__main__":
    # Of the module that the verbs ask, not of its copy under the name __main__.
    importlib.import_module("tfrobust.command").main()

"""How the user runs a verb: `tfrobust VERB` if this process was started that way, else `python -m launch.VERB`.

Help, messages and reports use it; sources and docs write the second form, which `spoken` replaces.
"""

import glob
import os
import re
import sys

from tfrobust import command

# Packages that an installation without extras lacks -> the extra that brings them.
_EXTRAS = dict.fromkeys(("prometheus_client", "waitress", "werkzeug"), "serve")
_VERBS = glob.glob("[a-z]*.py", root_dir=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_NAMES = "|".join(["VERB", *(name.removesuffix(".py") for name in _VERBS)])
# A verb in that form, but not a user's file with a name such as launch.keras.
_SPOKEN = re.compile(rf"(?:python -m )?(?<![\w./-])launch\.({_NAMES})\b(?!/|\.\w)")


def called(verb: str) -> str:
    """The command that runs the verb."""
    return f"{command.NAME} {verb}" if command.started() else f"python -m launch.{verb}"


def spoken(text: str) -> str:
    """The text with `launch.VERB` replaced by the command with which this process was started."""
    return _SPOKEN.sub(lambda found: called(found[1]), text) if command.started() else text


def words(verb: str) -> list[str]:
    """The arguments with which a new process runs the verb, on the same interpreter."""
    module = ["tfrobust.command", verb] if command.started() else [f"launch.{verb}"]
    return [sys.executable, "-m", *module]


# Packages that no extra brings -> what they are for.
_TRACKERS = {"mlflow": "--mlflow", "wandb": "--wandb"}


def missing(error: ModuleNotFoundError) -> str | None:
    """A line that says what to install, if the missing package belongs to an extra; None for any other package."""
    package = (error.name or "").partition(".")[0]
    if package in _TRACKERS:
        return f"{package} is not installed, which {_TRACKERS[package]} needs: pip install {package}"
    if package not in _EXTRAS:
        return None
    return (
        f"{package} is not installed: it comes with tfrobust[{_EXTRAS[package]}]; pip install {package} brings it alone"
    )

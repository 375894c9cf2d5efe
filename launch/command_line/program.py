"""How a verb is called: `tfrobust VERB` where the command was started so, `python -m launch.VERB` in a clone.

Help, messages and reports ask here; what the sources say is for a clone.
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
# A verb as the sources call it, and no file of a user's that is called launch.keras.
_SPOKEN = re.compile(rf"(?:python -m )?(?<![\w./-])launch\.({_NAMES})\b(?!/|\.\w)")


def called(verb: str) -> str:
    """What a person types to run the verb."""
    return f"{command.NAME} {verb}" if command.started() else f"python -m launch.{verb}"


def spoken(text: str) -> str:
    """The text with its verbs as a person types them here."""
    return _SPOKEN.sub(lambda found: called(found[1]), text) if command.started() else text


def words(verb: str) -> list[str]:
    """The program and its first arguments with which a process runs the verb, on the same interpreter."""
    module = ["tfrobust.command", verb] if command.started() else [f"launch.{verb}"]
    return [sys.executable, "-m", *module]


# Packages that no extra brings -> what they are for.
_TRACKERS = {"mlflow": "--mlflow", "wandb": "--wandb"}


def missing(error: ModuleNotFoundError) -> str | None:
    """What to install where a package of an extra is not there; None for any other, whose traceback is wanted."""
    package = (error.name or "").partition(".")[0]
    if package in _TRACKERS:
        return f"{package} is not installed, which {_TRACKERS[package]} needs: pip install {package}"
    if package not in _EXTRAS:
        return None
    return (
        f"{package} is not installed: it comes with tfrobust[{_EXTRAS[package]}]; pip install {package} brings it alone"
    )

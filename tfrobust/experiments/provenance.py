"""Provenance stored with every result: data, specs, versions of the packages, the commit of the source."""

import functools
import os
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from tfrobust.experiments.fingerprints import versions
from tfrobust.experiments.recipe import DataSpec


def describe_evaluation(data: DataSpec, batch: int, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Settings and versions that are needed to repeat an evaluation of a network, as plain values.

    Args:
        data: its images.
        batch: how many are held at once.
        spec: settings of the evaluation.
    """
    images = {"dataset": data.name, "hold_out": data.hold_out, "evaluate_on": data.evaluate_on}
    return {**images, "evaluation_batch": batch, **spec, "versions": versions()}


def describe_source() -> dict[str, Any]:
    """Versions, the commit of the source where it is a clone, and the day.

    To be asked before what it describes is begun: that takes hours, in which a clone may go to another commit.
    """
    return {"versions": versions(), "commit": _commit(), "date": time.strftime("%Y-%m-%d")}


@functools.cache  # What a process has imported stays the commit at which it began.
def _commit() -> str | None:
    """That of the clone; None of an installation, which may lie in the repository of somebody else's project, and where
    there is no git."""
    is_clone = _git("ls-files", "--error-unmatch", os.path.abspath(__file__)) is not None
    return _git("describe", "--always", "--dirty") if is_clone else None


def _git(*args: str) -> str | None:
    """What git says in the folder of this file; None where it refuses or is not there."""
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        asked = subprocess.run(["git", *args], cwd=here, capture_output=True, text=True)
    except OSError:
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None

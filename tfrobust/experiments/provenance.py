"""Provenance stored with every result: data, specs, versions of the packages, the commit of the source."""

import os
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from tfrobust.experiments.fingerprints import versions
from tfrobust.experiments.recipe import DataSpec


def describe_evaluation(data: DataSpec, batch: int, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What repeats an evaluation, beside the network, as plain values.

    Args:
        data: its images.
        batch: how many are held at once.
        spec: settings of the evaluation.
    """
    images = {"dataset": data.name, "hold_out": data.hold_out, "evaluate_on": data.evaluate_on}
    return {**images, "evaluation_batch": batch, **spec, "versions": versions()}


def describe_source() -> dict[str, Any]:
    """Versions, the commit of the source (None where it is no clone), and the day."""
    here = os.path.dirname(os.path.abspath(__file__))
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True)
    return {"versions": versions(), "commit": asked.stdout.strip() or None, "date": time.strftime("%Y-%m-%d")}

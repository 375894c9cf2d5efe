"""What repeats an evaluation."""

import os
import subprocess
import time

from absl import flags

from tfrobust.experiments.fingerprints import versions


def about(fv: flags.FlagValues, spec: dict) -> dict:
    """What repeats an evaluation, beside the network: data, specs, versions."""
    data = {name: fv[name].value for name in ("dataset", "hold_out", "evaluate_on", "evaluation_batch")}
    return {**data, **spec, "versions": versions()}


def about_source() -> dict:
    """Versions, the commit of the source where it is a clone, and the day."""
    here = os.path.dirname(os.path.abspath(__file__))
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True)
    return {"versions": versions(), "commit": asked.stdout.strip() or None, "date": time.strftime("%Y-%m-%d")}

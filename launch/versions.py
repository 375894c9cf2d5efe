"""What repeats an evaluation."""

import keras
import tensorflow as tf
from absl import flags

import tfrobust


def about(fv: flags.FlagValues, spec: dict) -> dict:
    """What repeats an evaluation, beside the network: data, specs, versions."""
    versions = {"tfrobust": tfrobust.__version__, "tensorflow": tf.__version__, "keras": keras.__version__}
    data = {name: fv[name].value for name in ("dataset", "hold_out", "evaluate_on", "evaluation_batch")}
    return {**data, **spec, "versions": versions}

"""What repeats an evaluation."""

from absl import flags

from launch.fingerprints import versions


def about(fv: flags.FlagValues, spec: dict) -> dict:
    """What repeats an evaluation, beside the network: data, specs, versions."""
    data = {name: fv[name].value for name in ("dataset", "hold_out", "evaluate_on", "evaluation_batch")}
    return {**data, **spec, "versions": versions()}

"""Trains one network: one row of a paper's table.

    python -m launch.train --flagfile=flags/rar/mnist/ig_norm_cpu.flags --data_dir=DATA --output=runs/ig_norm

Leaves in --output: network.keras (a plain Keras model, logits out), run.flags (a flagfile that repeats the run),
run.json (steps and seconds), checkpoints/ and tensorboard/.  If it is interrupted, the same command resumes it, and
ends with the same weights.  --strategy trains on several GPUs, hosts or a TPU (docs/scale.md).
"""

import os

from absl import flags

from flags import probe_flags, recipe_flags, strategy_flags
from launch.command_line import verb
from launch.command_line.progress import SCREEN


def output_flags(fv: flags.FlagValues) -> None:
    """Where the run is written."""
    flags.DEFINE_string(
        "output", None, "Folder of the run; an unfinished run in it is resumed. Required.", flag_values=fv
    )
    flags.mark_flag_as_required("output", fv)


def train(fv: flags.FlagValues) -> None:
    from tfrobust.checks import make_writable_folder
    from tfrobust.distribution import is_chief
    from tfrobust.experiments import training_run
    from tfrobust.experiments.saliency_maps import with_saliency
    from tfrobust.experiments.saved_runs import NETWORK
    from tfrobust.monitoring.probe import Probe

    make_writable_folder(fv.output)
    recipe = recipe_flags.from_flags(fv)
    data = with_saliency(recipe, recipe.data.read(), SCREEN)
    steps = recipe.in_steps(data.train_size).training.steps
    plan = probe_flags.from_flags(fv, data.name, data.shape) if fv.probe_every else None

    def probes(network, start):
        return [Probe(network, data, plan, fv.output, start=start, steps=steps)] if plan else []

    trained = training_run.train(recipe, data, fv.output, SCREEN, probes)
    if not is_chief():
        return
    done = "was finished already" if trained.resumed_at == steps else f"{trained.seconds:.0f} s"
    network = os.path.join(fv.output, NETWORK)
    print(f"{recipe.name}: {steps} steps, {done}: {network}")
    print(f"curves: tensorboard --logdir {fv.output}")


def main(argv=None) -> int:
    rooms = (*recipe_flags.ROOMS, strategy_flags.define, probe_flags.define, output_flags)
    return verb.run("train", __doc__, rooms, train, argv=argv, check=recipe_flags.check)


if __name__ == "__main__":
    verb.as_process(main)

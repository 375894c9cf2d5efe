"""Evaluates one saved network: logits out and images in [0, 1] in, or any Keras classifier with --pixels.

    python -m launch.evaluate --network=runs/ig_norm/network.keras --flagfile=flags/rar/mnist/evaluate_cpu.flags \\
        --dataset=mnist --data_dir=DATA --output=runs/ig_norm/evaluation

Prints a table with intervals, and leaves in --output: evaluation.md, .csv and .json (with the specs that make the
numbers repeatable), records.jsonl (a line per example and task) and panels.png.

    python -m launch.evaluate --network=runs/ig_norm/network.keras --suite=rar --dataset=mnist --data_dir=DATA \\
        --examples=1000 --attribution_examples=200 --output=runs/ig_norm/rar

A suite is a paper's whole evaluation with its settings (rar, art, er, far, sat), every attack there is (full), the
strongest attack on maps, an ensemble with a budget of --auto_level (auto), AutoAttack on predictions, in an
--autoattack_version and --norm (autoattack), or attacks in l2 on smoothed maps beside a certified bound (certified).
It prints accuracies with intervals, map scores under attack and noise, faithfulness, and a diagnosis of the attacks,
and leaves SUITE.md, .json, _records.jsonl (a line per example and attack) and pictures: panels, box plots, curves over
eps.
The flags --eps, --pgd_steps, --ifia_steps, --map_steps, --map_ties, --map_window, --noise_draws, --examples and
--attribution_examples change it.  If it is interrupted, the same command resumes it.

--strategy shares each batch out over several GPUs, hosts or a TPU (docs/scale.md).
"""

from absl import flags

from flags import data_flags, evaluation_flags, pixels_flags, strategy_flags
from launch.command_line import verb
from launch.command_line.progress import SCREEN
from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError
from tfrobust.experiments.folder_lock import claimed
from tfrobust.names import SUITES


def output_flags(fv: flags.FlagValues) -> None:
    """From where and where to."""
    flags.DEFINE_enum(
        "suite", None, list(SUITES), "A paper's evaluation, auto or autoattack, instead of one attack.", flag_values=fv
    )
    flags.DEFINE_string(
        "natural", None, "Natural network: maps are compared with its own, and PGD made on it (suites).", flag_values=fv
    )
    flags.DEFINE_string("network", None, "Saved Keras network: a .keras file. Required.", flag_values=fv)
    pixels_flags.define(fv)
    flags.DEFINE_string("output", None, "Folder for table, records and picture. Required.", flag_values=fv)
    flags.DEFINE_bool(
        "keep_images",
        False,
        "Leave the attacked images, with their scores, in --output/attacked: an .npz file for each attack on maps (see "
        "launch.verify).",
        flag_values=fv,
    )
    flags.mark_flag_as_required("network", fv)
    flags.mark_flag_as_required("output", fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for flags that do not go together."""
    if fv.natural and not fv.suite:
        raise InputError("--natural belongs to --suite: give one, or leave it out")
    if fv.suite:
        evaluation_flags.check_suite(fv, fv.suite)
    else:
        evaluation_flags.check(fv)
    verb.check_networks(fv.network, fv.natural)


def evaluate(fv: flags.FlagValues) -> None:
    from launch.single_evaluation import evaluate_once
    from launch.suite import evaluate_suite

    with claimed(make_writable_folder(fv.output), progress=SCREEN):
        (evaluate_suite if fv.suite else evaluate_once)(fv)


def main(argv=None) -> int:
    rooms = data_flags.define, evaluation_flags.define, strategy_flags.define, output_flags
    return verb.run("evaluate", __doc__, rooms, evaluate, argv=argv, check=check)


if __name__ == "__main__":
    verb.as_process(main)

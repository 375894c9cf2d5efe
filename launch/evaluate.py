"""Evaluates one saved network: logits out and images in [0, 1] in, or any Keras classifier with --pixels.

    python -m launch.evaluate --network=runs/ig_norm/network.keras --flagfile=flags/rar/mnist/evaluate_cpu.flags \\
        --dataset=mnist --data_dir=DATA --output=runs/ig_norm/evaluation

Prints a table, and leaves in --output: evaluation.md, .csv and .json (with the specs that make the numbers repeatable),
records.jsonl (a line per example) and panels.png.

    python -m launch.evaluate --network=runs/ig_norm/network.keras --suite=rar --dataset=mnist --data_dir=DATA \\
        --examples=1000 --attribution_examples=200 --output=runs/ig_norm/rar

A suite is a paper's whole evaluation with its settings: rar, art, er, far, sat, or full, every attack there is.  It
prints accuracies with intervals, map scores under attack and noise, faithfulness, and a diagnosis of the attacks, and
leaves SUITE.md, .json, _records.jsonl (a line per example and attack) and pictures: panels, box plots, curves over eps.
The flags --eps, --pgd_steps, --ifia_steps, --map_steps, --map_ties, --map_window, --noise_draws, --examples and
--attribution_examples change it.  A suite that was killed goes on where it was.

--strategy shares each batch out over several GPUs, hosts or a TPU (docs/scale.md).
"""

import os
import sys

from absl import flags

from flags import data_flags, evaluation_flags, strategy_flags
from launch import chunks, verb
from launch.claims import claimed
from launch.columns import COLUMNS, diagnosis, legend
from launch.given import define_pixels, given_network
from launch.progress import bar
from launch.suite import evaluate_suite
from launch.versions import about
from launch.workers import on_devices
from tfrobust import report
from tfrobust.data import to_unit
from tfrobust.evaluation import SUITES, Evaluation, evaluate
from tfrobust.replicas import is_chief
from tfrobust.types import InputError

PICTURED = 4


def output_flags(fv: flags.FlagValues) -> None:
    """From where and where to."""
    flags.DEFINE_enum("suite", None, list(SUITES), "A paper's evaluation instead of one attack.", flag_values=fv)
    flags.DEFINE_string(
        "natural", None, "Natural network: maps are compared with its own, and PGD made on it (suites).", flag_values=fv
    )
    flags.DEFINE_string("network", None, "Saved Keras network: a .keras file. Required.", flag_values=fv)
    define_pixels(fv)
    flags.DEFINE_string("output", None, "Folder for table, records and picture. Required.", flag_values=fv)
    flags.mark_flag_as_required("network", fv)
    flags.mark_flag_as_required("output", fv)


def pick_panels(network: str, result: Evaluation, indices) -> list:
    """Panels of the attacked examples with the given indices into the test set."""
    attacked = [r["index"] for r in result.records if "kendall" in r]
    return [report.panel_of(result.maps, attacked.index(index), network) for index in indices]


def write_evaluation(directory: str, name: str, result: Evaluation, about: dict) -> None:
    """Table, records and picture of one evaluation."""
    row = {"network": name, **result.summary}
    flags = [flag._asdict() for flag in result.flags]
    report.write_table(directory, "evaluation", [row], COLUMNS, {**about, "flags": flags})
    report.write_records(os.path.join(directory, "records.jsonl"), result.records)
    indices = [r["index"] for r in result.records if "kendall" in r][:PICTURED]
    if indices:
        rows = [panel._replace(network=f"image {i}") for i, panel in zip(indices, pick_panels(name, result, indices))]
        report.draw_panels(rows, os.path.join(directory, "panels.png"), f"{name}: attributions under attack", 1)


def evaluate_on_devices(fv: flags.FlagValues) -> None:
    with on_devices(fv):
        main_evaluate(fv)


def main_evaluate(fv: flags.FlagValues) -> None:
    if fv.natural and not fv.suite:
        raise InputError("--natural belongs to --suite: give one, or leave it out")
    with claimed(verb.output_folder(fv.output)):
        (evaluate_suite if fv.suite else evaluate_once)(fv)


def evaluate_once(fv: flags.FlagValues) -> None:
    network = given_network(fv.network, fv.pixels)
    data = data_flags.from_flags(fv)
    spec = evaluation_flags.from_flags(fv)
    x = to_unit(data.x_test)
    result = evaluate(network, x, data.y_test, spec, *chunks.at_once(fv, network), bar)
    if not is_chief():
        return
    name = os.path.basename(os.path.dirname(os.path.abspath(fv.network))) or network.name
    write_evaluation(fv.output, name, result, {"network": fv.network, **about(fv, result.spec)})
    print(report.markdown([{"network": name, **result.summary}], COLUMNS))
    print(legend(result.summary, result.spec) + "\n")
    print(diagnosis({name: result.flags}))
    print(f"written: {fv.output}")


def main(argv=None) -> int:
    rooms = data_flags.define, evaluation_flags.define, strategy_flags.define, output_flags
    return verb.run("evaluate", __doc__, rooms, evaluate_on_devices, argv)


if __name__ == "__main__":
    sys.exit(main())

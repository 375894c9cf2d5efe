"""One evaluation of one saved network: table, records and a picture."""

import os

from absl import flags

from flags import data_flags, evaluation_flags
from launch.columns import COLUMNS, diagnosis, legend
from launch.command_line.given_networks import given_network
from launch.command_line.progress import SCREEN
from tfrobust import report
from tfrobust.data import to_unit
from tfrobust.distribution import is_chief
from tfrobust.evaluation import Evaluation, evaluate
from tfrobust.experiments.provenance import describe_evaluation

PICTURED = 4


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


def evaluate_once(fv: flags.FlagValues) -> None:
    """Evaluates --network as the flags say, and writes everything into --output, which is there."""
    network = given_network(fv.network, fv.pixels)
    data_spec = data_flags.from_flags(fv)
    data = data_spec.read()
    spec = evaluation_flags.from_flags(fv)
    x = to_unit(data.x_test)
    result = evaluate(network, x, data.y_test, spec, *evaluation_flags.chunking(fv).for_network(network), SCREEN)
    if not is_chief():
        return
    name = os.path.basename(os.path.dirname(os.path.abspath(fv.network))) or network.name
    about = {"network": fv.network, **describe_evaluation(data_spec, fv.evaluation_batch, result.spec)}
    write_evaluation(fv.output, name, result, about)
    print(report.markdown([{"network": name, **result.summary}], COLUMNS))
    print(legend(result.summary, result.spec) + "\n")
    print(diagnosis({name: result.flags}))
    print(f"written: {fv.output}")

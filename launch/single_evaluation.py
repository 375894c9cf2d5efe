"""One attack of each kind on one saved network: a line of a table, intervals, records and a picture."""

import os
from collections.abc import Sequence

from absl import flags

from flags import evaluation_flags
from launch.columns import COLUMNS, diagnosis, legend, outputs
from launch.suite import evaluate_given, reference_table
from tfrobust import report
from tfrobust.evaluation import Evaluation
from tfrobust.report import Column

PICTURED = 4
INTERVALS = (
    Column("measure", "of all such images, with 95 % confidence"),
    Column("mean", "mean", ".3f"),
    Column("low", "from", ".3f"),
    Column("high", "to", ".3f"),
)


def attacked_indices(result: Evaluation) -> Sequence[int]:
    """Indices into the test set of the images whose maps were attacked."""
    return [record["index"] for task in list(result.maps)[:1] for record in result.records_of(task)]


def pick_panels(network: str, result: Evaluation, indices) -> list:
    """Panels of the attacked examples with the given indices into the test set."""
    attacked, maps = attacked_indices(result), next(iter(result.maps.values()))
    return [report.panel_of(maps, attacked.index(index), network) for index in indices]


def intervals(row) -> str:
    """The measures of a row that have an interval, as a table."""
    measures = [key.removesuffix("_low") for key in row if key.endswith("_low")]
    rows = [
        {"measure": m.replace("_", " "), "mean": row[m], "low": row[f"{m}_low"], "high": row[f"{m}_high"]}
        for m in measures
    ]
    return report.markdown(rows, INTERVALS)


def write_evaluation(directory: str, name: str, result: Evaluation, about: dict) -> None:
    """Table, records and picture of one evaluation."""
    row = {"network": name, **result.table_row()}
    found = {"flags": result.plain_flags, "summary": result.summary, "output_change": result.outputs}
    about = {**about, **found}
    if result.references:
        about["references"] = result.without_records()["references"]
    report.write_table(directory, "evaluation", [row], COLUMNS, about)
    report.write_records(os.path.join(directory, "records.jsonl"), result.records)
    indices = attacked_indices(result)[:PICTURED]
    if indices:
        labels = {record["index"]: record["label"] for record in result.records}
        panels = zip(indices, pick_panels(name, result, indices))
        rows = [panel._replace(network=f"image {i}, class {labels[i]}") for i, panel in panels]
        report.draw_panels(rows, os.path.join(directory, "panels.png"), f"{name}: attributions under attack", 1)


def evaluate_once(fv: flags.FlagValues) -> None:
    """Evaluates --network as the flags say, and writes everything into --output, which is there."""

    def write(network, result, about):
        name = os.path.basename(os.path.dirname(os.path.abspath(fv.network))) or network.name
        write_evaluation(fv.output, name, result, about)
        row = {"network": name, **result.table_row()}
        print(report.markdown([row], COLUMNS))
        print(legend(row, result.suite) + "\n")
        print(intervals(row))
        if result.outputs:
            print(outputs(result))
        if result.references:
            print(reference_table(result))
        print(diagnosis(result.flags))

    evaluate_given(fv, lambda network, shape: evaluation_flags.from_flags(fv), write)

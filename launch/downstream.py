"""What robust attributions are good for, measured on saved networks, side by side.

    python -m launch.downstream --task=localization --networks=natural=A.keras,art=B.keras --dataset=cub200 \\
        --data_dir=DATA --output=runs/localization

Tasks: localization (boxes from maps, needs the images' boxes), segmentation (masks from maps, needs masks, or boxes
with --boxes_as_masks), corruptions (the 19 common ones at five severities), generation (images made by each network)
and alignment (of image and gradient).  Leaves TASK.md, .csv, .json and .png in --output.
"""

import os

from absl import flags

from flags import data_flags, downstream_flags, strategy_flags
from launch.command_line import verb
from launch.command_line.given_networks import given_network
from launch.command_line.progress import SCREEN
from tfrobust.checks import make_writable_folder
from tfrobust.experiments.folder_lock import claimed


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for networks without a name or a range of pixels of their own, or that are not there."""
    files = downstream_flags.named_files(fv)
    downstream_flags.pixels_of(fv)
    verb.check_networks(*files.values())


def read_networks(fv, x) -> dict[str, object]:
    """name -> network, each checked against the images x."""
    from tfrobust.networks import check_network

    networks = {}
    for (name, path), pixels in zip(downstream_flags.named_files(fv).items(), downstream_flags.pixels_of(fv)):
        networks[name] = given_network(path, pixels, fv.head)
        check_network(networks[name], x)
    return networks


def downstream(fv: flags.FlagValues) -> None:
    with claimed(make_writable_folder(fv.output), progress=SCREEN):
        measure(fv)


def measure(fv: flags.FlagValues) -> None:
    """Does the task and writes its table."""
    from tfrobust import report
    from tfrobust.data import to_unit
    from tfrobust.downstream import run_task
    from tfrobust.experiments.fingerprints import fingerprint_network
    from tfrobust.experiments.provenance import describe_evaluation, describe_source

    source = describe_source()
    spec = data_flags.from_flags(fv)
    loaded = spec.load()
    data = spec.prepare(loaded)
    held_out = spec.prepare(loaded, "held_out") if fv.hold_out else None
    networks = read_networks(fv, to_unit(data.x_test[:16]))
    outcome = run_task(
        fv.task, networks, data, held_out=held_out, settings=downstream_flags.settings(fv), progress=SCREEN
    )
    outcome.draw(os.path.join(fv.output, fv.task + ".png"))
    everything = {
        **describe_evaluation(spec, fv.evaluation_batch, {"task": fv.task, "flags": fv.flags_into_string()}),
        **source,
        "networks": {name: fingerprint_network(network) for name, network in networks.items()},
        "details": outcome.details,
    }
    report.write_table(fv.output, fv.task, outcome.rows, outcome.columns, everything)
    text = "\n".join([report.markdown(outcome.rows, outcome.columns), *outcome.notes])
    report.write_text(
        os.path.join(fv.output, fv.task + ".md"),
        f"# {fv.task.capitalize()}: {report.in_markdown(data.name)}\n\n{text}\n",
    )
    print(text)
    print(f"written: {fv.output}/{fv.task}.md, .csv, .json, .png")


def main(argv=None) -> int:
    rooms = data_flags.define, strategy_flags.define_of_one_process, downstream_flags.define
    return verb.run("downstream", __doc__, rooms, downstream, argv=argv, check=check)


if __name__ == "__main__":
    verb.as_process(main)

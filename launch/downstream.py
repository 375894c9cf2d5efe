"""What robust attributions are good for, measured on saved networks, side by side.

    python -m launch.downstream --task=localization --networks=natural=A.keras,art=B.keras --dataset=cub200 \\
        --data_dir=DATA --output=runs/localization

Tasks: localization (boxes from maps, needs the images' boxes), segmentation (masks from maps, needs masks, or boxes
with --boxes_as_masks), corruptions (the 19 common ones at five severities), generation (images made by each network)
and alignment (of image and gradient).  Leaves TASK.md, .csv, .json and .png in --output.
"""

import os
import re
from typing import Dict

from absl import flags

from flags import data_flags
from launch.command_line import verb
from launch.command_line.given_networks import PIXELS_HELP, given_network
from launch.command_line.progress import SCREEN
from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError
from tfrobust.experiments.folder_lock import claimed
from tfrobust.names import PIXELS, TASKS


def downstream_flags(fv: flags.FlagValues) -> None:
    """Which task, on which networks, and where to."""
    where = {"flag_values": fv}
    flags.DEFINE_enum("task", None, list(TASKS), "Task. Required.", **where)
    flags.DEFINE_list("networks", None, "Saved networks, FILE or NAME=FILE, commas between. Required.", **where)
    flags.DEFINE_list(
        "pixels", None, f"{PIXELS_HELP} One of {', '.join(PIXELS)} for all networks, or one for each.", **where
    )
    flags.DEFINE_string("output", None, "Folder of table and picture. Required.", **where)
    flags.DEFINE_integer("examples", 0, "Test images used, drawn at random (0: all).", lower_bound=0, **where)
    flags.DEFINE_integer(
        "held_out_examples",
        200,
        "Images on which thresholds are chosen: of those of --hold_out, or trained ones without it.",
        lower_bound=1,
        **where,
    )
    flags.DEFINE_integer("map_examples", 50, "corruptions: images whose maps are compared.", lower_bound=1, **where)
    flags.DEFINE_bool(
        "cifar10_c", False, "corruptions: the published CIFAR-10-C of TFDS in --data_dir, not our own.", **where
    )
    flags.DEFINE_bool("boxes_as_masks", False, "segmentation: boxes stand for masks.", **where)
    flags.DEFINE_float("generation_eps", None, "generation: l2 radius (by the number of pixels unless given).", **where)
    flags.DEFINE_integer("evaluation_seed", 0, "Of every draw.", **where)
    flags.DEFINE_integer("evaluation_batch", 50, "Images held at once.", lower_bound=1, **where)
    flags.mark_flags_as_required(["task", "networks", "output"], fv)


def named_files(fv: flags.FlagValues) -> Dict[str, str]:
    """name -> the file of a network; raises InputError where --networks does not say that."""
    files = {}
    for given in fv.networks:
        name, _, path = given.rpartition("=")
        name = name or os.path.splitext(os.path.basename(path))[0]
        if name in files or not re.fullmatch(r"[\w.() -]+", name):
            raise InputError(f"--networks: {name!r} is there twice or no name: give NAME=FILE for each")
        files[name] = path
    if not files:
        raise InputError("--networks needs one saved network at least")
    return files


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for networks without a name or a range of pixels of their own, or that are not there."""
    files = named_files(fv)
    _pixels(fv)
    verb.check_networks(*files.values())


def read_networks(fv, x) -> Dict[str, object]:
    """name -> network, each checked against the images x."""
    from tfrobust.networks import check_network

    networks = {}
    for (name, path), pixels in zip(named_files(fv).items(), _pixels(fv)):
        networks[name] = given_network(path, pixels)
        check_network(networks[name], x)
    return networks


def _pixels(fv) -> list:
    """The range of each network's pixels, None where it is not given."""
    given, n = fv.pixels or [None], len(fv.networks)
    wrong = [pixels for pixels in given if pixels not in (None, *PIXELS)]
    if wrong or len(given) not in (1, n):
        raise InputError(f"--pixels: give one of {', '.join(PIXELS)} for all {n} networks, or one for each")
    return given * n if len(given) == 1 else given


def settings(fv: flags.FlagValues):
    """The TaskSettings of the flags."""
    from tfrobust.downstream import TaskSettings

    return TaskSettings(
        examples=fv.examples,
        held_out_examples=fv.held_out_examples,
        map_examples=fv.map_examples,
        cifar10_c=fv.cifar10_c,
        data_dir=fv.data_dir,
        download=fv.download,
        boxes_as_masks=fv.boxes_as_masks,
        generation_eps=fv.generation_eps,
        seed=fv.evaluation_seed,
        batch=fv.evaluation_batch,
    )


def downstream(fv: flags.FlagValues) -> None:
    with claimed(make_writable_folder(fv.output), progress=SCREEN):
        measure(fv)


def measure(fv: flags.FlagValues) -> None:
    """Does the task and writes its table."""
    from launch.versions import about, about_source
    from tfrobust import report
    from tfrobust.data import to_unit
    from tfrobust.downstream import run_task
    from tfrobust.experiments.fingerprints import of_network

    spec = data_flags.from_flags(fv)
    loaded = spec.load()
    data = spec.prepare(loaded)
    held_out = spec.prepare(loaded, "held_out") if fv.hold_out else None
    networks = read_networks(fv, to_unit(data.x_test[:16]))
    outcome = run_task(fv.task, networks, data, held_out, settings(fv), SCREEN)
    outcome.draw(os.path.join(fv.output, fv.task + ".png"))
    everything = {
        **about(fv, {"task": fv.task, "flags": fv.flags_into_string()}),
        **about_source(),
        "networks": {name: of_network(network) for name, network in networks.items()},
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
    return verb.run("downstream", __doc__, (data_flags.define, downstream_flags), downstream, argv, check)


if __name__ == "__main__":
    verb.as_process(main)

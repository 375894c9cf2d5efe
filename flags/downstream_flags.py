"""The flags of a downstream task: its networks, and its settings."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from absl import flags

from flags import pixels_flags
from flags.pixels_flags import PIXELS_HELP
from tfrobust.errors import InputError
from tfrobust.names import PIXELS, TASKS

if TYPE_CHECKING:
    from tfrobust.downstream import TaskSettings


def define(fv: flags.FlagValues) -> None:
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
    flags.DEFINE_integer("evaluation_seed", 0, "Random seed for the choice of images and every draw.", **where)
    flags.DEFINE_integer("evaluation_batch", 50, "Images held at once.", lower_bound=1, **where)
    pixels_flags.define_form(fv)
    flags.mark_flags_as_required(["task", "networks", "output"], fv)


def named_files(fv: flags.FlagValues) -> dict[str, str]:
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


def pixels_of(fv: flags.FlagValues) -> list[str | None]:
    """The range of each network's pixels, None where it is not given."""
    given, n = fv.pixels or [None], len(fv.networks)
    wrong = [pixels for pixels in given if pixels not in (None, *PIXELS)]
    if wrong or len(given) not in (1, n):
        raise InputError(f"--pixels: give one of {', '.join(PIXELS)} for all {n} networks, or one for each")
    return given * n if len(given) == 1 else given


def settings(fv: flags.FlagValues) -> TaskSettings:
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

"""The flags of a benchmark: which jobs, how large, against whom."""

from dataclasses import fields

from absl import flags

from flags.parsers import define_number
from tfrobust.benchmark.places import check_page
from tfrobust.benchmark.sizes import JOBS, Sizes
from tfrobust.checks import check_choice

HELP = {
    "pretraining": "Steps of natural training before the jobs.",
    "images": "Of the attack on predictions and of the maps.",
    "batch": "Images of a training step.",
    "attack_steps": "Iterations of the inner attack that are timed.",
    "path_points": "Path points of IG in the training step.",
    "attack_points": "Path points of IG in its inner attack.",
    "map_points": "Path points of the maps.",
    "pgd_steps": "Iterations of the attack on predictions.",
    "ifia_images": "Images of the attack on maps.",
    "ifia_steps": "Iterations of the attack on maps.",
    "side": "Rows and columns of the maps that are compared by Kendall's tau.",
    "maps": "Pairs of them.",
    "epoch": "Images of an epoch of natural training.",
    "audit_images": "Images of the audit.",
}


def define(fv: flags.FlagValues) -> None:
    """Which jobs, how large, against whom."""
    where = {"flag_values": fv}
    flags.DEFINE_list("jobs", list(JOBS), f"Kinds of jobs: {', '.join(JOBS)}.", **where)
    flags.DEFINE_integer("rounds", 5, "Of which the median counts.", lower_bound=1, **where)
    define_number("width", Sizes.width, "Scales the number of units of each layer.", fv)
    for name, text in HELP.items():
        flags.DEFINE_integer(name, getattr(Sizes, name), text, lower_bound=int(name != "pretraining"), **where)
    flags.DEFINE_string("peer_python", None, "Interpreter that has torch, captum, ...; this one unless given.", **where)
    flags.DEFINE_string("earlier", None, "Folder with another version of tfrobust, whose audit is measured.", **where)
    flags.DEFINE_bool("memory", True, "Measure peak memory, each side in a process of its own.", **where)
    flags.DEFINE_string("output", None, "Folder of benchmark.md and benchmark.json. Required.", **where)
    flags.DEFINE_string(
        "page", None, "Page whose place for the tables is filled, such as docs/performance.md.", **where
    )
    flags.DEFINE_string("measured", None, "Of the processes within: JOB/SIDE, whose memory is measured.", **where)
    flags.mark_flag_as_required("output", fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for jobs that there are not, and for sizes and a page that make no sense."""
    for kind in fv.jobs:
        check_choice("job", kind, JOBS)
    check_page(fv.page)
    sizes(fv)


def sizes(fv: flags.FlagValues) -> Sizes:
    """The sizes of the jobs."""
    return Sizes(**{field.name: fv[field.name].value for field in fields(Sizes)})

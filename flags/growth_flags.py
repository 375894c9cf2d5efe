"""The flags of a measurement of growth: against what, and how far."""

from absl import flags

from flags.parsers import define_number
from tfrobust.benchmark.growth_plan import AXES, Plan, plan_points
from tfrobust.benchmark.places import check_page
from tfrobust.errors import InputError

RANGES = {
    "path_points": "Path points m of Integrated Gradients, in the descent and in the inner attack.",
    "attack_steps": "Steps of the inner attack.",
    "batch": "Images of a training step.",
    "side": "Rows and columns of an image.",
    "replicas": "Logical CPUs that share the batch, and the cores.",
    "images": "Images of an evaluation.",
}


def define(fv: flags.FlagValues) -> None:
    """Against what, how far, and where to."""
    where = {"flag_values": fv}
    flags.DEFINE_list("axes", list(AXES), f"What grows: {', '.join(AXES)}.", **where)
    for name, text in RANGES.items():
        flags.DEFINE_list(name, list(map(str, AXES[name].usual)), f"{text} Numbers, commas between.", **where)
    flags.DEFINE_integer("rounds", 3, "Times that are taken, of which the median counts.", lower_bound=1, **where)
    define_number("width", 1.0, "Scales the number of units of each layer.", fv)
    flags.DEFINE_integer("iterations", 20, "Of the attack of an evaluation.", lower_bound=1, **where)
    flags.DEFINE_string("output", None, "Folder of growth.md, .json, .png and .svg. Required.", **where)
    flags.DEFINE_string("page", None, "Page whose place for the tables is filled, such as docs/cost.md.", **where)
    flags.DEFINE_string("measured", None, "Of the processes within: AXIS/NUMBER of the point they measure.", **where)
    flags.mark_flag_as_required("output", fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for what cannot be measured, and for a page without a place."""
    plan(fv)
    check_page(fv.page, "growth")


def plan(fv: flags.FlagValues) -> Plan:
    """The points that are measured; raises InputError."""
    ranges = {name: [_whole(name, text) for text in fv[name].value] for name in AXES}
    return plan_points(ranges, fv.axes, width=fv.width, iterations=fv.iterations)


def _whole(name: str, text: str) -> int:
    if not (text.isdigit() and len(text) < 7):
        raise InputError(f"--{name}={text}: whole numbers, commas between")
    return int(text)

"""The flags of what rows cost: which rows, and how they are measured."""

from absl import flags

from flags import recipe_flags
from flags.parsers import define_memory
from tfrobust.benchmark.places import check_page
from tfrobust.checks import check_choice
from tfrobust.errors import InputError
from tfrobust.papers.tables import MAIN, main_rows


def define(fv: flags.FlagValues) -> None:
    """Which rows, how they are measured, and where to."""
    where = {"flag_values": fv}
    flags.DEFINE_list("rows", [], "Flagfiles, as launch.train takes them.", **where)
    flags.DEFINE_list("papers", [], f"Rows of the main tables of: {', '.join(MAIN)}.", **where)
    flags.DEFINE_list("overrides", [], "Flags that win over those of every row, such as --batch_size=8.", **where)
    flags.DEFINE_bool("seconds", True, "Measure a step of each row; otherwise its operations are counted.", **where)
    flags.DEFINE_float(
        "longest",
        60.0,
        "Seconds that a step may take, about; a longer one is measured with fewer images.",
        lower_bound=0.001,
        **where,
    )
    flags.DEFINE_integer("rounds", 1, "Times that are taken, of which the median counts.", lower_bound=1, **where)
    define_memory(fv)
    flags.DEFINE_float(
        "teraflops",
        10.0,
        "Operations in a second, times 10^12, that a GPU is taken to sustain.",
        lower_bound=0.001,
        **where,
    )
    flags.DEFINE_string("output", None, "Folder of cost.md, .csv and .json. Required.", **where)
    flags.DEFINE_string("page", None, "Page whose place for the tables is filled, such as docs/cost.md.", **where)
    flags.DEFINE_integer(
        "measured", None, "Of the processes within: images of the step they measure; 0: they count.", **where
    )
    flags.mark_flag_as_required("output", fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for rows that are not there or make no sense, and for a page without a place."""
    for paper in fv.papers:
        check_choice("paper", paper, MAIN)
    for flagfile in flagfiles(fv):
        recipe_flags.read_flags(flagfile, fv.overrides)
    check_page(fv.page, "cost")


def flagfiles(fv: flags.FlagValues) -> list[str]:
    """The flagfiles of the rows, each once; raises InputError where there are none."""
    found = [*(path for paper in fv.papers for path in main_rows(paper)), *fv.rows]
    if not found:
        raise InputError("no rows: give --rows or --papers")
    return list(dict.fromkeys(found))

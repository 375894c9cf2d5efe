"""The flags of a comparison."""

import re

from absl import flags

from flags import data_flags, evaluation_flags, recipe_flags, strategy_flags
from flags.parsing import parse_seeds
from tfrobust.errors import InputError

TAKEN = ("run", "costs", "network")  # Names of files that a run has.


def define(fv: flags.FlagValues) -> None:
    """What is compared, and where to."""
    flags.DEFINE_list("rows", None, "Flagfiles of the methods, as launch.train takes them. Required.", flag_values=fv)
    flags.DEFINE_list("overrides", [], "Flags that win over those of every row, such as --steps=100.", flag_values=fv)
    flags.DEFINE_list("seeds", ["0"], "Seeds; each trains and evaluates every row.", flag_values=fv)
    flags.DEFINE_bool("controls", True, "Add madry at equal steps and at equal time.", flag_values=fv)
    flags.DEFINE_string("output", None, "Folder of the table and the runs. Required.", flag_values=fv)
    flags.DEFINE_string("saliency_dir", None, "Folder of teachers and maps (see launch.train).", flag_values=fv)
    flags.DEFINE_string("name", "comparison", "Name of the table: another evaluation of the same runs.", flag_values=fv)
    flags.mark_flags_as_required(["rows", "output"], fv)


ROOMS = (data_flags.define, evaluation_flags.define, strategy_flags.define_of_one_process, define)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for flags that do not go together."""
    if not fv.rows or not fv.seeds:
        raise InputError("--rows and --seeds need at least one entry each")
    if len(set(parse_seeds(fv.seeds))) < len(fv.seeds):
        raise InputError("--seeds names a seed twice: its runs would count twice")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", fv.name) or fv.name in TAKEN:
        raise InputError(f"--name={fv.name!r} must be letters, digits, _ and -, and none of {', '.join(TAKEN)}")
    evaluation_flags.check(fv)
    for flagfile in fv.rows:
        recipe_flags.name_of(flagfile)
        recipe_flags.read_flags(flagfile, overrides(fv))


def overrides(fv: flags.FlagValues) -> list[str]:
    """What wins over the flags of every row."""
    return [*fv.overrides, *recipe_flags.source_overrides(fv)]

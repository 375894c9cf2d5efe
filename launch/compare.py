"""Trains and evaluates several methods, each beside PGD training at equal steps and at equal time, into one table.

    python -m launch.compare --rows=flags/rar/mnist/natural_cpu.flags,flags/rar/mnist/madry_cpu.flags,... \\
        --flagfile=flags/rar/mnist/evaluate_cpu.flags --data_dir=DATA --seeds=0,1,2 --output=runs/rar_mnist

A robust method costs many times a step of PGD training, so beating PGD training at equal steps says little.  With
--controls, every row whose method is neither natural nor madry brings two more: madry with as many steps, and madry
with as many steps as fit into its time.  The cost of a step is measured in turns in one process at the start.

Finished runs are not repeated: the same command goes on where it was stopped.  Prints the table; leaves NAME.md,
.csv, .json and .png (NAME is --name) and the run of each row (see launch.train) in --output.
"""

import re

from absl import flags

from flags import data_flags, evaluation_flags, recipe_flags
from flags.parsing import parse_seeds
from launch.command_line import verb
from tfrobust.errors import InputError

TAKEN = ("run", "costs", "network")


def comparison_flags(fv: flags.FlagValues) -> None:
    """What is compared, and where to."""
    flags.DEFINE_list("rows", None, "Flagfiles of the methods, as launch.train takes them. Required.", flag_values=fv)
    flags.DEFINE_list("overrides", [], "Flags that win over those of every row, such as --steps=100.", flag_values=fv)
    flags.DEFINE_list("seeds", ["0"], "Seeds; each trains and evaluates every row.", flag_values=fv)
    flags.DEFINE_bool("controls", True, "Add madry at equal steps and at equal time.", flag_values=fv)
    flags.DEFINE_string("output", None, "Folder of the table and the runs. Required.", flag_values=fv)
    flags.DEFINE_string("saliency_dir", None, "Folder of teachers and maps (see launch.train).", flag_values=fv)
    flags.DEFINE_string("name", "comparison", "Name of the table: another evaluation of the same runs.", flag_values=fv)
    flags.mark_flags_as_required(["rows", "output"], fv)


ROOMS = (data_flags.define, evaluation_flags.define, comparison_flags)


def check(fv) -> None:
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
        recipe_flags.read_flags(flagfile, [*fv.overrides, *recipe_flags.source_overrides(fv)])


def print_comparison(fv: flags.FlagValues) -> None:
    from launch.comparison import compare

    table = compare(fv)
    print(f"\n{table}\nwritten: {fv.output}/{fv.name}.md, .csv, .json, .png")


def main(argv=None) -> int:
    return verb.run("compare", __doc__, ROOMS, print_comparison, argv, check)


if __name__ == "__main__":
    verb.as_process(main)

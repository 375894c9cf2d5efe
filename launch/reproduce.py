"""Trains what a table of a paper needs, evaluates it, and writes the table with reported and measured side by side.

    python -m launch.reproduce --paper=rar --table=T2 --dataset=mnist --data_dir=DATA --budget=cpu

--budget: paper (its own settings, for a machine with GPUs), cpu (minutes for a row on two cores) or smoke (seconds;
numbers without meaning).  Leaves in --output: runs/ (one folder for each network, see launch.train, shared by all
tables that need it) and tables/PAPER_TABLE_DATASET_BUDGET.md, .tex, .csv, .html, .json, with a .png for a sweep.
If it is interrupted, the same command resumes it.  --list prints the tables there are; --table=text are the numbers in
the paper's text.
"""

from absl import flags

from flags import evaluation_flags, recipe_flags, strategy_flags
from flags.parsers import define_memory, define_points
from launch.command_line import verb
from launch.command_line.program import called
from launch.command_line.progress import SCREEN
from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError
from tfrobust.names import AUTO_LEVELS
from tfrobust.papers import budgets
from tfrobust.papers.tables import datasets_of, tables

PAPERS = ("rar", "art", "er", "far", "sat")


def reproduce_flags(fv: flags.FlagValues) -> None:
    """Which table, at what budget, and where to."""
    where = {"flag_values": fv}
    flags.DEFINE_enum("paper", None, PAPERS, "Paper. Required.", **where)
    flags.DEFINE_string("table", None, "Table or sweep of that paper, by its name in --list. Required.", **where)
    flags.DEFINE_string("dataset", None, "One data set of the table (all unless given).", **where)
    flags.DEFINE_list("methods", [], "Only these methods of the table (all unless given).", **where)
    flags.DEFINE_enum("budget", "paper", list(budgets.BUDGETS), "How much is computed for a row.", **where)
    flags.DEFINE_integer("seed", 0, "Random seed of training and evaluation.", **where)
    flags.DEFINE_integer(
        "seeds",
        1,
        "Train each network from so many seeds, from --seed on: mean and spread in the table (FAR: 3, SAT: 5).",
        lower_bound=1,
        **where,
    )
    flags.DEFINE_string("data_dir", None, "Folder of the data sets (see launch.train).", **where)
    flags.DEFINE_string(
        "source", None, "Part of the data set, .npz or a folder of images, to use instead of the whole.", **where
    )
    flags.DEFINE_bool("download", False, "Let TFDS download a data set that is not there.", **where)
    flags.DEFINE_string("output", "reproduced", "Folder of runs and tables.", **where)
    flags.DEFINE_integer("evaluation_batch", 100, "Images that are evaluated in one batch.", lower_bound=1, **where)
    define_points("map_chunk", "Path points held at once (all unless given); auto: what --memory_gb allows.", fv)
    define_memory(fv)
    flags.DEFINE_enum(
        "auto_level",
        None,
        AUTO_LEVELS,
        "Measure each number of an attack on maps once more, under the ensemble auto at this level of budget.",
        **where,
    )
    flags.DEFINE_bool("list", False, "Print the tables and their data sets, and do nothing else.", **where)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for tables and data sets that there are not."""
    if fv.list:
        return
    if not fv.paper or not fv.table:
        raise InputError("--paper and --table are required; --list prints what there is")
    datasets_of(fv.paper, fv.table, fv.dataset, fv.source)


def reproduce(fv: flags.FlagValues) -> None:
    if fv.list:
        print("\n".join(f"{name:8} {', '.join(sets)}" for name, sets in tables().items()))
        return
    from tfrobust.papers.reproduced_table import reproduce_table
    from tfrobust.papers.reproduction import ReproductionSettings

    settings = ReproductionSettings(
        paper=fv.paper,
        table=fv.table,
        budget=fv.budget,
        methods=tuple(fv.methods),
        seed=fv.seed,
        seeds=fv.seeds,
        data_dir=fv.data_dir,
        download=fv.download,
        source=fv.source,
        output=make_writable_folder(fv.output),
        chunking=evaluation_flags.chunking(fv),
        auto_level=fv.auto_level,
    )
    given = " ".join(f"--{name}={fv[name].value}" for name in sorted(fv) if fv[name].present)
    for dataset in datasets_of(fv.paper, fv.table, fv.dataset, fv.source):
        made = reproduce_table(settings, dataset, recipe_flags.read, SCREEN, f"{called('reproduce')} {given}")
        print("\n".join(["", made.text, *made.notes]))
        print(f"written: {made.path}.md, .tex, .csv, .html, .json")


def main(argv=None) -> int:
    return verb.run(
        "reproduce", __doc__, (reproduce_flags, strategy_flags.define_of_one_process), reproduce, argv=argv, check=check
    )


if __name__ == "__main__":
    verb.as_process(main)

"""Trains and evaluates several methods, each beside PGD training at equal steps and at equal time, into one table.

    python -m launch.compare --rows=flags/rar/mnist/natural_cpu.flags,flags/rar/mnist/madry_cpu.flags,... \\
        --flagfile=flags/rar/mnist/evaluate_cpu.flags --data_dir=DATA --seeds=0,1,2 --output=runs/rar_mnist

A robust method costs many times a step of PGD training, so beating PGD training at equal steps says little.  With
--controls, every row whose method is neither natural nor madry brings two more: madry with as many steps, and madry
with as many steps as fit into its time.  The cost of a step is measured in turns in one process at the start.

If it is interrupted, the same command resumes it; finished runs are not repeated.  Prints the table; leaves it as
NAME.md, .csv and .json (NAME is --name), NAME.png with maps, NAME_scores.png with the scores of maps and their
intervals, and the run of each row (see launch.train) in --output.
"""

from absl import flags

from flags import comparison_flags
from launch.command_line import verb


def compare(fv: flags.FlagValues) -> None:
    from launch.comparison_pages import print_comparison

    print_comparison(fv)


def main(argv=None) -> int:
    return verb.run("compare", __doc__, comparison_flags.ROOMS, compare, argv=argv, check=comparison_flags.check)


if __name__ == "__main__":
    verb.as_process(main)

"""The whole of it in a few minutes, on 1,797 real scans of digits that need no download.

    python -m launch.demo

Trains Natural, Madry, IG-NORM and IG-SUM-NORM networks, attacks their predictions with PGD and their attributions with
IFIA, prints one table, and leaves it in --output as comparison.md, .csv and .json beside comparison.png, where each
network's map is seen before and after the attack.
"""

import sys

from absl import flags

from launch import compare, verb

ROWS = ("natural", "madry", "ig_norm", "ig_sum_norm")
FOLDER = "flags/demo"

WHAT_IT_SHOWS = """
"""


def demo_flags(fv: flags.FlagValues) -> None:
    """Where to."""
    flags.DEFINE_string("output", "demo_output", "Folder of the table and the picture.", flag_values=fv)


def demo(fv: flags.FlagValues) -> None:
    rows = ",".join(f"{FOLDER}/{name}.flags" for name in ROWS)
    argv = ["demo", f"--flagfile={FOLDER}/evaluate.flags", f"--rows={rows}", f"--output={fv.output}"]
    compare.print_comparison(verb.parse(compare.ROOMS, argv))
    print(WHAT_IT_SHOWS)


def main(argv=None) -> int:
    return verb.run("demo", __doc__, (demo_flags,), demo, argv)


if __name__ == "__main__":
    sys.exit(main())

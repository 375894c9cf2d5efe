"""The whole of it in a few minutes, on 1,797 real scans of digits that need no download.

    python -m launch.demo

Trains Natural, Madry, IG-NORM and IG-SUM-NORM networks, attacks their predictions with PGD and their attributions with
IFIA, as RAR's paper does, and with the stronger ensemble auto, prints one table, and leaves it in --output as
comparison.md, .csv and .json beside comparison.png, where each network's map is seen before and after the attack.
"""

from absl import flags

from flags import comparison_flags
from launch.command_line import verb

ROWS = ("natural", "madry", "ig_norm", "ig_sum_norm")
FOLDER = "flags/demo"

HOW_TO_READ = """How to read it: an attack that beats its noise column moved the map on purpose.  Under the paper's
attack (top-k, Kendall, Spearman) maps look stiller than they are: the columns with "auto" are the tighter bound.  A
robust row is better than PGD training only if it beats the madry row that had its time, not just the one that had its
steps.  docs/demo.md goes on."""


def demo_flags(fv: flags.FlagValues) -> None:
    """Where to."""
    flags.DEFINE_string("output", "demo_output", "Folder of the table and the picture.", flag_values=fv)


def demo(fv: flags.FlagValues) -> None:
    from launch.comparison_pages import print_comparison

    rows = ",".join(f"{FOLDER}/{name}.flags" for name in ROWS)
    given = [f"--flagfile={FOLDER}/evaluate.flags", "--auto_level=quick", f"--rows={rows}", f"--output={fv.output}"]
    print_comparison(verb.parse(comparison_flags.ROOMS, ["demo", *given]))
    print(HOW_TO_READ)


def main(argv=None) -> int:
    return verb.run("demo", __doc__, (demo_flags,), demo, argv=argv)


if __name__ == "__main__":
    verb.as_process(main)

"""Reproduces a line of a table at the smallest budget: python examples/reproduce_a_table.py [FOLDER] [DATA_DIR].

The numbers of that budget mean nothing; budget="cpu" takes hours, budget="paper" is the paper's own plan.  DATA_DIR has
mnist.npz, or what TensorFlow Datasets prepared.
"""

import sys

from flags.recipe_flags import read
from tfrobust.papers.reproduced_table import reproduce_table
from tfrobust.papers.reproduction import ReproductionSettings


def main(folder: str = "example_runs", data_dir: str | None = None, source: str | None = None) -> None:
    """Prints Table 2 of RAR on MNIST, its line of PGD training, reported beside measured."""
    settings = ReproductionSettings(
        "rar", "T2", budget="smoke", methods=("madry",), data_dir=data_dir, source=source, output=f"{folder}/reproduced"
    )
    made = reproduce_table(settings, "mnist", read)
    print("\n".join([made.text, *made.notes]))


if __name__ == "__main__":
    main(*sys.argv[1:])

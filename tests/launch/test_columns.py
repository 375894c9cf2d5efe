"""The columns of tables of networks."""

from types import SimpleNamespace

import numpy as np

from launch.columns import diagnosis, flags_of
from tests.helpers import run_tests
from tfrobust.evaluation.diagnosis import flag


def test_a_table_of_flags_says_of_which_network_and_attack_each_line_is():
    raised = [flag("ties", np.array([True, False]))]
    result = SimpleNamespace(flags={"IFIA top-k": raised, "auto": raised})
    text = diagnosis(flags_of({"madry": result, "robust": result}))
    lines = [line.split("|")[1:4] for line in text.splitlines() if "| ties" in line]
    found = [tuple(cell.strip() for cell in line) for line in lines]
    assert found == [
        ("!", f"{name}: {task}", "ties") for name in ("madry", "robust") for task in ("IFIA top-k", "auto")
    ]
    assert text.startswith("Diagnosis: 4 checks, 4 raised")


if __name__ == "__main__":
    run_tests(__file__)

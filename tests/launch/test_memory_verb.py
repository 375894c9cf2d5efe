"""The verb that measures what a step takes."""

import pytest

from launch import memory
from launch.command_line import within
from tests import processes
from tests.helpers import run_tests


@pytest.fixture(autouse=True)
def forked(monkeypatch):
    """The processes in which it measures need not import TensorFlow."""
    monkeypatch.setattr(within, "run", lambda command, **_: processes.run(command[1:]))


def call(*flags):
    return memory.main(["memory", "--model=digits_cnn", "--image_size=8", "--channels=1", "--ig_steps=4", *flags])


def test_a_row_for_each_number_of_points(capsys):
    assert call("--chunks=all,2") == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == ["all", "2"]
    for _, gib, above, _, seconds in cells:
        assert 0.1 < float(gib) < 10 and float(above) < float(gib) and float(seconds) > 0


def test_what_cannot_be_measured_is_refused_in_one_line(capsys):
    for flag, words in (("--chunks=0", "1 at least, or all"), ("--model=none", "unknown")):
        assert call(flag) == 2
        err = capsys.readouterr().err.strip().splitlines()[-1]
        assert words in err


if __name__ == "__main__":
    run_tests(__file__)

"""The verb that measures what a step takes."""

import pytest

from launch import memory
from launch.command_line import within
from tests import processes
from tests.helpers import run_here, run_tests


@pytest.fixture(autouse=True)
def called(monkeypatch):
    """The commands of the processes in which it measures, which need not import TensorFlow; the first alone starts
    one."""
    commands = []

    def run(command, **_):
        commands.append(command)
        return processes.run(command[1:]) if len(commands) == 1 else run_here(command)

    monkeypatch.setattr(within, "run", run)
    return commands


def call(*flags):
    return memory.main(["memory", "--model=digits_cnn", "--image_size=8", "--channels=1", "--ig_steps=4", *flags])


def test_a_row_for_each_number_of_points(capsys, called):
    assert call("--chunks=all,2") == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == ["all", "2"]
    assert [command[-1] for command in called] == ["--measured=all", "--measured=2"]
    for _, gib, above, _, seconds in cells:
        assert 0.1 < float(gib) < 10 and float(above) < float(gib) and float(seconds) > 0


def test_what_cannot_be_measured_is_refused_in_one_line(capsys):
    for flag, words in (("--chunks=0", "1 at least, or all"), ("--model=none", "unknown")):
        assert call(flag) == 2
        err = capsys.readouterr().err.strip().splitlines()[-1]
        assert words in err


if __name__ == "__main__":
    run_tests(__file__)

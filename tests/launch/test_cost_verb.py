"""The verb that says what rows cost."""

import json

import pytest

from launch import cost
from launch.command_line import within
from tests import processes
from tests.helpers import run_here, run_tests
from tfrobust.benchmark import peaks
from tfrobust.papers.tables import MAIN, main_rows

FIRST = "--rows=flags/digits/natural.flags"
ROWS = f"{FIRST},flags/digits/madry.flags"


def call(folder, *flags):
    return cost.main(["cost", f"--output={folder}", *flags])


@pytest.fixture(autouse=True)
def called(monkeypatch):
    """The commands of the processes within, which need not import TensorFlow; where the first row is measured, one is
    started."""
    commands = []

    def run(command, **_):
        commands.append(command)
        return processes.run(command[1:]) if FIRST in command and "--measured=0" not in command else run_here(command)

    monkeypatch.setattr(within, "run", run)
    monkeypatch.setattr(peaks, "measure_peaks", lambda rounds: {"matrix": 50.0})
    return commands


def test_rows_are_counted_and_measured(tmp_path, called, capsys):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- cost -->\n<!-- end of the cost -->\nafter\n")
    flags = ROWS, "--overrides=--batch_size=8", f"--page={page}"
    assert call(tmp_path / "out", *flags) == 0
    rows = json.loads((tmp_path / "out" / "cost.json").read_text())["rows"]
    assert [row["row"] for row in rows] == ["digits/natural", "digits/madry"]
    assert all(row["images"] == 8 and row["seconds"] > 0 and row["pipeline_ms"] > 0 for row in rows)
    assert rows[0]["operations"] < rows[1]["operations"] and rows[0]["gpu_hours"] < rows[1]["gpu_hours"]
    assert "digits/madry" in page.read_text() and "digits/madry" in capsys.readouterr().out
    assert call(tmp_path / "out", *flags) == 0 and len(called) == 4, "what is known is not measured again"


def test_rows_that_cost_the_same_are_one_line(tmp_path):
    (tmp_path / "a.flags").write_text("--flagfile=flags/digits/madry.flags\n")
    (tmp_path / "b.flags").write_text("--flagfile=flags/digits/madry.flags\n--eps=0.07\n")
    rows = f"--rows={tmp_path}/a.flags,{tmp_path}/b.flags"
    assert call(tmp_path / "out", rows, "--noseconds") == 0
    (row,) = json.loads((tmp_path / "out" / "cost.json").read_text())["rows"]
    assert row["row"].endswith("/a") and row["alike"] == 2 and "seconds" not in row


def test_the_main_tables_of_the_papers_have_rows():
    assert len(main_rows("rar")) == 16 and "flags/art/cifar10/art.flags" in main_rows("art")
    for paper in MAIN:
        found = main_rows(paper)
        assert len(set(found)) == len(found) > 3 and not any(path.endswith("_cpu.flags") for path in found)


@pytest.mark.parametrize(
    "flags, words",
    [
        ([], "--rows or --papers"),
        (["--papers=magic"], "paper"),
        (["--rows=none.flags"], "none.flags"),
        ([ROWS, "--overrides=--method=magic"], "method"),
        ([ROWS, "--longest=0"], "longest"),
        ([ROWS, "--teraflops=0"], "teraflops"),
        ([ROWS, "--page=none.md"], "--page=none.md"),
    ],
)
def test_what_cannot_be_costed_is_refused_in_one_line(flags, words, tmp_path, capsys):
    assert call(tmp_path, *flags) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert len(err) == 1 and words in err[0]


if __name__ == "__main__":
    run_tests(__file__)

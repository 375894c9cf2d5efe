"""The verb that measures how time and memory grow."""

import json

import pytest

from launch import growth
from launch.command_line import within
from tests import processes
from tests.helpers import run_here, run_tests
from tfrobust.benchmark import growth as measuring

TINY = ["--width=0.1", "--rounds=1", "--path_points=1,2", "--attack_steps=1", "--batch=4", "--side=8,12"]
TINY += ["--replicas=1,2"]


def call(folder, *flags):
    return growth.main(["growth", *TINY, f"--output={folder}", *flags])


def test_points_are_measured_each_in_a_process(tmp_path, monkeypatch, capsys):
    called, here = [], []

    def run(command, **_):
        """The first point is measured in a process; of the others it is seen which they are."""
        called.append(command)
        return processes.run(command[1:]) if len(called) == 1 else run_here(command)

    def measure_here(point, rounds):
        here.append((point.path_points, point.side, rounds))
        return {"median": 1.0, "spread": 0.0, "bytes": 2e8, "operations": 1e9}

    monkeypatch.setattr(within, "run", run)
    monkeypatch.setattr(measuring, "measure_point", measure_here)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- growth -->\n<!-- end of the growth -->\nafter\n")
    assert call(tmp_path / "out", "--axes=path_points,side", f"--page={page}") == 0
    written = json.loads((tmp_path / "out" / "growth.json").read_text())
    assert [(p["against"], p["n"]) for p in written["points"]] == [
        ("path_points", 1),
        ("path_points", 2),
        ("side", 64),
        ("side", 144),
    ]
    assert all(point["median"] > 0 and point["bytes"] > 1e8 for point in written["points"])
    assert len(called) == 3, "the point that both axes share is measured once"
    assert here == [(2, 12, 1), (2, 8, 1)] and written["points"][0]["median"] != 1
    assert {"growth.md", "growth.json", "growth.png", "growth.svg"} <= {p.name for p in (tmp_path / "out").iterdir()}
    text = page.read_text()
    assert text.startswith("before") and text.endswith("after\n") and "pixels of an image" in text
    assert "pixels of an image" in capsys.readouterr().out


@pytest.mark.parametrize(
    "flag, words",
    [
        ("--axes=magic", "axis"),
        ("--side=8", "two different"),
        ("--side=8,x", "--side=x"),
        ("--side=0,8", "1 or more"),
        ("--rounds=0", "rounds"),
        ("--page=none.md", "--page=none.md"),
        ("--replicas=1,64", "64 replicas"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(flag, words, tmp_path, capsys):
    assert call(tmp_path, "--axes=side,replicas", flag) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert len(err) == 1 and words in err[0]


if __name__ == "__main__":
    run_tests(__file__)

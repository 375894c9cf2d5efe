"""The verb that measures this project beside others."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from launch import benchmark
from launch.command_line import within
from tests.helpers import run_tests
from tfrobust.benchmark import peaks, training_jobs
from tfrobust.benchmark import run as measuring
from tfrobust.benchmark.turns import Times

SMALL = ["--dataset=digits", "--width=0.1", "--rounds=1", "--pretraining=1", "--epoch=4", "--batch=2"]
SMALL += ["--attack_steps=1", "--path_points=2", "--attack_points=2", "--side=11", "--maps=1"]


def call(folder, *flags):
    return benchmark.main(["benchmark", *SMALL, f"--output={folder}", *flags])


def test_it_fills_the_place_of_a_page(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- benchmark -->\n<!-- end of the benchmark -->\nafter\n")
    assert call(tmp_path / "out", "--jobs=kendall", "--pretraining=0", f"--page={page}") == 0
    text = page.read_text()
    assert text.startswith("before") and text.endswith("after\n") and "at most 8 ms for a pair" in text
    assert text.split("|")[1] in capsys.readouterr().out
    written = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert written["jobs"][0]["seconds"].keys() == {"tfrobust", "SciPy"} and written["about"]["versions"]


def test_memory_is_that_of_a_process_which_does_one_job(tmp_path, capsys):
    measured = "--measured=IG-SUM-NORM, inner attack/static graph"
    assert call(tmp_path, "--jobs=step", "--pretraining=0", measured) == 0
    assert 1e8 < json.loads(capsys.readouterr().out)["bytes"] < 1e11


def test_each_side_has_such_a_process(tmp_path, capsys, monkeypatch):
    commands = []

    def run(command, **_):
        commands.append(command)
        return SimpleNamespace(returncode=0, stdout=f'a line\n{{"bytes": {2**30 * len(commands)}}}\n')

    def turns(sides, rounds, tick):  # What the sides do is seen elsewhere.
        arrays = {name: np.ones(1) for name in ("x_adv", "loss", "gradient_norm")}
        return {side: Times(np.ones(rounds)) for side in sides}, dict.fromkeys(sides, arrays)

    monkeypatch.setattr(within, "run", run)
    monkeypatch.setattr(measuring, "take_turns", turns)
    monkeypatch.setattr(training_jobs, "count_operations", lambda step: 1e9)
    monkeypatch.setattr(training_jobs, "_attack", lambda *_: None)
    monkeypatch.setattr(training_jobs, "_descent", lambda *_: None)
    monkeypatch.setattr(peaks, "measure_peaks", lambda rounds: {"matrix": 50.0})
    assert call(tmp_path, "--jobs=step") == 0
    goals = [line for line in capsys.readouterr().out.splitlines() if "no more memory than static graph" in line]
    assert ["1.00 GiB to 2.00" in goals[0], "3.00 GiB to 4.00" in goals[1]] == [True, True]
    for command, side in zip(commands, ("tfrobust", "static graph") * 2):
        assert command[2] == "launch.benchmark" and command[-3].endswith("/" + side)
        assert "--path_points=2" in command and command.index("--pretraining=0") > 3
        assert "--pretraining=1" not in command


WRONG = [("--jobs=none", "job"), ("--rounds=0", "rounds"), ("--epoch=5000", "--epoch"), ("--page=none.md", "--page")]


@pytest.mark.parametrize("flag, words", WRONG)
def test_what_cannot_be_measured_is_refused_in_one_line(flag, words, tmp_path, capsys):
    assert call(tmp_path, flag) == 2
    assert words in capsys.readouterr().err.strip().splitlines()[-1]


if __name__ == "__main__":
    run_tests(__file__)

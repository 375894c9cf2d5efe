"""Goals are met or not by what was measured, and the page has the tables where it wants them."""

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.benchmark import table
from tfrobust.benchmark.jobs import OURS, Goal, Job
from tfrobust.benchmark.run import Measured, run_jobs, verdicts
from tfrobust.benchmark.turns import Times, timed

GIB = 2**30


def measured(goal, others=("peer",), difference=None, operations=None, memory=None, factors=None):
    """A job of two units: this project takes 2 s, every other side 3 s."""
    times = {OURS: Times(np.full(3, 2.0)), **{name: Times(np.full(3, 3.0)) for name in others}}
    job = Job("work", "of some size", {}, (goal,), "image", 2, operations=None, factors=factors or {})
    return Measured(job, times, dict.fromkeys(others, difference), operations, memory or {})


def verdict(*args, peak=None, **options):
    lines = verdicts(measured(*args, **options), peak)
    return [(line["measured"], line["verdict"]) for line in lines]


def test_so_many_times_as_fast():
    assert verdict(Goal(times=1.5)) == [("1.50 times", "met")]
    assert verdict(Goal(times=1.6)) == [("1.50 times", "not met")]
    assert verdict(Goal(times=4.0), factors={"peer": 3}) == [("4.50 times", "met")]
    assert len(verdict(Goal(times=1), others=("a", "b"))) == 2
    assert verdict(Goal(times=1), others=()) == [("no other side is there", "not measured")]


def test_nothing_is_met_where_results_differ():
    assert verdict(Goal(times=1), difference="far") == [("1.50 times, but results differ: far", "not met")]


def test_milliseconds_of_one_unit():
    assert verdict(Goal(milliseconds=1000)) == [("1000.00 ms", "met")]
    assert verdict(Goal(milliseconds=999)) == [("1000.00 ms", "not met")]


def test_a_share_of_the_peak():
    assert verdict(Goal(peak_share=0.8), operations=8e9, peak=5) == [("80%", "met")]
    assert verdict(Goal(peak_share=0.9), operations=8e9, peak=5) == [("80%", "not met")]
    assert verdict(Goal(peak_share=0.9), peak=5) == verdict(Goal(peak_share=0.9), operations=1.0)


def test_no_more_memory():
    goal = Goal(no_more_memory=True)
    assert verdict(goal, memory={OURS: GIB, "peer": GIB}) == [("1.00 GiB to 1.00", "met")]
    assert verdict(goal, memory={OURS: 2 * GIB, "peer": GIB}) == [("2.00 GiB to 1.00", "not met")]
    assert verdict(goal) == [("", "not measured")]


def test_jobs_with_the_same_sides_are_timed_once():
    called = []
    sides = {OURS: timed(lambda: called.append(1) or {}), "peer": timed(dict)}
    jobs = [Job(name, "", sides, (), "image") for name in "ab"]
    one, two = run_jobs(jobs, 2)
    assert len(called) == 3 and one.times is two.times and one.memory == {}


def test_memory_is_asked_for_where_it_is_a_goal():
    asked = []
    jobs = [
        Job(name, "", {OURS: timed(dict)}, goals, "image")
        for name, goals in {"a": (), "b": (Goal(no_more_memory=True),)}.items()
    ]
    found = run_jobs(jobs, 1, lambda job, side: asked.append((job.name, side)) or 5.0)
    assert asked == [("b", OURS)] and found[1].memory == {OURS: 5.0}


ABOUT = {
    "versions": {"tensorflow": "2", "onednn": True},
    "rounds": 3,
    "missing": ["captum"],
    "failed": {"PGD": "ValueError: no such thing"},
    "units": "",
    "date": "today",
}


def test_a_job_that_fails_does_not_take_the_others_along():
    def broken():
        raise ValueError("no such thing\nat all")

    jobs = [Job("broken", "", {OURS: broken}, (), "call"), Job("whole", "", {OURS: timed(dict)}, (), "call")]
    failed = {}
    assert [each.job.name for each in run_jobs(jobs, 1, failed=failed)] == ["whole"]
    assert failed == {"broken": "ValueError: no such thing"}
    with pytest.raises(ValueError, match="no such thing"):
        run_jobs(jobs, 1)


def test_the_tables_say_where_and_with_what():
    goal = Goal(times=1)
    text = table.text([measured(goal, operations=8e9)], {"matrix": 5.0, "convolution": 6.0}, ABOUT)
    for words in ("oneDNN's kernels on", "tensorflow 2", "Medians of 3 rounds", "captum is not installed", "5 GFLOP/s"):
        assert words in text
    row = next(line for line in text.splitlines() if line.startswith("| work | peer"))
    assert "1500.00" in row and "1.50" in row and "agree" in row
    row = next(line for line in text.splitlines() if line.startswith("| work | tfrobust"))
    assert "1000.00" in row and "80%" in row


def test_a_machine_that_is_not_idle_is_said():
    each = measured(Goal(times=1))
    assert table.spread_warning([each]) is None
    each.times["peer"].seconds[:] = [1, 3, 5]
    assert "work (peer)" in table.spread_warning([each])


def test_units_of_the_processor():
    assert table.units_of(None) == "" and "avx2" in table.units_of({"avx2", "sse"})


if __name__ == "__main__":
    run_tests(__file__)

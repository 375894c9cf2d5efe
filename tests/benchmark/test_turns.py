"""Sides take turns, the warm-up does not count, and results are compared."""

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.benchmark.jobs import Done, all_of, mostly_near, near
from tfrobust.benchmark.turns import Times, take_turns, timed


def test_sides_take_turns_after_a_warm_up():
    called = []

    def side(name, *seconds):
        left = list(seconds)

        def do():
            called.append(name)
            return Done(left.pop(0), {"of": np.array(len(called))})

        return do

    ticks = []
    times, results = take_turns({"a": side("a", 9, 1, 2), "b": side("b", 8, 3, 5)}, 2, lambda: ticks.append(1))
    assert called == ["a", "b", "a", "b", "b", "a"] and len(ticks) == 6
    assert times["a"].seconds.tolist() == [1, 2] and times["b"].median == 4
    assert results["a"]["of"] == 1 and results["b"]["of"] == 2  # Those of the warm-up.


def test_the_spread_is_that_of_the_middle_half():
    assert Times(np.array([1.0, 2.0, 3.0, 4.0, 5.0])).spread == pytest.approx(2 / 3)


def test_a_side_says_how_long_it_took():
    done = timed(lambda: {"found": np.ones(2)})()
    assert 0 <= done.seconds < 10 and done.arrays["found"].sum() == 2


def test_what_agrees_and_what_does_not():
    a = {"m": np.array([1.0, -2.0, 0.0, 0.5])}
    b = {"m": np.array([1.0, -2.0, 0.0, 0.6])}
    assert near("m", 0.051)(a, b) is None and "differs by 5.0e-02" in near("m", 0.049)(a, b)
    assert mostly_near("m", 1e-6, 0.75)(a, b) is None and "75.0% of m agree" in mostly_near("m", 1e-6, 0.76)(a, b)
    for rule in (near("m", 1), mostly_near("m", 1, 0)):
        assert "shape" in rule(a, {"m": np.ones(3)})
    both = all_of(near("m", 1), near("m", 0.01), near("m", 0.02))
    assert both(a, a) is None and both(a, b).count("differs") == 2


if __name__ == "__main__":
    run_tests(__file__)

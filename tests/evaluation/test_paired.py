"""Paired tests against printed numbers and closed forms."""

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.evaluation import paired as paired_tests
from tfrobust.evaluation.paired import mcnemar, paired


def test_five_differences_of_one_sign_are_chance_once_in_sixteen():
    found = paired([0.1, 0.2, 0.3, 0.4, 0.5])
    assert found.p == 2 / 2**5 and found.mean == pytest.approx(0.3) and found.images == 5
    assert paired([-0.1, -0.2, -0.3, -0.4, -0.5]).p == found.p


def test_no_difference_is_always_chance():
    assert paired(np.zeros(4)).p == paired(np.zeros(40)).p == 1.0
    assert paired([1.0, -1.0]).p == 1.0


def test_drawn_signs_come_near_all_signs(monkeypatch):
    values = np.random.RandomState(0).normal(0.3, 1, 14)
    exact = paired(values).p
    monkeypatch.setattr(paired_tests, "EXACT", 0)
    assert paired(values).p == pytest.approx(exact, abs=0.01)


def test_chance_is_evenly_spread_where_there_is_no_difference():
    """A p below 0.1 comes out once in ten times."""
    r = np.random.RandomState(0)
    found = [paired(r.normal(size=8)).p for _ in range(300)]
    assert 0.05 < np.mean(np.array(found) < 0.1) < 0.15


@pytest.mark.parametrize("alone, others, p", [(0, 0, 1.0), (5, 0, 1 / 16), (0, 5, 1 / 16), (3, 1, 5 / 8), (4, 4, 1.0)])
def test_mcnemar(alone, others, p):
    """Of n images on which one of them alone is right, each side has half by chance: 2 P(at most the smaller)."""
    a = np.array([True] * alone + [False] * others + [True, False])
    b = np.array([False] * alone + [True] * others + [True, False])
    assert mcnemar(a, b) == pytest.approx(p)


if __name__ == "__main__":
    run_tests(__file__)

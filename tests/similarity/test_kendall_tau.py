"""Kendall's tau by array operations: SciPy's numbers, counts that are known, any order of batches."""

import numpy as np
import pytest
from scipy import stats

from tests.helpers import run_tests
from tfrobust.similarity import kendall
from tfrobust.similarity.kendall_tau import LARGE, SMALL, dense_ranks, inversions, kendall_taus


def maps(n, ties, rows=3, seed=0):
    """Pairs of maps [rows, n] that are alike; with ties, of few distinct values."""
    random = np.random.RandomState(seed)
    a = random.randn(rows, n)
    b = a + random.randn(rows, n)
    return (np.round(2 * a), np.round(2 * b)) if ties else (a, b)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [2, 3, 25, SMALL, SMALL + 1, 128, 129, 784, LARGE, LARGE + 1])
def test_it_is_what_scipy_says(n, ties):
    a, b = maps(n, ties)
    expected = [stats.kendalltau(p, q)[0] if np.ptp(p) and np.ptp(q) else float(np.all(p == q)) for p, q in zip(a, b)]
    np.testing.assert_allclose(kendall(a, b), expected, rtol=0, atol=1e-14)


def test_a_map_that_is_mostly_one_tie():
    a, b = maps(784, False)
    a[:, 100:], b[:, 120:] = 0, 0
    expected = [stats.kendalltau(p, q)[0] for p, q in zip(a, b)]
    np.testing.assert_array_equal(kendall_taus(a, b), expected)


def test_inversions_that_are_known():
    n = 300
    rows = np.stack([np.arange(n), np.arange(n)[::-1], np.zeros(n, int), np.roll(np.arange(n), 1)])
    np.testing.assert_array_equal(inversions(rows), [0, n * (n - 1) // 2, 0, n - 1])


@pytest.mark.parametrize("n", [2, 5, 64, 101])
def test_inversions_are_those_of_all_pairs(n):
    a = np.random.RandomState(n).randint(0, n, (4, n))
    expected = [sum(np.sum(row[i] > row[i + 1 :]) for i in range(n)) for row in a]
    np.testing.assert_array_equal(inversions(a), expected)


def test_dense_ranks():
    np.testing.assert_array_equal(dense_ranks(np.array([[3.0, -1.0, 3.0, 7.0]])), [[1, 0, 1, 2]])


@pytest.mark.parametrize("n, rows", [(784, 100), (LARGE + 1, 3)])
def test_batches_do_not_matter(n, rows):
    """More maps than one thread handles together."""
    a, b = maps(n, True, rows)
    alone = np.concatenate([kendall_taus(a[i : i + 1], b[i : i + 1]) for i in range(len(a))])
    np.testing.assert_array_equal(kendall_taus(a, b), alone)


if __name__ == "__main__":
    run_tests(__file__)

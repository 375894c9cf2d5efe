"""Rank correlations and top-k intersection against independent computations."""

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.similarity import center_shift, kendall, spearman, top_k_intersection
from tfrobust.similarity.ranking import mass_center, top_k_mask

MEASURES = {
    "kendall": kendall,
    "spearman": spearman,
    "top_k": lambda a, b, ties="exact": top_k_intersection(a, b, 3, ties),
}
R = np.random.RandomState(0)


@pytest.mark.parametrize("ties", ["exact", "tolerant"])
@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_equal_maps_score_one_whatever_their_scale(measure, ties):
    a = R.rand(4, 5, 5)
    np.testing.assert_allclose(measure(a, a, ties=ties), 1.0)
    np.testing.assert_allclose(measure(a, 7 * a, ties=ties), 1.0)
    zeros = np.zeros((4, 5, 5))
    np.testing.assert_allclose(measure(zeros, zeros, ties=ties), 1.0)


def test_reversed_maps_score_minus_one():
    a = np.arange(25.0).reshape(1, 5, 5)
    assert kendall(a, -a)[0] == pytest.approx(-1) and spearman(a, -a)[0] == pytest.approx(-1)
    assert top_k_intersection(a, -a, 3)[0] == 0


def test_closed_forms():
    a, b = np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[2.0, 1.0, 3.0, 4.0]])
    assert kendall(a, b)[0] == pytest.approx(4 / 6)  # 5 pairs agree, 1 does not.
    assert spearman(a, b)[0] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert top_k_intersection(a, b, 2)[0] == 1 and top_k_intersection(a, b, 3)[0] == pytest.approx(2 / 3)
    tied = np.array([[1.0, 1.0, 2.0, 3.0]])  # tau-b: 5 agreeing pairs of 6, one pair tied on one side.
    assert kendall(tied, a)[0] == pytest.approx(5 / np.sqrt(5 * 6))


def test_a_constant_map_is_unlike_any_other():
    a = R.rand(1, 5, 5)
    assert kendall(np.ones_like(a), a)[0] == 0 and spearman(a, np.ones_like(a))[0] == 0


def test_exact_ties_take_the_lowest_index_first():
    a = np.array([[0.0, 5.0, 0.0, 0.0]])
    assert top_k_mask(a, 2).tolist() == [[True, True, False, False]]


def test_noise_on_a_tied_background_ruins_exact_ranks_and_leaves_tolerant_ones():
    a = np.zeros((1, 784))
    a[0, :100] = R.rand(100) + 0.1
    noisy = a + 1e-9 * R.rand(1, 784)
    assert kendall(a, noisy)[0] < 0.6 and top_k_intersection(a, noisy, 200)[0] < 0.8
    assert kendall(a, noisy, "tolerant")[0] == pytest.approx(1)
    assert spearman(a, noisy, "tolerant")[0] == pytest.approx(1)
    assert top_k_intersection(a, noisy, 200, "tolerant")[0] == 1


def test_tolerant_ranks_give_a_dead_map_nothing():
    a, dead = R.rand(1, 25), np.zeros((1, 25))
    assert top_k_intersection(dead, a, 3, "tolerant")[0] == 0 == top_k_intersection(a, dead, 3, "tolerant")[0]
    few, other = np.array([[5.0, 4, 3, 2, 0, 0]]), np.array([[0.0, 0, 0, 0, 1, 0]])
    assert top_k_intersection(few, other, 4, "tolerant")[0] == 0


def test_mass_center():
    a = np.zeros((1, 4, 6))
    a[0, 1, 2], a[0, 3, 4] = 1, 3
    np.testing.assert_allclose(mass_center(a), [[2.5, 3.5]])
    b = np.roll(a, 1, axis=2)
    np.testing.assert_allclose(center_shift(a, b), [1.0])


if __name__ == "__main__":
    run_tests(__file__)

"""Top-k measures that allow pixels to move by a few rows and columns."""

import numpy as np

from tests.helpers import run_tests
from tfrobust.similarity import top_k_intersection
from tfrobust.similarity.lens import lens_precision, lens_recall, near, spread_mask


def single(*places, shape=(6, 6)):
    a = np.zeros((1, *shape))
    for i, place in enumerate(places):
        a[(0, *place)] = 10 - i
    return a


def test_a_window_is_a_square_that_ends_at_the_edge():
    mask = single((0, 5)) > 0
    want = np.zeros((6, 6), bool)
    want[:2, 4:] = True
    assert np.array_equal(near(mask, 1)[0], want) and np.array_equal(near(mask, 0), mask)
    assert near(single((3, 3), shape=(7, 7)) > 0, 3).all()  # No hole, no wrap.


def test_one_pixel_aside_counts_within_the_window_only():
    a, b = single((2, 2), (4, 4)), single((2, 3), (0, 0))
    assert lens_recall(a, b, 2, w=0) == 0 and lens_recall(a, b, 2, w=1) == 0.5 and lens_recall(a, b, 2, w=2) == 1.0
    # Recall asks for a's pixels near b's, precision for b's near a's.
    a, b = single((2, 2), (2, 3)), single((2, 4), (5, 5))
    assert lens_recall(a, b, 2) == 0.5 and lens_precision(a, b, 2) == 0.5
    a, b = single((0, 0), (0, 2)), single((0, 1), (5, 5))
    assert lens_recall(a, b, 2) == 1.0 and lens_precision(a, b, 2) == 0.5


def test_window_zero_is_top_k_intersection_and_wider_windows_forgive_more():
    a, b = np.random.RandomState(0).rand(2, 5, 8, 8)
    np.testing.assert_allclose(lens_recall(a, b, 10, 0), top_k_intersection(a, b, 10))
    assert np.all(lens_recall(a, b, 10, 1) >= lens_recall(a, b, 10, 0))
    assert np.all(lens_recall(a, a, 10, 1) == 1) and np.all(lens_precision(a, a, 10, 1, spread=True) == 1)


def test_the_spread_set_takes_the_largest_entry_outside_every_window():
    a = np.array([[[9, 8, 0, 7], [6, 5, 0, 1]]], float)
    want = np.zeros((1, 2, 4), bool)
    want[0, 0, 0] = want[0, 0, 3] = True
    assert np.array_equal(spread_mask(a, 2, 1), want)
    assert spread_mask(a, 8, 1).sum() == 2  # No room for more.
    assert np.array_equal(spread_mask(a, 3, 0), a > 6)


def test_zeros_are_in_no_spread_set_and_maps_with_nothing_in_common_score_zero():
    a, b = np.zeros((2, 1, 28, 28))
    a[0, :10, :10], b[0, 18:, 18:] = 1.0, 1.0
    assert lens_recall(a, b, 100, spread=True) == 0 and lens_recall(a, b, 100) == 0
    assert spread_mask(a, 100, 1).sum() == 25
    zero = np.zeros((1, 28, 28))
    assert lens_recall(zero, a, 9, spread=True) == 0 and lens_recall(zero, zero, 9, spread=True) == 1
    # Half of these ten are zeros of both maps, which "exact" counts and "tolerant" does not.
    p, q = single((0, 0), (0, 5)), single((5, 0), (5, 5))
    assert lens_recall(p, q, 10, 0) > 0 and lens_recall(p, q, 10, 0, ties="tolerant") == 0


if __name__ == "__main__":
    run_tests(__file__)

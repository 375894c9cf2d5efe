"""The stream of training batches: order, range of pixels, seeds, resumption."""

import itertools

import numpy as np

from tests.helpers import run_tests
from tfrobust import data
from tfrobust.data import make_image_data

N = 23
X = (np.arange(N)[:, None, None] * np.ones((1, 4, 4))).astype(np.uint8)
DATA = make_image_data("made", X, np.arange(N) % 5, X[:5], np.arange(5))


def take(n, seed=0, start=0, batch_size=7):
    return list(itertools.islice(data.training_batches(DATA, batch_size, seed, start).as_numpy_iterator(), n))


def order(batches):
    return [round(float(image[0, 0, 0]) * 255) for x, _ in batches for image in x]


def test_each_pass_visits_every_image_once_in_another_order():
    seen = order(take(N))  # 23 batches of 7 are 7 passes.
    passes = [seen[i : i + N] for i in range(0, 7 * N, N)]
    assert all(sorted(p) == list(range(N)) for p in passes)
    assert len({tuple(p) for p in passes}) == 7


def test_images_are_in_the_unit_interval_and_keep_their_labels():
    for x, y in take(4):
        assert x.dtype == np.float32 and x.shape == (7, 4, 4, 1) and y.dtype == np.int32
        np.testing.assert_array_equal(np.round(x[:, 0, 0, 0] * 255).astype(int) % 5, y)


def test_a_stream_entered_late_goes_on_as_if_it_had_begun_at_the_start():
    assert order(take(9)[5:]) == order(take(4, start=5))


def test_the_seed_decides():
    assert order(take(5)) == order(take(5)) != order(take(5, seed=1))


def test_no_thread_tunes_a_stream_which_would_hold_up_its_end():
    assert data.training_batches(DATA, 7, 0).options().autotune.enabled is False


if __name__ == "__main__":
    run_tests(__file__)

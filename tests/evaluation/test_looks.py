"""What is said of maps without an attack: faithfulness and alignment; and the statistics, in closed form."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.helpers import linear_network, run_tests, shallow_network
from tfrobust.attributions import make_map
from tfrobust.evaluation.alignment import image_gradient_cosine, map_agreement
from tfrobust.evaluation.faithfulness import PARTS, curves, faithfulness, shuffled
from tfrobust.evaluation.statistics import describe, share

X = np.random.RandomState(0).rand(12, 8, 8, 1).astype(np.float32)
W = np.random.RandomState(1).randn(8, 8, 1, 10).astype(np.float32)
Y = np.arange(12, dtype=np.int32) % 10
MAP = make_map("gradient_x_input", signed=True, normalize=False)


def test_curves_of_a_sum_fall_by_the_largest_first():
    """The score is the sum of the image and the map the image itself: everything is known."""
    a = X[..., 0]

    def total(x, y):
        return tf.reduce_sum(x, axis=[1, 2, 3])

    deleted = curves(total, X, Y, a, 0.0, insert=False, batch_size=5)
    inserted = curves(total, X, Y, a, 0.0, insert=True, batch_size=5)
    ranked = np.sort(X.reshape(12, -1), axis=1)[:, ::-1]
    for part in range(PARTS + 1):
        first = ranked[:, : round(part / PARTS * 64)].sum(axis=1)
        np.testing.assert_allclose(inserted[:, part], first, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(deleted[:, part], ranked.sum(axis=1) - first, rtol=1e-4, atol=1e-3)


def test_parts_of_curves_fill_batches_of_the_size_that_is_given():
    asked = []

    def score(x, y):
        asked.append(len(x))
        return tf.reduce_sum(x, axis=[1, 2, 3]) + tf.cast(y, tf.float32)

    few = X[:3], np.arange(3), X[:3, ..., 0], 0.5
    whole = curves(score, *few, insert=False, batch_size=100)
    assert asked == [3 * (PARTS + 1)]
    np.testing.assert_allclose(curves(score, *few, insert=False, batch_size=2), whole, rtol=1e-5)
    assert max(asked[1:]) == 2 and sum(asked[1:]) == asked[0]
    assert np.array_equal(whole[:, 0], score(*few[:2])) and whole.shape == (3, PARTS + 1)


def test_the_map_of_a_linear_network_is_more_faithful_than_a_random_one(eagerly):
    network = linear_network(W)
    y = np.argmax(network(X), axis=1).astype(np.int32)
    got = faithfulness(network, X, y, MAP, "exact", batch_size=7)
    assert got["deletion"].mean() < got["deletion_random"].mean()
    assert got["insertion"].mean() > got["insertion_random"].mean()
    whole = faithfulness(network, X, y, MAP, "exact", batch_size=12)
    for key, values in got.items():
        np.testing.assert_allclose(values, whole[key], atol=1e-5)


def test_shuffled_weights_are_the_same_numbers_elsewhere_and_leave_the_network():
    network = shallow_network()
    before = network.get_weights()
    other = shuffled(network, 3)
    for a, b, c in zip(before, other.get_weights(), network.get_weights()):
        assert np.array_equal(np.sort(a, axis=None), np.sort(b, axis=None)) and np.array_equal(a, c)
    assert np.abs(other(X) - network(X)).max() > 1e-3


def test_randomised_is_low_for_a_gradient_and_high_for_a_map_that_shows_the_image(eagerly):
    network = shallow_network()
    x = X * (np.arange(8) < 3)[:, None, None].astype(np.float32)  # Black but for three rows.
    y = np.argmax(network(x), axis=1).astype(np.int32)
    learned = faithfulness(network, X, y, make_map("gradient"), "exact", batch_size=12)["randomised"]
    shown = faithfulness(network, x, y, make_map("gradient_x_input"), "exact", batch_size=12)["randomised"]
    assert np.mean(learned) < 0.5 < 0.7 < np.mean(shown)
    other = shallow_network(1)
    network.set_weights(other.get_weights())  # The check follows the weights, not the object.
    again = faithfulness(network, X, y, make_map("gradient"), "exact", batch_size=12)["randomised"]
    np.testing.assert_allclose(
        again, faithfulness(other, X, y, make_map("gradient"), "exact", batch_size=12)["randomised"]
    )


def test_alignment_of_a_linear_network_is_the_cosine_of_image_and_weights():
    own = np.moveaxis(W, -1, 0)[Y].reshape(12, -1)
    flat = X.reshape(12, -1)
    want = (own * flat).sum(1) / np.linalg.norm(own, axis=1) / np.linalg.norm(flat, axis=1)
    np.testing.assert_allclose(image_gradient_cosine(linear_network(W), X, Y, 5), want, rtol=1e-4)


def test_a_network_agrees_with_itself_and_less_with_another(eagerly):
    network = shallow_network()
    assert np.array_equal(map_agreement(network, network, X, Y, MAP, ties="exact", batch_size=5), np.ones(12))
    assert map_agreement(network, shallow_network(1), X, Y, MAP, ties="exact", batch_size=5).mean() < 0.9


def test_statistics():
    values = np.random.RandomState(0).rand(50)
    got = describe(values)
    low, high = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    assert (got["low"], got["high"]) == pytest.approx((low, high), abs=1e-6)
    assert describe([0.5]) == {"mean": 0.5, "median": 0.5, "std": 0.0, "low": 0.5, "high": 0.5}
    for hits, n in ((0, 20), (7, 20), (20, 20)):
        want = stats.binomtest(hits, n).proportion_ci(method="wilson")
        got = share(np.arange(n) < hits)
        assert (got["mean"], got["low"], got["high"]) == pytest.approx((hits / n, want.low, want.high), abs=1e-6)


if __name__ == "__main__":
    run_tests(__file__)

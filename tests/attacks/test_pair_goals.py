"""Goals over pairs of pixels: closed forms on small maps, their limits, and what drawn pairs estimate."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import run_tests
from tfrobust import similarity
from tfrobust.attacks import SoftKendall, SoftSpearman, TopKMargin, TopKPairs, TowardsOrder
from tfrobust.types import InputError

STEEP = 1e6


def maps(n=5, side=6, seed=0):
    return np.random.RandomState(seed).rand(n, side, side).astype(np.float32)


def value(goal, a, b, seeds=None):
    """The goal [N] of the maps b where those of the images are a."""
    seeds = np.stack([np.zeros(len(a)), np.arange(len(a))], axis=1).astype(np.int32) if seeds is None else seeds
    reference = goal.reference(a, a, None, seeds)
    return goal.value(tf.constant(b), reference, None, None, None).numpy()


def test_soft_kendall_of_three_pixels_is_what_one_computes_by_hand():
    a, b = np.array([[[1.0, 2.0, 4.0]]], np.float32), np.array([[[3.0, 1.0, 2.0]]], np.float32)
    s = np.std(b)
    want = (np.tanh(0.7 * (1 - 3) / s) + np.tanh(0.7 * (2 - 3) / s) + np.tanh(0.7 * (2 - 1) / s)) / 3
    np.testing.assert_allclose(value(SoftKendall(scale=0.7), a, b), [-want], rtol=1e-5)


def test_soft_spearman_weighs_pairs_by_how_far_their_ranks_lie_apart():
    a, b = np.array([[[1.0, 2.0, 4.0]]], np.float32), np.array([[[3.0, 1.0, 2.0]]], np.float32)
    s = np.std(b)
    pairs = [(1, 1 - 3), (2, 2 - 3), (1, 2 - 1)]
    want = sum(weight * np.tanh(0.7 * difference / s) for weight, difference in pairs) / 4
    np.testing.assert_allclose(value(SoftSpearman(scale=0.7), a, b), [-want], rtol=1e-5)


@pytest.mark.parametrize("goal, measure", [(SoftKendall, similarity.kendall), (SoftSpearman, similarity.spearman)])
def test_they_tend_to_minus_the_measure_as_the_scale_grows(goal, measure):
    a, b = maps(), maps(seed=1)
    np.testing.assert_allclose(value(goal(scale=STEEP), a, b), -measure(a, b), atol=1e-5)
    np.testing.assert_allclose(value(goal(scale=STEEP), a, 3 * a), -np.ones(5), atol=1e-5)


def test_the_margin_tends_to_minus_the_intersection_as_the_scale_grows():
    a, b = maps(), maps(seed=1)
    want = -similarity.top_k_intersection(a, b, 7)
    np.testing.assert_allclose(value(TopKMargin(7, scale=STEEP), a, b), want, atol=1e-5)
    assert not np.allclose(value(TopKMargin(7), a, b), want, atol=1e-2)


def test_top_k_pairs_are_those_across_the_boundary():
    a = np.array([[[5.0, 1.0, 4.0, 2.0]]], np.float32)
    b = np.array([[[1.0, 2.0, 4.0, 3.0]]], np.float32)
    # Pixels 0 and 2 lead 1 and 3; in b, 0 is below both, 2 above both.
    np.testing.assert_allclose(value(TopKPairs(k=2, scale=STEEP), a, b), [0.0], atol=1e-6)
    np.testing.assert_allclose(value(TopKPairs(k=2, scale=STEEP), a, a), [-1.0], atol=1e-6)


def test_towards_an_order_is_soft_kendall_with_the_other_sign():
    a, b = maps(), maps(seed=1)
    np.testing.assert_allclose(value(TowardsOrder(), a, b), -value(SoftKendall(), a, b), atol=1e-6)


@pytest.mark.parametrize("kind", [SoftKendall, SoftSpearman, TopKPairs])
def test_drawn_pairs_estimate_the_goal_over_all_pairs_without_bias(kind):
    a, b = maps(1), maps(1, seed=1)
    options = {"k": 7} if kind is TopKPairs else {}
    (all_,) = value(kind(**options), a, b)
    n = 400
    seeds = np.stack([np.full(n, 3), np.arange(n)], axis=1)
    drawn = value(kind(pairs=60, **options), np.repeat(a, n, 0), np.repeat(b, n, 0), seeds)
    assert abs(drawn.mean() - all_) < 4 * drawn.std() / np.sqrt(n) and drawn.std() > 0.01


@pytest.mark.parametrize("kind", [SoftKendall, SoftSpearman])
def test_pairs_that_are_tied_in_the_original_map_do_not_count(kind):
    a = np.array([[[0.0, 0.0, 0.0, 1.0]]], np.float32)
    lifted = np.array([[[0.1, 0.2, 0.3, 1.0]]], np.float32)
    for pairs in (6, 4):  # All of them, and some that are drawn.
        np.testing.assert_allclose(value(kind(pairs=pairs, scale=STEEP), a, lifted), [-1.0], atol=1e-6)
    np.testing.assert_array_equal(value(kind(pairs=4), np.ones_like(a), lifted), [0.0])


def test_each_image_draws_by_its_seed_and_whatever_its_batch():
    a = maps(2)
    one = SoftKendall(pairs=50).reference(a, None, None, np.array([[0, 7], [0, 8]]))
    again = SoftKendall(pairs=50).reference(a[1:], None, None, np.array([[0, 8]]))
    np.testing.assert_array_equal(one[1:], again)
    other = SoftKendall(pairs=50).reference(a[1:], None, None, np.array([[1, 8]]))
    assert not np.array_equal(other, again)


def test_the_gradient_lowers_the_measure():
    a = maps(3)
    for goal, measure in (
        (SoftKendall(), similarity.kendall),
        (SoftSpearman(), similarity.spearman),
        (TopKPairs(k=7), lambda p, q: similarity.top_k_intersection(p, q, 7)),
        (TopKMargin(7), lambda p, q: similarity.top_k_intersection(p, q, 7)),
    ):
        seeds = np.zeros((3, 2), np.int32)
        reference, b = goal.reference(a, a, None, seeds), tf.constant(a)
        for _ in range(8):
            with tf.GradientTape() as tape:
                tape.watch(b)
                v = goal.value(b, reference, None, None, None)
            b += 0.15 * tf.sign(tape.gradient(v, b))
        assert (measure(a, b.numpy()) < 0.5).all(), goal


@pytest.mark.parametrize("wrong", [{"pairs": 0}, {"pairs": 2.5}, {"scale": 0.0}, {"scale": float("nan")}])
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        SoftKendall(**wrong)


def test_a_set_that_does_not_fit_is_refused():
    for goal in (TopKPairs(k=65), TopKMargin(65)):
        with pytest.raises(InputError, match="64 pixels"):
            goal.check((8, 8, 1))
    for goal in (TopKPairs(k=64), TopKMargin(64)):
        with pytest.raises(InputError, match="boundary"):
            goal.check((8, 8, 1))


if __name__ == "__main__":
    run_tests(__file__)

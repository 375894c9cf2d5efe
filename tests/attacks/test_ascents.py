"""The two ways to climb: steps of one length, and APGD's, whose checkpoints and halvings are those of its paper."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import run_tests
from tfrobust.attacks.ascents import MOMENTUM, AdaptiveSteps, FixedSteps, checkpoints
from tfrobust.balls import make_ball

BALL = make_ball("linf", 0.25)
X = tf.fill([2, 2, 2, 1], 0.5)


def climb(ascent, goal, steps):
    """The best value of the goal (x -> [B]) among the iterates of an ascent, and the last iterate."""
    best = np.full(2, -np.inf)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(ascent.at)
            value = goal(ascent.at)
        best = np.maximum(best, value)
        ascent.step(value.numpy(), tape.gradient(value, ascent.at))
    return np.maximum(best, goal(ascent.at)), ascent.at


def test_the_checkpoints_of_a_hundred_steps_are_those_of_the_paper():
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]


def test_a_fixed_step_is_the_sign_of_the_gradient_times_its_length_within_the_ball():
    ascent = FixedSteps(BALL, X, X, 0.2)
    g = tf.reshape(tf.constant([1.0, -2.0, 0.0, 3.0] * 2), X.shape)
    want = 0.5 + 0.2 * np.sign(g)
    np.testing.assert_allclose(ascent.step(np.zeros(2, np.float32), g), want, atol=1e-6)
    np.testing.assert_allclose(ascent.step(np.zeros(2, np.float32), g), 0.5 + 0.25 * np.sign(g), atol=1e-6)


def test_stepping_back_undoes_the_step_and_halves_it_for_these_images_alone():
    ascent = FixedSteps(BALL, X, X, 0.2)
    g = tf.ones_like(X)
    ascent.step(np.zeros(2, np.float32), g)
    at = ascent.hold(lambda at: np.array([False, True]))
    np.testing.assert_allclose(at[:, 0, 0, 0], [0.5, 0.7], atol=1e-6)
    at = ascent.step(np.zeros(2, np.float32), g)
    np.testing.assert_allclose(at[:, 0, 0, 0], [0.6, 0.75], atol=1e-6)


def test_an_adaptive_step_that_breaks_a_condition_is_halved_until_it_holds():
    ascent = AdaptiveSteps(make_ball("linf", 1.0), X, X, 0.4, steps=10)
    ascent.step(np.zeros(2, np.float32), tf.ones_like(X))
    at = ascent.hold(lambda at: np.array([at[0, 0, 0, 0] < 0.65, at[1, 0, 0, 0] < 0.5]))
    np.testing.assert_allclose(at[:, 0, 0, 0], [0.6, 0.5], atol=1e-6)
    assert ascent.size.tolist() == pytest.approx([0.4, 0.4])


def test_the_second_adaptive_step_has_momentum():
    ascent = AdaptiveSteps(make_ball("linf", 1.0), X, X, 0.1, steps=10)
    first = ascent.step(np.array([0.0, 0.0], np.float32), tf.ones_like(X))
    np.testing.assert_allclose(first, X + 0.1, atol=1e-6)
    second = ascent.step(np.array([1.0, 1.0], np.float32), -tf.ones_like(X))
    np.testing.assert_allclose(second, first + MOMENTUM * -0.1 + (1 - MOMENTUM) * 0.1, atol=1e-6)


def test_an_image_whose_goal_stops_rising_goes_on_from_its_best_iterate_with_half_the_step():
    ascent = AdaptiveSteps(make_ball("linf", 1.0), X, X, 0.1, steps=10)
    rising, falling = np.arange(4, dtype=np.float32), -np.arange(4, dtype=np.float32)
    for values in zip(rising, falling):
        ascent.step(np.array(values, np.float32), tf.ones_like(X))
    assert ascent.size.tolist() == pytest.approx([0.1, 0.05])
    # The best iterate of the second image was its start, from which a half step went, with no momentum.
    np.testing.assert_allclose(ascent.at[1], X[1] + MOMENTUM * 0.05, atol=1e-6)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_peak_within_the_ball_is_found_more_closely_than_by_fixed_steps_of_that_length(norm):
    peak = X + tf.reshape(tf.constant([0.03, -0.07, 0.01, 0.05] * 2), X.shape)
    ball = make_ball(norm, 0.25)
    goal = lambda x: -tf.reduce_sum(tf.abs(x - peak), axis=[1, 2, 3])  # noqa: E731
    adaptive, last = climb(AdaptiveSteps(ball, X, X, 0.5, steps=40), goal, 40)
    fixed, _ = climb(FixedSteps(ball, X, X, 0.5), goal, 40)
    assert (adaptive > 0.2 * fixed).all() and (adaptive > -0.05).all()
    assert np.abs(last - X).max() <= 0.25 + 1e-6


if __name__ == "__main__":
    run_tests(__file__)

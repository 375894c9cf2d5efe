"""Balls of images: sampling, steps and projections in l-infinity and l2."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests
from tfrobust.balls import BALLS, make_ball
from tfrobust.types import InputError

SEED = tf.constant([1, 2])


def length(norm, v):
    v = np.asarray(v, np.float64).reshape(len(v), -1)
    return np.abs(v).max(axis=1) if norm == "linf" else np.sqrt((v**2).sum(axis=1))


@pytest.mark.parametrize("norm", BALLS)
def test_sample_and_project_stay_in_ball_and_range(norm):
    x, _ = images()
    for eps in (0.1, 0.9):
        ball = make_ball(norm, eps)
        for z in (ball.sample(x, SEED), ball.project(x + tf.random.stateless_normal(x.shape, SEED), x)):
            assert length(norm, z - x).max() <= eps + 1e-6
            assert z.numpy().min() >= 0 and z.numpy().max() <= 1


@pytest.mark.parametrize("norm", BALLS)
def test_an_image_with_a_seed_of_its_own_has_the_same_draw_in_a_graph_without_one_and_alone(norm, monkeypatch):
    x, _ = images()
    seeds, ball = tf.range(12)[:, tf.newaxis] * [[1, 3]], make_ball(norm, 0.1)
    traced = tf.function(ball.sample)(x, seeds[:6])
    monkeypatch.setattr(tf, "map_fn", None)  # Untraced it takes ten times as long.
    np.testing.assert_array_equal(ball.sample(x, seeds[:6]), traced)
    np.testing.assert_array_equal(ball.sample(x[2:3], seeds[2:3])[0], traced[2])


@pytest.mark.parametrize("norm", BALLS)
def test_eps_zero_is_the_image_itself(norm):
    x, _ = images()
    ball = make_ball(norm, 0.0)
    assert np.array_equal(ball.sample(x, SEED), x)
    assert np.array_equal(ball.project(ball.ascend(x, tf.ones_like(x), 0.1), x), x)


@pytest.mark.parametrize("norm", BALLS)
def test_project_leaves_what_is_inside(norm):
    x = tf.fill([3, 8, 8, 1], 0.5)
    inside = x + 0.01 * tf.random.stateless_uniform(x.shape, SEED, -1.0, 1.0)
    np.testing.assert_allclose(make_ball(norm, 0.2).project(inside, x), inside, atol=1e-7)


@pytest.mark.parametrize("norm", BALLS)
def test_a_step_has_its_length_and_a_zero_gradient_moves_nothing(norm):
    x, _ = images()
    g = tf.random.stateless_normal(x.shape, SEED)
    ball = make_ball(norm, 1.0)
    np.testing.assert_allclose(length(norm, ball.ascend(x, g, 0.25) - x), 0.25, rtol=1e-5)
    assert np.array_equal(ball.ascend(x, tf.zeros_like(g), 0.25), x)


def test_l2_sample_is_uniform_in_the_ball():
    # Of a uniform point in a ball of dimension n, (radius / eps)^n is uniform on [0, 1].
    x = tf.fill([4000, 2, 2, 1], 0.5)
    radius = length("l2", make_ball("l2", 0.4).sample(x, SEED) - x) / 0.4
    np.testing.assert_allclose(np.quantile(radius**4, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.03)


def test_shrunk():
    assert make_ball("linf", 0.4).shrunk(0.5).eps == 0.2


@pytest.mark.parametrize("norm, eps", [("l3", 0.1), ("linf", -0.1), ("linf", 1.1), ("l2", float("nan")), ("l2", None)])
def test_bad_balls_are_refused(norm, eps):
    with pytest.raises(InputError):
        make_ball(norm, eps)


if __name__ == "__main__":
    run_tests(__file__)

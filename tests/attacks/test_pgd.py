"""Projected gradient ascent: bounds, starts, restarts, what is kept."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import (
    images,
    linear_network,
    reference,
    reference_batch,
    reference_network,
    run_tests,
    shallow_network,
)
from tfrobust import kernels
from tfrobust.attacks.pgd import pgd
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.balls import BALLS, LinfBall, make_ball
from tfrobust.losses import cross_entropy, margin

SEED = tf.constant([1, 2])


def agreement(got, want):
    return np.mean(np.abs(got - want) < 1e-5)


def test_cross_entropy_iterates_agree_with_the_released_code():
    x, y, _ = reference_batch()
    network = reference_network()
    x_adv = pgd(lambda z: cross_entropy(y, network(z)), x, LinfBall(0.3), 10, 0.01, random_start=False)
    assert agreement(x_adv, reference()["pgd_xent_10"]) >= 0.99


@pytest.mark.parametrize(
    "goal, chunk",
    [
        ("ar_approx", None),
        ("adv_ar_approx", None),
        # That chunks change no derivative is looked at by tests/objectives/test_oracle.py.
        pytest.param("ar_approx", 4, marks=pytest.mark.exhaustive),
        pytest.param("adv_ar_approx", 4, marks=pytest.mark.exhaustive),
    ],
)
def test_attribution_goals_agree_with_the_released_code(goal, chunk, eagerly):
    x, y, start = reference_batch()
    network, r = reference_network(), reference()

    def loss(z, y):
        return cross_entropy(y, network(z))

    def value(z):
        l1 = tf.reduce_sum(tf.abs(integrated_gradients(loss, z, y, x, 10, chunk=chunk)), axis=[1, 2, 3])
        return l1 if goal == "ar_approx" else loss(z, y) + 0.1 * l1

    @tf.function
    def step(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            goal = value(z)
        return tape.gradient(goal, z)

    first = step(start)
    want = r[f"attack_grad_{goal}"]
    assert np.abs(first - want).max() < 1e-4 * np.abs(want).max()
    # The released iterates start at x_perturbed; the ball stays around x.
    ball, z = LinfBall(0.3), start
    for _ in range(10):
        z = ball.project(ball.ascend(z, step(z), 0.01), x)
    # Where the gradient is nearly zero its sign, and so a pixel, depends on the kernels: 0.988 without oneDNN's.
    assert agreement(z, r[f"pgd_{goal}_10"]) >= (0.99 if kernels.onednn() else 0.98)


@pytest.mark.parametrize("keep", ["last", "best"])
@pytest.mark.parametrize("norm", BALLS)
def test_of_a_linear_goal_it_finds_the_maximum(norm, keep):
    w = np.random.RandomState(0).randn(8, 8, 1, 10)
    network = linear_network(w)
    x = tf.fill([3, 8, 8, 1], 0.5)
    ball = make_ball(norm, 0.1)
    x_adv = pgd(lambda z: network(z)[:, 0], x, ball, 20, 0.02, seed=SEED, keep=keep)
    dual = np.abs(w[..., 0]).sum() if norm == "linf" else np.sqrt((w[..., 0] ** 2).sum())
    np.testing.assert_allclose(network(x_adv)[:, 0] - network(x)[:, 0], 0.1 * dual, rtol=1e-2)


@pytest.mark.parametrize("norm", BALLS)
def test_stays_in_the_ball_and_eps_zero_is_the_image(norm):
    x, y = images()
    network = shallow_network()

    def goal(z):
        return cross_entropy(y, network(z))

    x_adv = pgd(goal, x, make_ball(norm, 0.2), 5, 0.1, seed=SEED, restarts=2)
    v = (x_adv - x).numpy().reshape(6, -1)
    size = np.abs(v).max() if norm == "linf" else np.sqrt((v**2).sum(axis=1)).max()
    assert 0 < size <= 0.2 + 1e-6 and x_adv.numpy().min() >= 0 and x_adv.numpy().max() <= 1
    assert np.array_equal(pgd(goal, x, make_ball(norm, 0.0), 5, 0.1, seed=SEED, restarts=2), x)


def test_more_restarts_and_the_best_iterate_never_do_worse():
    x, y = images(20)
    network = shallow_network()

    def goal(z):
        return margin(y, network(z))

    def value(**options):
        return goal(pgd(goal, x, LinfBall(0.3), 4, 0.2, seed=SEED, **options)).numpy()

    one, last = value(keep="best"), value()
    assert (value(keep="best", restarts=2) >= one - 1e-6).all()
    assert (value(restarts=2) >= last - 1e-6).all()
    assert (one >= last - 1e-6).all() and (one >= goal(x).numpy() - 1e-6).any()


@pytest.mark.parametrize("options", [{}, {"keep": "best"}, {"accept": lambda z: z[:, 0, 0, 0] < 2.0}])
def test_a_goal_that_draws_has_another_seed_in_each_iteration_and_equal_ones_in_each_run(options):
    seen = []

    def goal(z, seed):
        seen.append(tuple(seed.numpy()))
        return tf.reduce_sum(z, axis=[1, 2, 3])

    x, _ = images(2)
    pgd(goal, x, LinfBall(0.1), 3, 0.05, seed=SEED, restarts=2, goal_seed=tf.constant([4, 5]), **options)
    assert len(seen) == 8 and seen[:4] == seen[4:] and len(set(seen)) == 4  # Three steps, and what they reached.


def test_graph_equals_eager_and_the_seed_decides():
    x, y = images()
    network = shallow_network()

    def run(seed):
        return pgd(lambda z: cross_entropy(y, network(z)), x, LinfBall(0.3), 3, 0.1, seed=seed)

    eager = run(SEED)
    np.testing.assert_allclose(tf.function(run, autograph=False)(SEED), eager, atol=1e-6)
    assert np.abs(run(tf.constant([3, 4])) - eager).max() > 0.01


if __name__ == "__main__":
    run_tests(__file__)

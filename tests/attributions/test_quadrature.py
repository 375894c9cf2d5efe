"""Quadrature rules: weights sum to 1, and polynomials are integrated exactly."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import run_tests
from tfrobust.attributions.quadrature import RULES, quadrature, stratified
from tfrobust.types import InputError


@pytest.mark.parametrize("rule", RULES)
def test_weights_sum_to_one_and_points_lie_in_the_unit_interval(rule):
    points, weights = quadrature(rule, 7)
    assert abs(weights.sum() - 1) < 1e-6 and points.min() >= 0 and points.max() <= 1


def test_points():
    np.testing.assert_allclose(quadrature("right", 4)[0], [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(quadrature("left", 4)[0], [0, 0.25, 0.5, 0.75])
    np.testing.assert_allclose(quadrature("trapezoid", 2)[0], [0, 0.5, 1])
    np.testing.assert_allclose(quadrature("trapezoid", 2)[1], [0.25, 0.5, 0.25])


def test_gauss_legendre_is_exact_for_a_polynomial_of_degree_5_with_3_points():
    points, weights = quadrature("gauss_legendre", 3)
    np.testing.assert_allclose(weights @ points**5, 1 / 6, rtol=1e-5)


def test_right_and_left_err_on_opposite_sides_of_a_rising_function():
    (r, w), (left, _) = quadrature("right", 10), quadrature("left", 10)
    assert w @ r**2 > 1 / 3 > w @ left**2


@pytest.mark.parametrize("rule, steps", [("middle", 5), ("right", 0)])
def test_what_makes_no_sense_is_refused(rule, steps):
    with pytest.raises(InputError):
        quadrature(rule, steps)


def test_drawn_points_lie_one_in_each_interval_are_repeated_by_their_seed_and_integrate_without_bias():
    draws = [stratified(4, tf.constant([3, i])) for i in range(400)]
    points = np.array([points for points, _ in draws])
    np.testing.assert_array_equal(np.floor(4 * points), np.tile([0, 1, 2, 3], (400, 1)))
    np.testing.assert_array_equal(draws[7][0], stratified(4, tf.constant([3, 7]))[0])
    assert len(np.unique(points)) > 0.99 * points.size
    estimates = np.array([weights @ points.numpy() ** 2 for points, weights in draws])
    error = estimates.std() / np.sqrt(len(draws))
    assert abs(estimates.mean() - 1 / 3) < 3 * error < 0.01


def test_no_points_cannot_be_drawn():
    with pytest.raises(InputError):
        stratified(0, tf.constant([0, 0]))


if __name__ == "__main__":
    run_tests(__file__)

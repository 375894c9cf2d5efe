"""Points and weights on [0, 1] for the path integral of Integrated Gradients.

The papers and their code use right end points (RAR's Eq. 3 prints left ones); the trapezoid is what ART's released
measure uses; Gauss-Legendre is exact for polynomials of degree 2m - 1.  Points that are drawn
(`stratified`) have no bias, however few they are.
"""

import numpy as np
import tensorflow as tf

from tfrobust.checks import check_choice
from tfrobust.names import RULES
from tfrobust.types import InputError


def right(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Right end points of m intervals: points k/m for k = 1..m, each of weight 1/m."""
    return np.arange(1, m + 1) / m, np.full(m, 1 / m)


def left(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Left end points of m intervals: points k/m for k = 0..m-1, each of weight 1/m (RAR Eq. 3)."""
    return np.arange(m) / m, np.full(m, 1 / m)


def trapezoid(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Both end points of m intervals: points k/m for k = 0..m, of weight 1/m, at the two ends of the path 1/(2m)."""
    weights = np.full(m + 1, 1 / m)
    weights[[0, -1]] /= 2
    return np.arange(m + 1) / m, weights


def gauss_legendre(m: int) -> tuple[np.ndarray, np.ndarray]:
    """The m Gauss-Legendre nodes and their weights, moved from [-1, 1] to [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(m)
    return (nodes + 1) / 2, weights / 2


def quadrature(rule: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights that approximate an integral over [0, 1].

    Args:
        rule: right, left, trapezoid or gauss_legendre.
        steps: number of intervals, at least 1.

    Returns:
        Points and weights, each [P] float32; P is `steps`, or one more for trapezoid.  The weights sum to 1.

    Raises:
        InputError: for an unknown rule, and for fewer steps than 1.
    """
    check_choice("end-point rule", rule, RULES)
    if steps < 1:
        raise InputError(f"Integrated Gradients needs at least 1 step; got {steps}")
    points, weights = RULES[rule](steps)
    return points.astype(np.float32), weights.astype(np.float32)


def stratified(steps: int, seed: tf.Tensor) -> tuple[tf.Tensor, np.ndarray]:
    """Points that are drawn, one uniformly within each of `steps` intervals of [0, 1]: stratified sampling.

    The expectation of the weighted sum is the integral itself, for any number of intervals.

    Args:
        steps: number of intervals, at least 1.
        seed: [2], stateless.

    Returns:
        Points and weights, each [steps] float32.  The weights sum to 1.

    Raises:
        InputError: for fewer steps than 1.
    """
    left_ends, weights = quadrature("left", steps)
    return left_ends + tf.random.stateless_uniform([steps], seed) / steps, weights

"""Points and weights on [0, 1] for the path integral of Integrated Gradients.

The papers and their code use right end points (RAR's Eq. 3 prints left ones); the trapezoid is what ART's released
measure uses; Gauss-Legendre is exact for polynomials of degree 2m - 1.
"""

import numpy as np

from tfrobust.checks import check_choice
from tfrobust.names import RULES
from tfrobust.types import InputError


def right(m: int):
    """k/m for k = 1..m, weight 1/m."""
    return np.arange(1, m + 1) / m, np.full(m, 1 / m)


def left(m: int):
    """k/m for k = 0..m-1, weight 1/m (RAR Eq. 3)."""
    return np.arange(m) / m, np.full(m, 1 / m)


def trapezoid(m: int):
    """k/m for k = 0..m (m + 1 points), weight 1/m, half of it at the two ends."""
    weights = np.full(m + 1, 1 / m)
    weights[[0, -1]] /= 2
    return np.arange(m + 1) / m, weights


def gauss_legendre(m: int):
    """The m Gauss-Legendre nodes, moved from [-1, 1] to [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(m)
    return (nodes + 1) / 2, weights / 2


def quadrature(rule: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """(points, weights) of `rule` with `steps` >= 1 intervals, float32; the weights sum to 1."""
    check_choice("end-point rule", rule, RULES)
    if steps < 1:
        raise InputError(f"Integrated Gradients needs at least 1 step; got {steps}")
    points, weights = RULES[rule](steps)
    return points.astype(np.float32), weights.astype(np.float32)

"""Fits of how a quantity grows: a line with its start, and an exponent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Fit(NamedTuple):
    """How a quantity t grows with n, by least squares in two ways.

    Attributes:
        start, slope: of the line t = start + slope * n.
        exponent: of the power law t = c * n^exponent, a line in the logarithms.
        off_line, off_power: the largest distance of a measured t from the line and from the power law, as a share of t.
    """

    start: float
    slope: float
    exponent: float
    off_line: float
    off_power: float


def fit_growth(n: Sequence[float], t: Sequence[float]) -> Fit:
    """Fits a line and a power law.

    Args:
        n: [P] what grows, above 0; two different numbers at least.
        t: [P] what was measured, above 0.
    """
    n, t = np.asarray(n, float), np.asarray(t, float)
    slope, start = np.polyfit(n, t, 1)
    exponent, logarithm = np.polyfit(np.log(n), np.log(t), 1)
    line, power = start + slope * n, np.exp(logarithm) * n**exponent
    off_line, off_power = (float(np.max(np.abs(found - t) / t)) for found in (line, power))
    return Fit(float(start), float(slope), float(exponent), off_line, off_power)

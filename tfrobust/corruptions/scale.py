"""The strength of a severity at a given image size.

Hendrycks & Dietterich published three tables of constants: for CIFAR-10-C (32 pixels), Tiny-ImageNet-C (64) and
ImageNet-C (224).  A table here has these three rows, each of five severities.  Between the sizes the numbers are
interpolated over the logarithm of the shorter side, lengths as a part of that side.  Above 224 pixels an amount stays
the same and a length grows with the side.  Below 32 both stay what they are at 32: lengths are about a pixel there, and
a move of less than a pixel would have no effect.
"""

from collections.abc import Sequence

import numpy as np

SIDES = (32, 64, 224)  # Of the images that the rows of a table are for, in pixels.
SEVERITIES = 5
Table = Sequence[Sequence[float]]


def amount(table: Table, severity: int, size: Sequence[int]) -> float:
    """A number without unit, interpolated in a table.

    Args:
        table: numbers, a row for each of SIDES.
        severity: 1 to 5.
        size: (H, W) of the images.
    """
    return _interpolated([row[severity - 1] for row in table], size)


def length(table: Table, severity: int, size: Sequence[int]) -> float:
    """A length in pixels, interpolated in a table as a part of the shorter side.

    Args:
        table: lengths in pixels, a row for each of SIDES.
        severity: 1 to 5.
        size: (H, W) of the images.
    """
    return _interpolated([row[severity - 1] / side for row, side in zip(table, SIDES)], size) * max(min(size), SIDES[0])


def _interpolated(values, size):
    return float(np.interp(np.log2(min(size)), np.log2(SIDES), values))

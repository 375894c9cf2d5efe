"""How strong a severity is at an image size.

Hendrycks & Dietterich published three tables of constants: for CIFAR-10-C (32 pixels), Tiny-ImageNet-C (64) and
ImageNet-C (224).  A table here has those three rows of five severities.  Between the sizes the numbers are interpolated
over the logarithm of the shorter side, lengths as a part of that side.  Above 224 an amount stays what it is and a
length grows with the side.  Below 32 both stay what they are at 32: lengths are about a pixel there, and what moves
less than a pixel moves nothing.
"""

from collections.abc import Sequence

import numpy as np

SIDES = (32, 64, 224)
SEVERITIES = 5
Table = Sequence[Sequence[float]]


def amount(table: Table, severity: int, size) -> float:
    """A number without unit of images of `size` (H, W)."""
    return _interpolated([row[severity - 1] for row in table], size)


def length(table: Table, severity: int, size) -> float:
    """A length in pixels, of images of `size` (H, W)."""
    return _interpolated([row[severity - 1] / side for row, side in zip(table, SIDES)], size) * max(min(size), SIDES[0])


def _interpolated(values, size):
    return float(np.interp(np.log2(min(size)), np.log2(SIDES), values))

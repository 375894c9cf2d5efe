"""Paired tests: two networks looked at on the same images, so that what differs is the networks and not the images."""

from math import comb
from typing import NamedTuple

import numpy as np

from tfrobust.evaluation import statistics

EXACT = 14  # With so many differences or fewer, all signs are tried; with more, DRAWN of them are drawn.
DRAWN = 20000


class Paired(NamedTuple):
    """How much a number differs between two networks, over the images.

    Attributes:
        mean, low, high: of the differences, with the 95 % confidence interval of the mean.
        p: how often a mean as far from 0 would come out where the two did not differ.
        images: how many there were.
    """

    mean: float
    low: float
    high: float
    p: float
    images: int


def paired(differences: np.ndarray) -> Paired:
    """The test of the sign flips (Fisher, 1935): without a difference each sign is as likely as the other.

    Args:
        differences: of the two networks, a number for each image, [N], N >= 1.
    """
    values = np.asarray(differences, np.float64)
    n = len(values)
    if n <= EXACT:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = np.random.RandomState(0).choice([-1.0, 1.0], size=(DRAWN, n))
    as_far = np.abs(signs @ values) >= np.abs(values.sum()) * (1 - 1e-9)
    p = as_far.mean() if n <= EXACT else (1 + as_far.sum()) / (1 + len(signs))  # What was seen is one of the draws.
    found = statistics.describe(values)
    return Paired(found["mean"], found["low"], found["high"], float(p), n)


def mcnemar(right: np.ndarray, other: np.ndarray) -> float:
    """The exact test of McNemar (1947), two-sided: whether two networks are right equally often.

    Args:
        right: whether one of the two is right, [N] bool.
        other: the same of the other network.

    Returns:
        p, from the images on which one of them alone is right; 1.0 where there is none.
    """
    alone, others = int(np.sum(right & ~other)), int(np.sum(other & ~right))
    n = alone + others
    tail = sum(comb(n, i) for i in range(min(alone, others) + 1)) / 2**n
    return min(1.0, 2.0 * tail)

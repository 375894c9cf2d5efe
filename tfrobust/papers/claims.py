"""Claims of the papers as sentences that numbers can contradict, and their verdicts on a comparison of methods.

A claim compares two networks by one measure.  Its verdict rests on the difference of their scores, image by image and
seed by seed, and the 95 % interval of its mean; an interval on both sides of what is claimed leaves it open.
"""

from __future__ import annotations

import csv
import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tfrobust.errors import InputError
from tfrobust.evaluation.statistics import RESAMPLES

ABOVE, ALIKE, APART = "above", "alike", "apart"
RELATIONS = ABOVE, ALIKE, APART
HOLDS, DOES_NOT_HOLD, OPEN = "holds", "does not hold", "not resolved"
SAME_TIME = "same time"  # In the place of a row: PGD training that takes as long as the row compared with it.
Scores = Mapping[Any, Mapping[int, float]]  # seed -> number of the image -> score.
COLUMNS = ("paper", "claim", "row", "than", "measure", "relation", "margin", "evaluation")


@dataclass(frozen=True)
class Claim:
    """One sentence, and the numbers that decide it.

    Attributes:
        paper: whose claim it is; empty where it is asked across papers.
        claim: the sentence.
        row: the name of a row of a comparison.
        than: the row that it is compared with, or SAME_TIME.
        measure: natural or adversarial (accuracies), a measure of maps such as kendall, or step_cost.
        relation: above: the score of `row` exceeds that of `than` by more than `margin`; alike: they differ by less;
          apart: they differ by more, in either direction.
        margin: in the unit of the measure; a negative one of `above` is what may be lost.
        evaluation: names of the evaluations of `row` and `than`, "ONE" or "ONE/OTHER"; empty: the one asked for.
    """

    paper: str
    claim: str
    row: str
    than: str
    measure: str
    relation: str = ABOVE
    margin: float = 0.0
    evaluation: str = ""

    def __post_init__(self):
        if self.relation not in RELATIONS:
            raise InputError(f"{self.claim!r}: the relation {self.relation!r} is none of {', '.join(RELATIONS)}")
        if self.relation != ABOVE and not self.margin > 0:
            raise InputError(f"{self.claim!r}: what is {self.relation} needs a margin above 0")

    def verdict(self, found: Difference) -> str:
        """HOLDS, DOES_NOT_HOLD or OPEN, by the interval of a difference."""
        above, below = found.low > self.margin, found.high < self.margin
        if self.relation == ABOVE:
            return HOLDS if above else DOES_NOT_HOLD if below else OPEN
        apart, alike = above or found.high < -self.margin, below and found.low > -self.margin
        holds, fails = (alike, apart) if self.relation == ALIKE else (apart, alike)
        return HOLDS if holds else DOES_NOT_HOLD if fails else OPEN


class Difference(NamedTuple):
    """A mean difference of scores.

    Attributes:
        mean: over all pairs of scores, of every seed and image.
        low, high: its 95 % interval.
        seeds: how many seeds both networks have.
        images: how many pairs of scores, over all seeds.
    """

    mean: float
    low: float
    high: float
    seeds: int
    images: int


def difference(of: Scores, than: Scores) -> Difference | None:
    """The difference of the scores of two networks on the seeds and images that both have scores of.

    Args:
        of: seed -> number of the image -> score.
        than: of the other network.

    Returns:
        The mean difference with the 2.5th and 97.5th percentile over RESAMPLES resamples (always the same ones) of
        seeds and, independently, of images, which the seeds share; None where no seed has an image in common.
    """
    both = [(of[seed], than[seed]) for seed in of if seed in than]
    pairs = [{image: one[image] - two[image] for image in one.keys() & two.keys()} for one, two in both]
    pairs = [own for own in pairs if own]
    if not pairs:
        return None
    images = sorted(set().union(*pairs))
    values = np.array([[own.get(image, np.nan) for image in images] for own in pairs])
    there = np.isfinite(values)
    # How often each seed and each image is drawn: the mean of a resample is weighted by them.
    times = [_draw(n, axis) for axis, n in enumerate(values.shape)]
    totals = [np.sum((times[0] @ each) * times[1], axis=1) for each in (np.where(there, values, 0.0), there)]
    with np.errstate(invalid="ignore"):  # A resample of images that only other seeds have is no mean.
        low, high = np.nanpercentile(totals[0] / totals[1], [2.5, 97.5])
    return Difference(float(values[there].mean()), float(low), float(high), len(pairs), int(there.sum()))


@functools.lru_cache(maxsize=8)  # Most claims are about as many seeds and images.
def _draw(n: int, seed: int) -> np.ndarray:
    """How often each of n is drawn in each of RESAMPLES resamples of n, [RESAMPLES,n]."""
    return np.random.RandomState(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)


@functools.cache
def papers_claims() -> tuple[Claim, ...]:
    """The claims of the five papers, and those asked across them, as claims.csv beside this file has them."""
    return read_claims(os.path.join(os.path.dirname(__file__), "claims.csv"))


def read_claims(path: str) -> tuple[Claim, ...]:
    """Reads claims from a CSV file whose columns are the attributes of `Claim`.

    Raises:
        InputError: where the file is missing, has other columns, or a line is no claim.
    """
    if not os.path.isfile(path):
        raise InputError(f"no claims at {path}")
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise InputError(f"{path}: the columns of claims are {', '.join(COLUMNS)}")
        return tuple(_claim(path, line) for line in reader)


def _claim(path, line) -> Claim:
    """The claim of a line, name of the column -> what it says."""
    try:
        margin = float(line["margin"] or 0)
    except (TypeError, ValueError):
        raise InputError(f"{path}: the margin {line['margin']!r} is no number") from None
    return Claim(**{**line, "relation": line["relation"] or ABOVE, "margin": margin})

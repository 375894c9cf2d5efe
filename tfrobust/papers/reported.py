"""The numbers that the papers print, and which flagfile trains the network behind each.

reported.csv has a line per number, rows.csv one per network of a table or sweep: its flagfile, what overrides it, and
where nothing is trained, why.
"""

import csv
import functools
import os
import re
from typing import List, NamedTuple, Tuple

# What of a variant concerns the evaluation or the origin of a number, not the training of the network.
_NOT_TRAINING = (
    "attack=",
    "perturbation created on",
    "restates",
    "targeted attribution attack",
    "unperturbed image",
    "human study",
    "same numbers as",
    "called ",
    "as reported in the ADL",
)


class Reported(NamedTuple):
    """One printed number.  unit: percent, fraction or absolute.  asterisk: 1 where it is copied from another paper."""

    paper: str
    table: str
    dataset: str
    model: str
    method: str
    variant: str
    attribution: str
    metric: str
    value: float
    unit: str
    asterisk: str


class PaperRow(NamedTuple):
    """One network of a table or sweep.  overrides: flags that win over the flagfile's.  left_out: why there is no
    flagfile."""

    paper: str
    table: str
    dataset: str
    model: str
    method: str
    variant: str
    flagfile: str
    overrides: str
    left_out: str


def training_part(variant: str) -> str:
    """A variant without what concerns only the evaluation: equal for all numbers of one network."""
    starts = "|".join(map(re.escape, _NOT_TRAINING))
    return re.sub(rf"(^|; )({starts}).*$", "", variant).strip()


def row_of(number: Reported):
    """What a Reported and its PaperRow share."""
    return (*number[:5], training_part(number.variant))


def _read(name: str):
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@functools.lru_cache(maxsize=None)
def _numbers() -> Tuple[Reported, ...]:
    return tuple(Reported(**{**line, "value": float(line["value"])}) for line in _read("reported.csv"))


def reported_numbers() -> List[Reported]:
    """Every number of the five papers, in their order."""
    return list(_numbers())


@functools.lru_cache(maxsize=None)
def _rows() -> Tuple[PaperRow, ...]:
    return tuple(PaperRow(**line) for line in _read("rows.csv"))


def paper_rows() -> List[PaperRow]:
    """Every network of the five papers' tables and sweeps, in their order."""
    return list(_rows())

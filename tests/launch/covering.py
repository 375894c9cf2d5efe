"""A few lines of the papers' tables that together measure every kind of number.

A number is measured the same way whichever method trained its network.  Training all lines, and with them each method
with each kind of its numbers, takes forty times as long and is left to the exhaustive tests (see CONTRIBUTING.md): a
step of each method is looked at for every line, and tests/test_api.py trains with each.
"""

import functools
import re
from typing import NamedTuple

from tfrobust.data import FACTS
from tfrobust.papers.measurements import Measurement
from tfrobust.papers.suites import make_suite
from tfrobust.papers.table_lines import columns_of, read_lines
from tfrobust.papers.tables import tables


class Table(NamedTuple):
    paper: str
    table: str
    dataset: str


TABLES = [Table(*name.split(), dataset) for name, sets in tables().items() for dataset in sets]


def kind(m: Measurement) -> tuple[str, bool, bool]:
    """What measures a number, whichever attack on predictions, attacked map or corruption it is: those differ in values
    alone, and each is evaluated in the test that takes one step of every row."""
    if m.key == "accuracy" and m.spec:
        return "attack on predictions", m.transferred, m.natural
    task = re.sub(r" at .*| beta .*|(?<=^IFIA) on .*", "", m.task)
    return re.sub(r"^(corruption|segmentation) .*", r"\1", task), m.transferred, m.natural


def shown_by(table: Table) -> dict[str, frozenset[tuple]]:
    """Name of a line -> its kinds of number; lines alone that train a network."""
    dataset = table.dataset.removesuffix("_c")
    suite = make_suite(table.paper, dataset, FACTS[dataset].shape)
    lines = read_lines(table.paper, table.table, table.dataset)
    out = {}
    for line in (line for line in lines if not line.row.left_out):
        measured = [m for m, _ in columns_of(line, suite) if m]
        out[line.name] = frozenset(map(kind, measured))
    return out


@functools.cache
def shown() -> dict[tuple[Table, str], frozenset[tuple]]:
    """(table, name of a line) -> the kinds of number that it shows."""
    return {(table, name): found for table in TABLES for name, found in shown_by(table).items()}


@functools.cache
def covering() -> dict[Table, dict[str, frozenset[tuple]]]:
    """The names of the chosen lines of each table, each with the kinds of number that no line before it shows: the line
    that shows most of what is left, until nothing is; of those that show as much, one with few others."""
    left: set[tuple] = set().union(*shown().values())
    chosen: dict[Table, dict[str, frozenset[tuple]]] = {}
    while left:
        table, name = max(shown(), key=lambda line: (len(shown()[line] & left), -len(shown()[line])))
        new = shown()[table, name] & left
        chosen.setdefault(table, {})[name] = new
        left -= new
    return chosen

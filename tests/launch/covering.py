"""A few lines of the papers' tables that together train every method and measure every kind of number of each.

Training all of them takes ten times as long and is left to the exhaustive tests (see CONTRIBUTING.md).
"""

import functools
import re
from typing import Dict, FrozenSet, List, NamedTuple, Set, Tuple

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


def kind(m: Measurement) -> Tuple[str, bool, bool]:
    """What measures a number, whichever attack on predictions, attacked map or corruption it is: those differ in values
    alone, and each is evaluated in the test that takes one step of every row."""
    if m.key == "accuracy" and m.spec:
        return "attack on predictions", m.transferred, m.natural
    task = re.sub(r" at .*| beta .*|(?<=^IFIA) on .*", "", m.task)
    return re.sub(r"^corruption .*", "corruption", task), m.transferred, m.natural


def pairs_of(table: Table) -> Dict[str, FrozenSet[tuple]]:
    """Name of a line -> its (method, kind of number); lines alone that train a network."""
    dataset = table.dataset.removesuffix("_c")
    suite = make_suite(table.paper, dataset, FACTS[dataset].shape)
    lines = read_lines(table.paper, table.table, table.dataset)
    out = {}
    for line in (line for line in lines if not line.row.left_out):
        measured = [m for m, _ in columns_of(line, lines, suite)[1] if m]
        out[line.name] = frozenset((line.row.method, kind(m)) for m in measured)
    return out


@functools.lru_cache(maxsize=None)
def pairs() -> Dict[Tuple[Table, str], FrozenSet[tuple]]:
    """(table, name of a line) -> the pairs that it covers."""
    return {(table, name): found for table in TABLES for name, found in pairs_of(table).items()}


@functools.lru_cache(maxsize=None)
def covering() -> Dict[Table, List[str]]:
    """The names of the chosen lines of each table: the one that covers most of what is left, until nothing is."""
    left: Set[tuple] = set().union(*pairs().values())
    chosen: Dict[Table, List[str]] = {}
    while left:
        table, name = max(pairs(), key=lambda line: len(pairs()[line] & left))
        chosen.setdefault(table, []).append(name)
        left -= pairs()[table, name]
    return chosen

"""The page on threats knows every attack of the library, each by one kind and none that is not there."""

import re

from tests.docs.pages import text_of
from tests.helpers import run_tests
from tfrobust import attacks
from tfrobust.names import GOALS, PREDICTION_ATTACKS

KINDS = ("prediction-preserving", "explanation-preserving", "evasion", "control")


def rows():
    """The rows of the table of attacks, as lists of cells."""
    section = text_of("docs/threats.md").split("## The attacks")[1].split("\n## ")[0]
    lines = re.findall(r"^\| (.*) \|$", section, re.M)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines if line.startswith("`")]


def named():
    """What stands between backticks in the first column, row by row."""
    return [re.findall(r"`(\w+)`", row[0]) for row in rows()]


def classes():
    """The names of the public dataclasses of attacks."""
    kinds = attacks.Attack, attacks.PredictionAttack, attacks.MapAttack
    public = ((name, getattr(attacks, name)) for name in attacks.__all__)
    return {name for name, own in public if isinstance(own, type) and issubclass(own, kinds) and own not in kinds}


def test_every_attack_has_a_row():
    found = {name for own in named() for name in own}
    assert {*PREDICTION_ATTACKS, *GOALS} <= found
    assert classes() <= found and len(classes()) > 12


def test_no_row_is_of_an_attack_that_is_not_there():
    first = [own[0] for own in named()]
    assert len(set(first)) == len(first)
    assert set(first) <= {*PREDICTION_ATTACKS, *GOALS, *classes()}
    for name, own in zip(first, named()):
        if name in PREDICTION_ATTACKS:
            assert own[1:] == [PREDICTION_ATTACKS[name].__name__]


def test_every_row_says_kind_knowledge_control_and_place():
    for row in rows():
        assert len(row) == 5 and all(row) and row[1].startswith(KINDS), row
    of = {own[0]: row[1] for own, row in zip(named(), rows())}
    assert of["dual"] == "explanation-preserving" and of["noise"] == "control"
    targeted = {name for name in GOALS if GOALS[name].targeted}
    assert {name for name in GOALS if "towards a map" in of[name]} == targeted


if __name__ == "__main__":
    run_tests(__file__)

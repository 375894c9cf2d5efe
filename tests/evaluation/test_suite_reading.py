"""The settings that are stored with a result make the suite again, whatever it holds."""

import json

import pytest

from tests.helpers import run_tests
from tfrobust.errors import InputError
from tfrobust.evaluation.suite_reading import suite_from_plain
from tfrobust.names import AUTO_LEVELS, SUITES
from tfrobust.papers.suites import make_suite

EVERY = [(name, {}) for name in SUITES] + [("auto", {"level": level}) for level in AUTO_LEVELS]
EVERY += [("autoattack", {"version": "plus"}), ("autoattack", {"norm": "l2", "eps": 0.5})]


@pytest.mark.parametrize("name, options", EVERY)
def test_every_suite_comes_back(name, options):
    suite = make_suite(name, "digits", (8, 8, 1), **{"eps": 0.3, **options})
    stored = json.loads(json.dumps({**suite.as_dict(), "versions": {}, "dataset": "digits"}))
    again = suite_from_plain(stored)
    assert again == suite and again.as_dict() == suite.as_dict()


@pytest.mark.parametrize(
    "change, why",
    [
        ({"attributions": {"a": {"kind": "MapAttack"}}}, "unknown kind of spec 'MapAttack'"),
        ({"predictions": {"a": {"kind": "Network"}}}, "unknown kind of spec 'Network'"),
        ({"predictions": 3}, "no settings of an evaluation"),
        ({"predictions": {"a": 3}}, "no settings of an evaluation"),
    ],
)
def test_anything_else_is_refused(change, why):
    stored = make_suite("rar", "digits", (8, 8, 1), eps=0.3).as_dict()
    with pytest.raises(InputError, match=why):
        suite_from_plain({**stored, **change})
    del stored["predictions"]
    with pytest.raises(InputError, match="predictions is missing"):
        suite_from_plain(stored)


if __name__ == "__main__":
    run_tests(__file__)

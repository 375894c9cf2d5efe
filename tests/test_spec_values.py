"""Specs convert to plain values; `replace_known` changes only the settings that a spec has."""

import json

from tests.helpers import run_tests
from tfrobust.attacks import Ifia, Noise, Pgd, Spatial, TopK
from tfrobust.attributions import make_map
from tfrobust.evaluation import MapTask, Suite
from tfrobust.spec_values import names_of, replace_known, to_plain


def test_plain_values_say_the_class_of_each_spec_and_differ_where_specs_do():
    attack = Ifia(0.1, 2, 0.05, goal=TopK(3))
    suite = Suite("s", {"PGD": Pgd(0.1, 2, 0.05)}, {"IFIA": MapTask(make_map(steps=4), attack)})
    plain = to_plain(suite)
    assert json.loads(json.dumps(plain)) == plain
    assert plain["attributions"]["IFIA"]["attack"]["goal"] == {"kind": "TopK", "k": 3}
    assert plain["attributions"]["IFIA"]["map"]["attribution"]["kind"] == "IntegratedGradients"
    other = to_plain(Suite("s", {"PGD": Pgd(0.1, 2, 0.05)}, {"IFIA": MapTask(make_map("gradient"), attack)}))
    assert other != plain
    assert to_plain((1, [2.5, None])) == [1, [2.5, None]]


def test_what_a_spec_has_not_is_left_alone():
    assert replace_known(Pgd(0.1, 2, 0.05), steps=4, samples=9) == Pgd(0.1, 4, 0.05)
    assert replace_known(Spatial(), eps=0.0, seed=3) == Spatial()
    assert {"eps", "k", "criterion"} <= set(names_of(Noise)) and "steps" not in names_of(Noise)


if __name__ == "__main__":
    run_tests(__file__)

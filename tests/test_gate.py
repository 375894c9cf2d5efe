"""Conditions under which an audit fails: what they say of a report, alone and beside an earlier one."""

import copy
import json
import math

import pytest

from tests.helpers import run_tests
from tfrobust.gate import failures, parse_condition, read_report
from tfrobust.types import InputError


def described(mean):
    return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1, "median": mean}


REPORT = {
    "eps_of_verdict": 4 / 255,
    "summary": {
        "natural": {"accuracy": described(0.9), "examples": 100},
        "PGD at 4/255": {"accuracy": described(0.4), "examples": 100, "eps": 4 / 255},
        "IG at 4/255": {"kendall": described(0.5), "top_k_intersection": described(0.6), "share_not_moved": 0.25},
        "IG at 8/255": {"kendall": described(0.3), "top_k_intersection": described(0.4), "share_not_moved": 0.0},
    },
}
BETTER = copy.deepcopy(REPORT)
BETTER["summary"]["IG at 4/255"]["kendall"] = described(0.55)


def failed(text, report=REPORT, baseline=None):
    return failures([parse_condition(text)], report, baseline)


@pytest.mark.parametrize(
    "text, fails",
    [
        ("kendall<0.5", False),  # Of the task of the verdict, whose mean is 0.5.
        ("kendall<=0.5", True),
        ("kendall<50.1%", True),
        ("kendall.low<0.5", True),
        ("kendall.high<0.5", False),
        ("IG at 8/255:kendall<0.5", True),
        ("accuracy<0.95", True),
        ("PGD at 4/255:accuracy < 0.4", False),
        ("PGD at 4/255:accuracy >= 0.4", True),
        ("share_not_moved > .2", True),
        ("top_k_intersection>1e0", False),
    ],
)
def test_a_number_of_the_report_is_compared(text, fails):
    lines = failed(text)
    assert bool(lines) == fails and all(text in line for line in lines)


@pytest.mark.parametrize(
    "text, fails",
    [
        ("kendall<baseline", True),
        ("kendall<baseline-0.05", False),
        ("kendall < baseline - 4%", True),
        ("kendall<0.9*baseline", False),
        ("kendall<0.95*baseline", True),
        ("kendall<0.9*baseline+0.01", True),
        ("accuracy<baseline", False),
    ],
)
def test_a_number_is_compared_with_that_of_an_earlier_report(text, fails):
    assert bool(failed(text, REPORT, BETTER)) == fails


def test_the_line_says_what_was_measured_and_against_what():
    assert failed("kendall<baseline", REPORT, BETTER) == [
        "kendall<baseline: kendall of IG at 4/255 is 0.5, < 0.55 (baseline 0.55)"
    ]


def test_what_was_not_measured_has_not_passed():
    empty = {**REPORT, "summary": {"natural": REPORT["summary"]["natural"]}}  # No image was predicted correctly.
    assert "was not measured" in failed("kendall<0.1", empty)[0]
    assert "was not measured" in failed("IG at 8/255:kendall<0.1", empty)[0]
    assert "the baseline has no" in failed("kendall<baseline", REPORT, empty)[0]
    nothing = copy.deepcopy(REPORT)
    nothing["summary"]["IG at 4/255"]["kendall"] = described(math.nan)
    assert "was not measured" in failed("kendall<0.1", nothing)[0]
    assert "the baseline has no" in failed("kendall<baseline", REPORT, nothing)[0]


@pytest.mark.parametrize("text", ["", "kendall", "kendall=0.5", "kendall<", "kendall<low", "<0.5", "kendall<0.5.5"])
def test_what_is_no_condition_is_refused_with_examples(text):
    with pytest.raises(InputError, match=r"is no condition.*kendall<0.5"):
        parse_condition(text)


@pytest.mark.parametrize(
    "text, words",
    [
        ("kendal<0.5", "has no 'kendal'; it has kendall"),
        ("kendall.lowest<0.5", "has no 'lowest'; it has mean, low"),
        ("IG at 4/255:accuracy<0.5", "IG at 4/255 has no 'accuracy'"),
        ("PGD at 3/255:accuracy<0.5", "has no 'PGD at 3/255'; it has natural, PGD at 4/255"),
        ("kendall<baseline", "no baseline to compare with"),
    ],
)
def test_what_no_report_has_is_refused(text, words):
    with pytest.raises(InputError, match=words):
        failed(text)


def test_a_file_that_is_no_report_is_refused(tmp_path):
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(REPORT))
    assert read_report(str(path)) == REPORT
    for text in ("", "[]", "{}", '{"summary": {}}', '{"summary": 3, "eps_of_verdict": 0.1}'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"is no audit.json"):
            read_report(str(path))
    with pytest.raises(InputError, match="cannot be read"):
        read_report(str(tmp_path / "other.json"))


if __name__ == "__main__":
    run_tests(__file__)

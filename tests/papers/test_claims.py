"""Claims and their verdicts: closed forms of differences, what an interval decides, a comparison made by hand."""

import json
import os

import numpy as np
import pytest

from flags.recipe_flags import name_of
from tests.helpers import ROOT, run_tests
from tests.papers.made import compared
from tfrobust.errors import InputError
from tfrobust.papers.claims import (
    ALIKE,
    APART,
    COLUMNS,
    DOES_NOT_HOLD,
    HOLDS,
    OPEN,
    SAME_TIME,
    Claim,
    Difference,
    difference,
    papers_claims,
    read_claims,
)
from tfrobust.papers.verdicts import judge, judge_all


def of_seeds(*scores):
    """The scores of seeds 0, 1 and so on."""
    return dict(enumerate(scores))


def around(mean, half) -> Difference:
    return Difference(mean, mean - half, mean + half, 3, 100)


def test_a_constant_difference_has_an_interval_without_width():
    one = of_seeds({i: 0.1 * i for i in range(9)}, {i: 0.3 for i in range(9)})
    other = {seed: {i: value - 0.25 for i, value in own.items()} for seed, own in one.items()}
    found = difference(one, other)
    assert found == pytest.approx((0.25, 0.25, 0.25, 2, 18))
    assert difference(other, one).mean == pytest.approx(-0.25) and difference(one, one)[:3] == (0, 0, 0)


def test_only_images_that_both_have_count():
    found = difference(of_seeds({1: 1.0, 2: 5.0}, {7: 1.0}), of_seeds({1: 0.5, 3: 9.0}, {8: 1.0}))
    assert found == (0.5, 0.5, 0.5, 1, 1)
    assert difference(of_seeds({1: 1.0}), of_seeds({2: 1.0})) is None and difference({}, {}) is None


def test_seeds_are_paired_by_their_number():
    """Two evaluations of a comparison may have been asked for other seeds, or in another order."""
    one, other = {"0": {1: 1.0}, "2": {1: 5.0}}, {"2": {1: 4.5}, "1": {1: 0.0}}
    assert difference(one, other) == (0.5, 0.5, 0.5, 1, 1)
    assert difference({"0": {1: 1.0}}, {"1": {1: 1.0}}) is None


def test_the_interval_is_that_of_the_mean_and_widens_where_seeds_differ():
    draw = np.random.RandomState(1)
    values = draw.randn(200)
    zeros = dict.fromkeys(range(200), 0.0)
    one_seed = difference(of_seeds(dict(enumerate(values))), of_seeds(zeros))
    half = 1.96 * values.std() / np.sqrt(200)
    assert one_seed.mean == pytest.approx(values.mean())
    assert one_seed.high - one_seed.mean == pytest.approx(half, rel=0.1)
    seeds = of_seeds(*(dict(enumerate(values + shift)) for shift in (-1.0, 0.0, 1.0)))
    three = difference(seeds, of_seeds(zeros, zeros, zeros))
    assert three.mean == pytest.approx(values.mean()) and three.high - three.mean > 4 * half


@pytest.mark.parametrize(
    "claim, found, verdict",
    [
        ({}, around(0.2, 0.1), HOLDS),
        ({}, around(-0.2, 0.1), DOES_NOT_HOLD),
        ({}, around(0.05, 0.1), OPEN),
        ({}, around(0.0, 0.0), OPEN),
        ({"margin": 0.15}, around(0.2, 0.1), OPEN),
        ({"margin": -0.3}, around(-0.1, 0.1), HOLDS),
        ({"margin": -0.05}, around(-0.2, 0.1), DOES_NOT_HOLD),
        ({"relation": ALIKE, "margin": 0.1}, around(0.02, 0.05), HOLDS),
        ({"relation": ALIKE, "margin": 0.1}, around(0.08, 0.05), OPEN),
        ({"relation": ALIKE, "margin": 0.1}, around(-0.3, 0.05), DOES_NOT_HOLD),
        ({"relation": ALIKE, "margin": 0.1}, around(0.3, 0.05), DOES_NOT_HOLD),
        ({"relation": APART, "margin": 0.1}, around(0.3, 0.05), HOLDS),
        ({"relation": APART, "margin": 0.1}, around(-0.3, 0.05), HOLDS),
        ({"relation": APART, "margin": 0.1}, around(0.08, 0.05), OPEN),
        ({"relation": APART, "margin": 0.1}, around(0.02, 0.05), DOES_NOT_HOLD),
    ],
)
def test_the_whole_interval_decides(claim, found, verdict):
    assert Claim("rar", "a sentence", "a", "b", "kendall", **claim).verdict(found) == verdict


@pytest.mark.parametrize(
    "wrong", [{"relation": "below"}, {"relation": ALIKE}, {"relation": APART}, {"relation": ALIKE, "margin": -1.0}]
)
def test_a_claim_that_says_nothing_is_refused(wrong):
    with pytest.raises(InputError):
        Claim("rar", "a sentence", "a", "b", "kendall", **wrong)


def test_files_of_claims_are_read_and_others_refused_in_one_line(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(",".join(COLUMNS) + "\n,mine holds,mine,madry,kendall,,,\n,alike,a,b,natural,alike,0.1,x/y\n")
    first, second = read_claims(str(path))
    assert first == Claim("", "mine holds", "mine", "madry", "kendall")
    assert (second.relation, second.margin, second.evaluation) == (ALIKE, 0.1, "x/y")
    for text, words in (("paper,claim\n", "columns"), (",".join(COLUMNS) + "\n,c,a,b,kendall,,much,\n", "much")):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            read_claims(str(path))
    with pytest.raises(InputError, match="no claims at"):
        read_claims(str(tmp_path / "none.csv"))


def test_every_claim_of_the_papers_is_about_rows_that_are_there():
    rows = {name_of(name) for name in os.listdir(os.path.join(ROOT, "flags", "cross", "mnist"))}
    for claim in papers_claims():
        assert claim.row in rows and claim.than in {*rows, SAME_TIME}, claim
        assert claim.claim == claim.claim.strip() and claim.measure in (
            "natural",
            "adversarial",
            "kendall",
            "top_k_intersection",
            "step_cost",
        )
    assert {claim.paper for claim in papers_claims()} == {"rar", "art", "er", "far", "sat", ""}
    assert len(set(papers_claims())) == len(papers_claims())


def test_verdicts_on_a_comparison_by_both_rulers(tmp_path):
    scores = {"a": (0.6, 0.2, 4, 3.0), "b": (0.4, 0.3, 1, 1.0), "b, time of a": (0.5, 0.1, 2, 1.0)}
    compared(tmp_path, "one", scores, beside={"a": "b, time of a"})
    compared(tmp_path, "other", {"a": (0.1, 0.1, 4, 3.0)})
    said = [("a", "b", "kendall"), ("a", SAME_TIME, "kendall"), ("a", "b", "adversarial"), ("b", "a", "step_cost")]
    claims = [Claim("", " > ".join(each), *each) for each in said]
    claims += [Claim("", "the other evaluation is lower", "a", "a", "kendall", evaluation="one/other")]
    claims += [
        Claim("", "not there", "c", "b", "kendall"),
        Claim("", "nor that", "a", "b", "kendall", evaluation="none"),
    ]
    claims += [Claim("", "not measured", "a", "b", "spearman"), Claim("", "no control of b", "b", SAME_TIME, "kendall")]
    maps, time, accuracy, cost, other, unmeasured = judge(claims, str(tmp_path), "one")
    assert maps["dataset"] == "mnist" and maps["attack"]["mean"] == pytest.approx(0.2)
    assert (maps["attack_verdict"], maps["auto_verdict"]) == (HOLDS, DOES_NOT_HOLD)
    assert maps["auto"] == pytest.approx({"mean": -0.1, "low": -0.1, "high": -0.1, "seeds": 2, "images": 8})
    assert time["than"] == "b, time of a" and time["auto"]["mean"] == pytest.approx(0.1)
    assert accuracy["attack"]["mean"] == pytest.approx(0.75) and accuracy["attack_verdict"] == HOLDS
    assert accuracy["auto"]["mean"] == pytest.approx(0.75) and accuracy["auto_verdict"] == HOLDS
    assert "auto" not in cost and cost["attack"]["mean"] == -2 and cost["attack_verdict"] == DOES_NOT_HOLD
    assert other["attack"]["mean"] == pytest.approx(0.5) and other["auto_verdict"] == HOLDS
    assert unmeasured["attack"] is None and unmeasured["auto_verdict"] is None


def test_accuracies_may_be_decided_by_an_evaluation_of_their_own(tmp_path):
    """By that of --name where a comparison has none."""
    compared(tmp_path / "both", "one", {"a": (0.6, 0.2, 4, 3.0), "b": (0.4, 0.3, 1, 1.0)})
    compared(tmp_path / "both", "more", {"a": (0.0, 0.0, 3, 3.0), "b": (0.0, 0.0, 2, 1.0)})
    compared(tmp_path / "alone", "one", {"a": (0.6, 0.2, 4, 3.0), "b": (0.4, 0.3, 1, 1.0)})
    claims = [Claim("", "a resists", "a", "b", "adversarial"), Claim("", "a is still", "a", "b", "kendall")]
    for folder, resists in (("both", 0.25), ("alone", 0.75)):
        accuracy, maps = judge(claims, str(tmp_path / folder), "one", "more")
        assert accuracy["attack"]["mean"] == pytest.approx(resists) == accuracy["auto"]["mean"]
        assert maps["attack"]["mean"] == pytest.approx(0.2)


def test_of_two_comparisons_on_one_data_set_that_of_more_images_counts(tmp_path):
    """The order of the lines is that of the claims."""
    scores = {"a": (0.6, 0.2, 4, 3.0), "b": (0.4, 0.3, 1, 1.0)}
    compared(tmp_path / "whole", "one", scores)
    compared(tmp_path / "part", "one", {"a": (0.5, 0.2, 4, 3.0), "b": (0.4, 0.3, 1, 1.0), "c": (0.1, 0.1, 1, 1.0)})
    path = tmp_path / "part" / "one.json"
    part = json.loads(path.read_text())
    part["about"]["seeds"] = ["0"]
    path.write_text(json.dumps(part))
    claims = [Claim("", "c is worse", "b", "c", "kendall"), Claim("", "a is better", "a", "b", "kendall")]
    for folders in (("whole", "part"), ("part", "whole")):
        first, second = judge_all(claims, [str(tmp_path / folder) for folder in folders], "one")
        assert (first["claim"], first["attack"]["images"]) == ("c is worse", 4)
        assert second["attack"]["images"] == 8 and second["attack"]["mean"] == pytest.approx(0.2)


def test_a_comparison_that_is_not_there_or_not_whole_says_so(tmp_path):
    claims = [Claim("", "c", "a", "b", "kendall")]
    with pytest.raises(InputError, match="no comparison 'one'"):
        judge(claims, str(tmp_path), "one")
    (tmp_path / "one.json").write_text("[1]")
    with pytest.raises(InputError, match="not the file of a comparison"):
        judge(claims, str(tmp_path), "one")
    compared(tmp_path, "one", {"a": (0.6, 0.2, 4, 3.0), "b": (0.4, 0.3, 1, 1.0)})
    (tmp_path / "seed1" / "b" / "one.json").unlink()
    with pytest.raises(InputError, match="the evaluation of b, seed 1, is not at"):
        judge(claims, str(tmp_path), "one")


if __name__ == "__main__":
    run_tests(__file__)

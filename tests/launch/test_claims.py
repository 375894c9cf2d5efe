"""launch.claims as people call it, on what launch.compare leaves."""

import csv
import json

import numpy as np
import pytest

from launch import claims, compare
from tests.helpers import ROOT, hurry_costs, run_tests, without_graphs
from tests.shallow import be_shallow
from tfrobust import report
from tfrobust.experiments.comparison_scores import ComparisonScores
from tfrobust.papers.claims import COLUMNS, papers_claims

SHORT = ["--eps=0.3", "--pgd_steps=1", "--pgd_step_size=0.1", "--ifia_steps=1", "--ifia_step_size=0.1", "--ifia_k=8"]
SHORT += ["--map_k=8", "--map_steps=2", "--dataset=digits", "--examples=30", "--attribution_examples=4", "--seeds=0,1"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The folder of a comparison of two rows and two seeds."""
    folder = tmp_path_factory.mktemp("compared")
    madry = tmp_path_factory.mktemp("rows") / "madry.flags"
    madry.write_text("--flagfile=flags/demo/madry.flags\n--attack_steps=1\n")
    with pytest.MonkeyPatch.context() as patch, without_graphs():
        patch.chdir(ROOT)
        hurry_costs(patch)
        be_shallow(patch.setattr)
        for name in ("draw_intervals", "draw_pages"):  # The pictures of a comparison are not looked at here.
            patch.setattr(report, name, lambda *given: None)
        short = [
            "--nocontrols",
            "--autoattack_version=quick",
            "--overrides=--steps=3",
            f"--rows=flags/demo/natural.flags,{madry}",
            f"--output={folder}",
        ]
        assert compare.main(["compare", *SHORT, *short]) == 0
    return folder


def test_scores_of_images_are_those_of_the_table(compared):
    found = ComparisonScores(str(compared), "comparison")
    lines = json.loads((compared / "comparison.json").read_text())["about"]["runs"]
    assert found.dataset == "digits" and "natural" in found and "art" not in found and found.beside("natural") is None
    columns = {("natural",): "natural_accuracy", ("kendall",): "kendall"}
    columns |= {("adversarial",): "adversarial_accuracy", ("adversarial", "auto"): "autoattack_accuracy"}
    for row in ("natural", "madry"):
        for asked, column in columns.items():
            means = [np.mean(list(own.values())) for own in found.of(row, *asked).values()]
            assert means == pytest.approx([line[column] for line in lines[row]])
        assert {seed: len(own) for seed, own in found.of(row, "natural").items()} == {"0": 30, "1": 30}
        assert found.of(row, "kendall", "auto") == {"0": {}, "1": {}}
        assert list(found.of(row, "step_cost").values()) == [{0: line["cost"]} for line in lines[row]]
        assert all(line["autoattack_accuracy"] <= line["adversarial_accuracy"] for line in lines[row])


def test_verdicts_are_shown_and_written(compared, tmp_path, capsys):
    own = tmp_path / "own.csv"
    lines = [",Madry is less accurate,natural,madry,natural,,-1,", ",Its maps are stiller,madry,natural,kendall,,,"]
    own.write_text("\n".join([",".join(COLUMNS), *lines, ",Not compared,art,madry,kendall,,,"]) + "\n")
    assert claims.main(["claims", f"--runs={compared}", f"--claims={own}", f"--output={tmp_path}/out"]) == 0
    said = capsys.readouterr().out
    assert "3 claims, 2 verdicts" in said and "Not compared" not in said
    with open(tmp_path / "out" / "claims.csv", encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert first["attack_verdict"] == "holds" and not second.get("auto_verdict")
    kept = json.loads((tmp_path / "out" / "claims.json").read_text())["about"]["lines"]
    found = ComparisonScores(str(compared), "comparison")
    pairs = [
        one[i] - two[i]
        for one, two in zip(found.of("madry", "kendall").values(), found.of("natural", "kendall").values())
        for i in one.keys() & two.keys()
    ]
    assert kept[1]["attack"]["mean"] == pytest.approx(np.mean(pairs)) and kept[1]["attack"]["images"] == len(pairs)
    assert (tmp_path / "out" / "claims.md").read_text() in said
    assert (tmp_path / "out" / "claims.png").read_bytes()[:4] == b"\x89PNG" and ".png" in said


def test_the_papers_claims_are_asked_unless_others_are_given(compared, tmp_path, capsys):
    assert claims.main(["claims", f"--runs={compared}", f"--output={tmp_path}/out"]) == 0
    said = capsys.readouterr().out  # Every claim of theirs has another row than these two, or another evaluation.
    assert not (tmp_path / "out" / "claims.png").exists()
    assert f"{len(papers_claims())} claims, 0 verdicts" in said and "no claim has its rows" in said


@pytest.mark.parametrize("flags, words", [(["--runs="], "at least one folder"), (["--runs=none"], "no comparison")])
def test_what_cannot_be_judged_is_refused_in_one_line(flags, words, tmp_path, capsys):
    assert claims.main(["claims", *flags, f"--output={tmp_path}/out"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("claims: ") and words in said


if __name__ == "__main__":
    run_tests(__file__)

"""The verdicts of docs/results/claims.md follow from the records beside it."""

import csv
import os
import tarfile

import pytest

from launch import claims
from tests.helpers import ROOT, run_tests
from tfrobust import report

RESULTS = os.path.join(ROOT, "docs", "results")
FOLDERS = [f"{kind}_{dataset}" for dataset in ("mnist", "fashion_mnist") for kind in ("cross", "variants")]
FOLDERS += ["beyond_mnist", "cross_gtsrb"]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """The lines of claims.csv, made from the records."""
    folder = tmp_path_factory.mktemp("claims")
    with tarfile.open(os.path.join(RESULTS, "cross_records.tar.xz")) as records:
        records.extractall(folder, filter="data")
    runs = ",".join(str(folder / "runs" / name) for name in FOLDERS)
    flags = ["--name=two", "--accuracies_name=predictions", f"--runs={runs}", f"--output={folder}/claims"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "draw_intervals", lambda *_: None)
        assert claims.main(["claims", *flags]) == 0
    return lines(folder / "claims" / "claims.csv")


def lines(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_records_give_the_verdicts_of_the_page(judged):
    assert judged == lines(os.path.join(RESULTS, "claims.csv"))


def test_every_verdict_of_the_table_is_on_the_page(judged):
    with open(os.path.join(RESULTS, "claims.md"), encoding="utf-8") as file:
        page = file.read()
    for line in judged:
        for ruler in ("attack", "auto"):
            if line[ruler]:
                found = line[ruler].removeprefix("'")  # So written that no spreadsheet takes it for a formula.
                assert f"**{line[f'{ruler}_verdict']}** {found}" in page, line
        assert f"| {line['claim']} |" in page


if __name__ == "__main__":
    run_tests(__file__)

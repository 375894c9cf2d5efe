"""Reported beside measured: every form of the table says the same."""

import csv

import pytest

from tests.helpers import run_tests
from tfrobust.papers.paper_table import Cell, joined, write_paper_table
from tfrobust.papers.reported import paper_rows, reported_numbers, row_of, training_part

CELLS = [
    Cell("madry & co_1", "PGD <40>", "percent", 92.47, 0.9, 0.88, 0.92),
    Cell("madry & co_1", "kendall", "fraction", 0.2422, None),
    Cell("natural", "PGD <40>", "percent", None, 0.125, 0.1, 0.2),
]
LINES = [{"network": "madry & co_1", "steps": 1000, "seconds": 3.2, "note": ""}, {"network": "natural", "note": "why"}]


def test_a_cell_is_in_the_unit_that_was_printed():
    assert [cell.text() for cell in CELLS] == ["92.47 / 90.00 (-2.47)", "0.2422 / -", "- / 12.50"]
    assert CELLS[0].as_dict()["difference"] == pytest.approx(-2.47)
    assert CELLS[0].as_dict()["low"] == pytest.approx(88) and CELLS[1].as_dict()["difference"] is None


def test_cells_of_several_seeds_are_mean_and_spread():
    own = [CELLS[0]._replace(measured=value) for value in (0.9, 0.8, 0.85)]
    cell = joined(own)
    assert cell.text() == "92.47 / 85.00 ± 5.00 (-7.47)" and (cell.low, cell.high) == (0.8, 0.9)
    assert cell.as_dict()["spread"] == pytest.approx(5) and cell.as_dict()["values"] == pytest.approx([90, 80, 85])
    assert joined([CELLS[1], CELLS[1]]) == CELLS[1]


def test_all_forms_are_written_and_escaped(tmp_path):
    path = str(tmp_path / "tables" / "t")
    table = write_paper_table(path, "A < B", LINES, CELLS, notes=["note & note"], about={"commit": "x"})
    assert "92.47 / 90.00 (-2.47)" in table and "1,000" in table
    texts = {e: (tmp_path / "tables" / f"t.{e}").read_text() for e in ("md", "tex", "html", "csv", "json")}
    assert table in texts["md"] and "note & note" in texts["md"]
    assert r"madry \& co\_1" in texts["tex"] and r"\begin{tabular}" in texts["tex"]
    assert "madry &amp; co_1" in texts["html"] and "PGD &lt;40&gt;" in texts["html"] and "A &lt; B" in texts["html"]
    rows = list(csv.DictReader(texts["csv"].splitlines()))
    assert len(rows) == 3 and float(rows[0]["measured"]) == pytest.approx(90) and rows[1]["measured"] == ""
    assert rows[0]["steps"] == "1000"


def test_the_reported_numbers_are_whole_and_belong_to_rows():
    numbers, known = reported_numbers(), {tuple(row[:6]) for row in paper_rows()}
    assert len(numbers) == 1423 and {n.paper for n in numbers} == {"rar", "art", "er", "far", "sat"}
    assert all(row_of(n) in known for n in numbers)
    first = next(n for n in numbers if (n.paper, n.table, n.metric) == ("rar", "T2", "kendall"))
    assert (first.dataset, first.method, first.value, first.unit) == ("mnist", "natural", 0.1758, "fraction")


def test_a_variant_loses_what_is_no_training():
    assert training_part("lambda=1; m_attack=10; m_grad=10") == "lambda=1; m_attack=10; m_grad=10"
    assert training_part("PGD-5; attack=PGD-5; eps=1/255") == "PGD-5"
    assert training_part("attack=PGD-5; eps=1/255") == ""
    assert training_part("PGD-10; perturbation created on ART model") == "PGD-10"


if __name__ == "__main__":
    run_tests(__file__)

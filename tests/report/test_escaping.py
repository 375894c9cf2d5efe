"""Names from outside are shown as they are, and do nothing where they are shown."""

import csv
import io
import re

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust import report
from tfrobust.papers.paper_table import Cell, write_paper_table
from tfrobust.report import escaping

NAMES = {
    "escape": "a\x1b[2Jb",
    "bell and backspace": "a\x07\x08b",
    "the other end of control": "a\x9b31mb",
    "right to left": "a\u202etxt.exe",
    "isolate": "a\u2066b\u2069",
    "zero width": "a\u200bb",
    "line separator": "a\u2028b",
    "surrogate": "a\udc80b",
    "new line": "a\n| b | c |\n",
    "carriage return": "good\rbad",
    "cell": "a | b",
    "html": "<script>alert(1)</script>",
    "attribute": '" onload="x',
    "code": "a `rm -rf` b",
    "link": "[click](http://example.org)",
    "picture": "![x](http://example.org/x.png)",
    "formula": "=1+1",
    "plus": "+1+1",
    "minus": "-1+1",
    "at": "@SUM(A1)",
    "spaced formula": "  =1+1",
    "tab and formula": "\t=1+1",
    "return and formula": "\r=1+1",
    "mathematics": "$\\frac{1}{$ of $",
    "one dollar": "5 $",
    "latex": "\\input{/etc/passwd} & % #",
}
COLUMNS = (report.Column("network", "network"), report.Column("share", "share", ".1%"))


def rows(name):
    return [{"network": name, "share": 0.5}]


def steers(text):
    return re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_table_of_markdown_keeps_its_shape(name):
    lines = report.markdown(rows(name), COLUMNS).split("\n")
    assert len(lines) == 4 and not lines[-1]
    assert all(len(re.split(r"(?<!\\)\|", line)) == 4 for line in lines[:-1])
    assert not steers("".join(lines)) and "<" not in "".join(lines) and "](" not in "".join(lines)
    assert not re.search(r"(?<!\\)`", lines[2])


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_spreadsheet_calculates_nothing(name, tmp_path):
    report.write_table(str(tmp_path), "t", rows(name), COLUMNS, {})
    ((_, (shown, share)),) = [list(csv.reader(io.StringIO((tmp_path / "t.csv").read_text())))]
    assert not shown.lstrip().startswith(("=", "+", "-", "@")) and not steers(shown) and share == "0.5"


def test_numbers_stay_numbers_in_a_spreadsheet(tmp_path):
    report.write_table(str(tmp_path), "t", [{"network": "a", "share": -0.25}], COLUMNS, {})
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "a,-0.25"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_page_has_no_element_and_no_control_character_of_a_name(name):
    page = report.html_page(name, [report.html_text(name), report.html_table(rows(name), COLUMNS)])
    page += (
        report.html_list([name]) + report.html_code(name) + report.html_details(name, "") + report.html_heading(name)
    )
    page += report.html_picture(lambda file: None, name)
    assert "<script" not in page and '" onload' not in page and not steers(page.replace("\t", ""))


def test_pictures_are_drawn_whatever_the_names_in_them(tmp_path):
    path, names, title = str(tmp_path / "p.png"), list(NAMES.values()), " ".join(NAMES.values())
    x, heat = np.zeros((1, 4, 4, 1)), np.zeros((1, 4, 4))
    report.draw_curves({name: [(0.0, 1.0, 1.0, 1.0)] for name in names}, path, title, title, title)
    # Those that stop a picture if nothing is done: more of them would take seconds to be laid out.
    names = [NAMES[name] for name in ("surrogate", "new line", "mathematics", "one dollar", "latex")]
    a, b, c, d, e = names  # What costs are axes: each name is in a picture once, and several are in one panel.
    report.draw_intervals({a: {b: {c: (0.0, 0.0, 0.0)}}, d: {e: {c: (0.0, 0.0, 0.0)}}}, path, title, title)
    report.draw_boxes({a: {b: [0.1, 0.2]}, c: {d: [0.1, 0.2], e: [0.1, 0.2]}}, path, title, title)
    pairs = ((a, b), (c, d), (e, a))
    panels = [report.Panel(name, x[0], heat[0], x[0], heat[0], said) for name, said in pairs]
    report.draw_panels(panels, path, title, 1)
    report.draw_grid({name: x[None] for name in names}, path, title)
    report.draw_found_boxes(x, np.zeros((1, 4)), {name: (heat, np.zeros((1, 4))) for name in names}, path)
    report.draw_found_masks(x, heat, {name: (heat, heat) for name in names}, path)
    with open(path, "rb") as file:
        assert file.read(4) == b"\x89PNG"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_table_of_a_paper_escapes_in_every_form(name, tmp_path):
    cells = [Cell(name, "natural", "percent", 50.0, 0.5)]
    path = str(tmp_path / "t")
    write_paper_table(path, name, [{"network": name, "note": name}], cells, notes=[name], about={})
    for ending in ("md", "tex", "html", "csv"):
        text = (tmp_path / f"t.{ending}").read_text()
        assert not steers(text)
        assert ending == "tex" or "<script" not in text or ending == "csv"
        assert ending != "md" or "](http" not in text
    assert "\\input" not in (tmp_path / "t.tex").read_text()


def test_ordinary_names_stay_as_they_are():
    for name in ("ig_norm", "madry, steps of ig_norm", "α < β".replace("<", "to"), "naïve 网络", "8/255", "a-b"):  # noqa: RUF001, meant.
        assert escaping.in_markdown(name) == escaping.in_csv(name) == escaping.in_html(name) == name
        assert escaping.in_picture(name) == name


if __name__ == "__main__":
    run_tests(__file__)

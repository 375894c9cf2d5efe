"""The board: one page of an index alone, the same bytes for the same index, plain without its script, escaped."""

import base64
import hashlib
import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.helpers import ROOT, run_tests
from tests.zoo import made
from tfrobust.report import sortable
from tfrobust.zoo import Index, Reported, board, board_page, fetch_index, read_index

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """The elements of a page, with their attributes; raises where they are not closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def named(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def index():
    return made.index()


@pytest.fixture(scope="module")
def page(index):
    return Page(board_page(index))


def test_the_same_index_gives_the_same_bytes(index):
    again = read_index(index.as_text().encode(), "there")
    assert board_page(again) == board_page(index)
    assert board_page(Index(index.networks[:1])) != board_page(index)


def test_the_board_of_the_docs_is_that_of_its_index():
    """Else: tfrobust zoo board --index=docs/zoo --output=docs/board.html."""
    with open(os.path.join(ROOT, "docs", "board.html"), encoding="utf-8") as file:
        assert file.read() == board_page(fetch_index(os.path.join(ROOT, "docs", "zoo")))


def test_the_table_is_whole_without_the_script(page, index):
    headings = [th for th in page.named("th") if th.get("scope") == "col"]
    columns = sum(len(group.columns) for group in board.GROUPS if "reported" not in group.heading)
    assert len(headings) == columns and all(th["aria-sort"] == "none" for th in headings)
    assert {th["data-kind"] for th in headings} == {"number", "text"}
    rows = [tr for tr in page.named("tr") if "data-dataset" in tr]
    assert len(rows) == len(index.networks) and all(
        set(row) == {f"data-{key}" for key in board.FILTERS} for row in rows
    )
    assert len([th for th in page.named("th") if th.get("scope") == "row"]) == len(rows)
    cells = [td for td in page.named("td", "th") if "data-value" in td]
    assert len(cells) == columns * len(rows)
    numbers = [td["data-value"] for td in cells if "number" in td.get("class", "")]
    assert all(value == "" or float(value) is not None for value in numbers) and any(numbers)


def test_columns_that_no_network_has_are_left_out(index, page):
    groups = [th for th in page.named("th") if th.get("scope") == "colgroup"]
    assert (
        len(groups) == len([group for group in board.GROUPS if group.heading]) - 1
    )  # No paper reports of these networks.
    reported = replace(index.networks[0], reported=[Reported("rar", "T2", "kendall", "ig", "", 0.25)])
    assert "reported by the paper" in board_page(Index((reported,)))
    assert "reported by the paper<" not in board_page(index)


def test_filters_hold_what_the_rows_have_and_are_hidden_until_the_script_runs(page):
    (form,) = page.named("form")
    assert "hidden" in form and {select["name"] for select in page.named("select")} == set(board.FILTERS)
    assert {option["value"] for option in page.named("option")} >= {
        "",
        "digits",
        "0.1",
        "integrated gradients",
        "madry",
    }


def test_it_asks_for_nothing_else_and_lets_no_other_script_run(page):
    assert not [element for element in page.elements if {"src", "href"} & set(element[1])]
    (policy,) = [meta["content"] for meta in page.named("meta") if meta.get("http-equiv")]
    digest = base64.b64encode(hashlib.sha256(sortable.SCRIPT.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'") and f"script-src 'sha256-{digest}'" in policy
    assert len(page.named("script")) == 1


def test_whatever_an_index_says_is_text(index):
    (record, *_), network = index.networks[0].evaluations, index.networks[0]
    tasks = {EVIL if task == "IFIA top-k" else task: own for task, own in record.suite["attributions"].items()}
    scores = {EVIL if task == "IFIA top-k" else task: own for task, own in record.scores.items()}
    kind = {**tasks[EVIL], "map": {"attribution": {"kind": EVIL}}}
    suite = {**record.suite, "attributions": {**tasks, EVIL: kind}}
    evil = replace(
        record, suite=suite, scores=scores, floor=[EVIL], data={**record.data, "name": EVIL}, versions={EVIL: EVIL}
    )
    network = replace(network, method=EVIL, dataset=EVIL, model=EVIL, evaluations=[evil])
    page = Page(board_page(Index((network,))))
    assert len(page.named("script")) == 1 and not page.named("img")
    assert any(EVIL in text for text in page.texts)  # Shown as it is, not run.
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_a_line_has_reported_measured_control_faithfulness_and_cost(index):
    network = index.named(made.NAME)
    number = Reported("rar", "T2", "kendall", "ig", "", 0.25)
    others = [replace(number, metric="adversarial_accuracy", attribution="", value=0.9)]
    others += [replace(number, table="T9", value=0.5), replace(number, attribution="gradient", value=0.75)]
    (line,) = board.network_rows(replace(network, reported=[number, *others]))
    scores = network.evaluations[0].scores
    assert line["reported_kendall"] == 0.25 and line["reported_attacked"] == 0.9
    for key, task, measure in (
        ("kendall", "IFIA top-k", "kendall"),
        ("auto_kendall", "auto", "kendall"),
        ("noise_top_k", "IFIA top-k", "noise_top_k_intersection"),
        ("attacked", "PGD", "accuracy"),
    ):
        own = scores[task][measure]
        assert line[key].by == own["mean"] and re.match(r"[\d.-]+%? \[[\d.-]+, [\d.-]+\]$", line[key].text)
    faithful = scores["faithfulness of integrated_gradients"]
    assert line["deletion"] == faithful["deletion"]["mean"] and line["step_cost"] == 2.0
    assert line["unmoved"] == scores["IFIA top-k"]["share_not_moved"] and line["images"] == 3


def test_autoattack_has_a_column_of_its_own(index):
    network = index.named(made.NAME)
    (record,) = network.evaluations
    assert board.network_rows(network)[0].get("autoattacked") is None
    strongest = {"accuracy": {"mean": 0.3, "low": 0.2, "high": 0.4}, "examples": 1}
    other = replace(record, name="more", scores={**record.scores, "AutoAttack": strongest})
    (line,) = board.network_rows(replace(network, evaluations=[record, other]))
    assert (line["autoattacked"].by, line["autoattacked"].text) == (0.3, "30.0% [20.0, 40.0]")
    assert line["attacked"].by == record.scores["PGD"]["accuracy"]["mean"]
    unmeasured = replace(other, scores={**record.scores, "AutoAttack": {"eps": 0.1}})
    assert board.network_rows(replace(network, evaluations=[unmeasured]))[0].get("autoattacked") is None


def test_of_two_evaluations_of_one_kind_that_of_more_images_counts(index):
    network = index.named(made.NAME)
    (record,) = network.evaluations
    task = record.scores["IFIA top-k"]
    more = {**task, "examples": 9, "kendall": {"mean": 0.123, "low": 0.1, "high": 0.2}}
    other = replace(record, name="more", scores={**record.scores, "IFIA top-k": more})
    for evaluations in ([record, other], [other, record]):
        (line,) = board.network_rows(replace(network, evaluations=evaluations))
        assert (line["kendall"].by, line["images"]) == (0.123, 9)


def test_another_eps_or_map_is_a_line_of_its_own(index):
    network = index.named(made.NAME)
    (record,) = network.evaluations
    scores = {**record.scores, "IFIA top-k": {**record.scores["IFIA top-k"], "eps": 8 / 255}}
    (first, second) = board.network_rows(replace(network, evaluations=[replace(record, scores=scores)]))
    assert [first["eps"].text, second["eps"].text] == ["8/255", "0.1"]
    assert first["kendall"] and "auto_kendall" not in first and second["auto_kendall"] and "kendall" not in second


@pytest.mark.parametrize(
    "eps, text", [(8 / 255, "8/255"), (0.3, "0.3"), (1 / 255, "1/255"), (0.0, "0"), (0.25, "0.25")]
)
def test_eps_is_written_as_people_write_it(eps, text):
    assert board.eps_text(eps) == text


if __name__ == "__main__":
    run_tests(__file__)

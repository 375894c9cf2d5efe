"""The tables of docs/papers/: no number without a source."""

import os
import re

import pytest

from tests.docs.pages import pages, text_of
from tests.helpers import run_tests
from tfrobust.papers.reported import reported_numbers

PAPERS = [page for page in pages() if page.startswith("docs/papers/") and "README" not in page]
RESULTS = [page for page in pages() if page.startswith("docs/results/")]


def numbers(text):
    """The decimals in a text; whole numbers say steps and eps."""
    return {round(float(n), 6) for n in re.findall(r"(?<![\w.])\d+\.\d+", text)}


def columns(page):
    """(heading, text of a cell) of all tables under "Reported and measured"."""
    section = text_of(page).split("## Reported and measured")[1].split("\n## ")[0]
    for table in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        head, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
        assert all(len(line) == len(head) for line in lines), head
        yield from ((name, cell) for line in lines for name, cell in zip(head, line))


def test_every_paper_has_its_page():
    assert {os.path.basename(page).removesuffix(".md") for page in PAPERS} == {n.paper for n in reported_numbers()}


@pytest.mark.parametrize("page", PAPERS)
def test_reported_numbers_are_the_papers_and_measured_ones_those_of_the_results(page):
    paper = os.path.basename(page).removesuffix(".md")
    printed = {round(n.value, 6) for n in reported_numbers() if n.paper == paper}
    results = numbers("".join(map(text_of, RESULTS)))
    seen = 0
    for heading, cell in columns(page):
        for n in numbers(cell):
            seen += 1
            own = n in printed
            assert own if "reported" in heading else own or n in results or round(n / 100, 6) in results, cell
    assert seen > 20


if __name__ == "__main__":
    run_tests(__file__)

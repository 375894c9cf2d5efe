"""The pages of docs/: no dead link; and of docs/papers/: no flag that no verb has, and no number without a source."""

import glob
import os
import re

import pytest

from launch import downstream, evaluate, reproduce, train
from tests.helpers import ROOT, run_tests
from tfrobust.report import reported

VERBS = {"downstream": downstream, "evaluate": evaluate, "reproduce": reproduce, "train": train}
PAGES = sorted(glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True))
PAPERS = [page for page in PAGES if os.path.basename(os.path.dirname(page)) == "papers" and "README" not in page]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def numbers(text):
    """The decimals in a text; whole numbers say steps and eps."""
    return {round(float(n), 6) for n in re.findall(r"(?<![\w.])\d+\.\d+", text)}


def columns(page):
    """(heading, text of a cell) of all tables under "Reported and measured"."""
    section = read(page).split("## Reported and measured")[1].split("\n## ")[0]
    for table in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        head, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
        assert all(len(line) == len(head) for line in lines), head
        yield from ((name, cell) for line in lines for name, cell in zip(head, line))


@pytest.mark.parametrize("page", [os.path.join(ROOT, "README.md"), *PAGES], ids=os.path.basename)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", read(page)):
        if not target.startswith("http"):
            assert os.path.exists(os.path.join(os.path.dirname(page), target)), target


@pytest.mark.parametrize("page", PAPERS, ids=os.path.basename)
def test_reported_numbers_are_the_papers_and_measured_ones_those_of_the_results(page):
    paper = os.path.basename(page).removesuffix(".md")
    printed = {round(n.value, 6) for n in reported() if n.paper == paper}
    results = numbers("".join(read(path) for path in glob.glob(os.path.join(ROOT, "docs", "results", "*.md"))))
    seen = 0
    for heading, cell in columns(page):
        for n in numbers(cell):
            seen += 1
            own = n in printed
            assert own if "reported" in heading else own or n in results or round(n / 100, 6) in results, cell
    assert seen > 20


@pytest.mark.parametrize("page", PAPERS, ids=os.path.basename)
def test_every_flag_and_every_file_named_is_there(page, capsys):
    for name, verb in VERBS.items():
        assert verb.main([name, "--help"]) == 0
    known = set(re.findall(r"^\s+--(?:\[no\])?(\w+)", capsys.readouterr().out, re.MULTILINE)) | {"flagfile"}
    text = read(page)
    named = set(re.findall(r"--(\w+)(?=[\s=`,;)])", text))
    assert len(named) > 10 and not {flag for flag in named if not {flag, flag.removeprefix("no")} & known}
    for path in re.findall(r"(?:tfrobust|flags|tests)/[\w/]+\.(?:py|flags)", text):
        assert os.path.exists(os.path.join(ROOT, path)), path


if __name__ == "__main__":
    run_tests(__file__)

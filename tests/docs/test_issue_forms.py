"""The forms for issues are forms, and what they tell people to run or read is there."""

import os
import re

import pytest
import yaml

from tests.helpers import ROOT, run_tests

FOLDER = os.path.join(ROOT, ".github", "ISSUE_TEMPLATE")
KINDS = {"markdown", "textarea", "input", "checkboxes"}
FORMS = sorted(name for name in os.listdir(FOLDER) if name != "config.yml")


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_asks_each_thing_once(name):
    form = read(name)
    assert set(form) == {"name", "description", "labels", "body"}
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert {part["type"] for part in form["body"]} <= KINDS and all(part["attributes"] for part in form["body"])
    ids = [part["id"] for part in asked]
    assert len(set(ids)) == len(ids) >= 4 and all(part["attributes"]["label"] for part in asked)


@pytest.mark.parametrize("name", FORMS)
def test_what_a_form_names_is_there(name):
    text = str(read(name))
    assert all(os.path.exists(os.path.join(ROOT, path)) for path in re.findall(r"docs/\w+\.md", text))
    for code in re.findall(r'python -c "(.*?)"', text):
        exec(code, {})


def test_there_is_a_form_for_each_of_the_three():
    assert FORMS == ["bug.yml", "refused_network.yml", "wrong_measure.yml"]
    assert read("config.yml") == {"blank_issues_enabled": True}


if __name__ == "__main__":
    run_tests(__file__)

"""What the pages name is there: links, files, flagfiles, verbs, flags, names of the library."""

import glob
import importlib
import os
import re

import pytest

from launch.command_line import verb
from tests.docs.pages import blocks, pages, text_of
from tests.helpers import ROOT, run_tests

LINK = re.compile(r"\]\(([^)\s]+)\)")
# A path from the root of the repository; <NAME>, NAME and * stand for any.
PATH = re.compile(r"(?<![\w/.<-])((?:docs|flags|tests|launch|tfrobust|\.ci)/(?:[\w./*-]|<[^>\n]*>)*)")
VERBS = [os.path.basename(path)[:-3] for path in glob.glob(os.path.join(ROOT, "launch", "*.py"))]
OTHERS_FLAGS = {
    "flagfile": "every verb",
    "help": "every verb",
    "model_base_path": "TensorFlow Serving",
    "test_env": "Bazel",
}


def anchors(page):
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.M)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def in_prose(page):
    """What stands between backticks outside the blocks."""
    text = re.sub(r"^ *```.*?^ *```$", "", text_of(page), flags=re.M | re.S)
    return re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", text)


@pytest.fixture(scope="module")
def known_flags():
    """The flags of all verbs."""
    found, run = set(), verb.run
    try:
        verb.run = lambda name, doc, rooms, body, argv, check=None: found.update(*(flags_of(room) for room in rooms))
        for name in VERBS:
            main = getattr(importlib.import_module(f"launch.{name}"), "main", None)
            if main is not None:
                main([name])
    finally:
        verb.run = run
    return found | {f"no{name}" for name in found} | set(OTHERS_FLAGS)


def flags_of(room):
    from absl import flags

    fv = flags.FlagValues()
    room(fv)
    return list(fv)


@pytest.mark.parametrize("page", pages())
def test_the_links_of_a_page_lead_somewhere(page):
    here = os.path.dirname(page)
    for link in LINK.findall(text_of(page)):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(here, path)) if path else page
            assert os.path.exists(os.path.join(ROOT, target)), f"{page} links to {link}"
            assert not anchor or anchor in anchors(target), f"{page} links to {link}: no such heading"


@pytest.mark.parametrize("page", pages())
def test_the_files_that_a_page_names_are_there(page):
    made = {path for block in blocks(page) for path in re.findall(r"\A(?:# |--- )(\S+)$", block.text, re.M)}
    for path in PATH.findall(text_of(page)):
        path = path.rstrip(".-")
        pattern = re.sub(r"<[^>]*>|\b[A-Z]{2,}\b(?!\.md)", "*", path)
        assert path in made or glob.glob(os.path.join(ROOT, pattern)), f"{page} names {path}"


@pytest.mark.parametrize("page", pages())
def test_the_verbs_and_names_that_a_page_names_are_there(page):
    for name in re.findall(r"\blaunch\.(\w+)", text_of(page)):
        own = f"# launch/{name}.py\n" in text_of(page)  # Of an example.
        assert own or name in VERBS or name in ("VERB", "X", "command_line"), f"{page} names launch.{name}"
    for name in re.findall(r"^tfrobust((?:\.\w+)+)", "\n".join(in_prose(page)), re.M):
        value = importlib.import_module("tfrobust")
        for part in name[1:].split("."):
            if not hasattr(value, part):
                importlib.import_module(f"{value.__name__}.{part}")
            value = getattr(value, part)


@pytest.mark.parametrize("page", pages())
def test_the_flags_that_a_page_names_are_those_of_a_verb(page, known_flags):
    for span in in_prose(page):
        for name, more in re.findall(r"(?<![\w-])--([a-z]\w*)(\*|\.\.\.)?", span):
            found = any(flag.startswith(name) for flag in known_flags) if more else name in known_flags
            assert found, f"{page} names --{name}{more}"


if __name__ == "__main__":
    run_tests(__file__)

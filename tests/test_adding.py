"""docs/adding.md does what it says: its blocks are written into a copy of the repository, where its commands run."""

import os
import re
import shutil

import pytest

from tests import processes
from tests.helpers import ROOT, run_tests

FOLDERS = ("flags", "launch", "tests", "tfrobust")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# One process for all commands; each is an argument.
RUN = """
import importlib, os, runpy, shlex, sys
import pytest
import tests.helpers
from launch import single_evaluation
single_evaluation.report.draw_panels = lambda *_: None
for line in sys.argv[1:]:
    python, *argv = shlex.split(line)
    print("$", line, flush=True)
    if argv[:2] == ["-m", "pytest"]:
        # To write assertions anew and to load what these tests don't need takes longer than they do.
        status = pytest.main([*argv[2:], "--assert=plain", "-p", "no:hypothesispytest", "-p", "no:cacheprovider"])
    elif argv[0] == "-m":
        verb = argv[1].removeprefix("launch.")
        with tests.helpers.without_graphs():  # Their few steps are over before a graph would be traced.
            status = importlib.import_module(f"launch.{verb}").main([verb, *argv[2:]])
    else:
        status = 0 if runpy.run_path(argv[0]) else 1
    if status:
        sys.exit(f"{line}: {status}")
sys.stdout.flush()
os._exit(0)  # TensorFlow would take as long again to give back what it holds.
"""


@pytest.fixture(scope="module")
def page():
    """(language, text) of each block, in order."""
    with open(os.path.join(ROOT, "docs", "adding.md"), encoding="utf-8") as file:
        return BLOCK.findall(file.read())


@pytest.fixture(scope="module")
def copy(page, tmp_path_factory):
    """A copy of the repository in which the recipes were followed."""
    root = tmp_path_factory.mktemp("repository")
    for folder in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(os.path.join(ROOT, folder), root / folder, ignore=ignored, copy_function=shutil.copyfile)
    shutil.copyfile(os.path.join(ROOT, "pyproject.toml"), root / "pyproject.toml")  # What is exhaustive is left out.
    for language, text in page:
        if language in ("python", "text"):
            path, body = re.fullmatch(r"# (\S+)\n(.*)", text, re.DOTALL).groups()
            assert not (root / path).exists(), f"{path} is there already"
            (root / path).write_text(body, encoding="utf-8")
        if language == "diff":
            path, hunks = re.fullmatch(r"--- (\S+)\n(.*)", text, re.DOTALL).groups()
            for hunk in hunks.split("@@\n"):
                change(root / path, hunk.splitlines(keepends=True))
    return root


def change(path, hunk):
    """Puts the lines of a hunk that begin with + or a blank into the place of those that begin with - or a blank."""
    before, after = ("".join(line[1:] or "\n" for line in hunk if line[0] in kinds) for kinds in (" -\n", " +\n"))
    text = path.read_text(encoding="utf-8")
    assert text.count("\n" + before) == 1, f"{path} has no such lines, or has them twice:\n{before}"
    path.write_text(text.replace("\n" + before, "\n" + after), encoding="utf-8")


def test_every_recipe_can_be_followed_and_its_tests_and_verbs_run(page, copy):
    lines = [line[2:] for language, text in page if language == "console" for line in text.splitlines()]
    assert sum("pytest" in line for line in lines) == 6 and sum("launch." in line for line in lines) >= 4
    run = processes.run(["-c", RUN, *lines], cwd=copy, timeout=900)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    counts = re.findall(r"(\d+) passed", run.stdout)
    assert len(counts) == 6 and min(map(int, counts)) > 0, run.stdout


if __name__ == "__main__":
    run_tests(__file__)

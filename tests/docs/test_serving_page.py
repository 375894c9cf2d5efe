"""docs/serving.md from its export to its last answer: the programs of others that it calls, on what it exports."""

import json
import os
import re
import sys

import numpy as np
import pytest

from launch import export
from tests import processes
from tests.docs.furnished import make_network
from tests.docs.pages import blocks, called, commands, typed
from tests.helpers import run_tests
from tests.serving.clients import Running, ask
from tfrobust.data import FACTS

PAGE = "docs/serving.md"
HERE = [command for command in commands() if PAGE in command.pages]
IMAGE = np.full(FACTS["digits"].shape, 0.5).tolist()
# A prompt with a command, a body as a comment behind it or below it, and the answer, cut where it says so.
CALL = re.compile(r"^\$ (?P<command>curl [^\n]*?)(?:\s+# (?P<body>\{[^\n]*\}))?\n(?P<answer>\{[^\n]*)$", re.M)
CALLS = [found for block in blocks(PAGE) if block.language == "console" for found in CALL.finditer(block.text)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder in which the page exported its model."""
    folder, here = tmp_path_factory.mktemp("serving"), os.getcwd()
    os.chdir(folder)
    try:
        (command,) = [command for command in HERE if command.verb == "export"]
        given = dict(word[2:].split("=", 1) for word in command.given)
        make_network(given["network"], FACTS["digits"])
        assert export.main(["export", *command.given, "--map_steps=2"]) == 0
    finally:
        os.chdir(here)
    return folder


@pytest.fixture(scope="module")
def server(folder):
    (command,) = [command for command in HERE if command.verb == "serve"]
    name, path = re.fullmatch(r"--model=(\w+)=(\S+)", command.given[0]).groups()
    with Running(f"--model={name}={folder / path}") as running:
        yield running


def shape_of(text):
    """The text of an answer with every number the same."""
    return re.sub(r"-?\d+\.\d+(e-?\d+)?", "NUMBER", text)


@pytest.mark.parametrize("found", CALLS, ids=lambda found: found["command"][:60])
def test_a_request_of_the_page_gets_the_answer_of_the_page(found, server):
    ((_, words),) = called(found["command"], PAGE)
    url, body = words[1].replace("localhost:8501", server.url), None
    if "-d" in words:
        given = words[words.index("-d") + 1]
        body = json.loads(re.sub(r"\bIMAGE\b", json.dumps(IMAGE), found["body"] if given[0] == "@" else given))
    _, answer = ask(url, body)
    printed, _, _cut = found["answer"].partition("...")
    got = shape_of(json.dumps(answer))
    assert got.startswith(shape_of(printed).rstrip(" ,")) and (
        bool(found["answer"].endswith("...")) or got == shape_of(printed)
    )


def test_every_request_of_the_page_is_one_of_these():
    typed_here = "".join(typed(block) for block in blocks(PAGE) if block.language == "console")
    assert len(CALLS) == len(called(typed_here, PAGE)) >= 4


def test_saved_model_cli_of_the_page_runs(folder):
    (command,) = [command for command in HERE if command.words[0] == "saved_model_cli"]
    np.savez(folder / "two.npz", x=np.float32([IMAGE, IMAGE]), y=np.int64([0, 7]))
    cli = os.path.join(os.path.dirname(sys.executable), "saved_model_cli")
    done = processes.run([cli, *command.words[1:]], cwd=folder)
    assert done.returncode == 0, done.stderr
    assert np.load(folder / command.words[-1] / "map.npy").shape == (2, 8, 8)


if __name__ == "__main__":
    run_tests(__file__)

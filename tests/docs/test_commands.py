"""Every command of README.md and docs/ runs, as it is written but for flags at its end that make it short; those all of
whose flags other commands give the verb, with other values, or tests of the verb, in the exhaustive tier."""

import contextlib
import importlib
import os
import re
import signal
import socket
import threading
import urllib.request

import pytest

from launch.command_line import verb
from tests.docs.furnished import furnish, spoken_out
from tests.docs.pages import OWN_TEST, Command, commands, pages
from tests.docs.shortened import ELSEWHERE, SHORT, different, hurry, is_of_several, is_sweep, repeated, short
from tests.helpers import ROOT, run_tests

# What is not run here, and why.  Of the verbs' commands, the flags are read all the same.
ONLY_READ = {
    "git": "the address of the repository is the reader's",
    "pip": "it installs packages; tests/test_package.py installs a wheel",
    "tfrobust": "it lists the verbs; tests/launch/test_command.py calls it, and what it runs are verbs",
    "make": "it installs packages, and runs what other tests run; its target is looked up",
    "tensorboard": "another project's server, which does not end; tests/launch/test_probe.py reads what it shows",
    "bazel": "it runs all tests; the BUILD file has them by their names",
    "tar": "tests/docs/test_claims_page.py reads what is in the file",
    "curl": "tests/docs/test_serving_page.py asks a server of its own",
    "saved_model_cli": "tests/docs/test_serving_page.py runs it on what the page exports",
    "python -m pytest": "a test does not run tests; the file is looked up",
    "python examples/compare_attacks.py": "tests/docs/test_examples.py runs it on an untrained network",
    "python examples/compare_maps.py": "tests/docs/test_examples.py runs it on an untrained network",
    "python examples/rank_networks.py": "tests/docs/test_examples.py runs it on two networks",
    "a sweep of launch.reproduce": "many networks; tests/launch/test_reproduce.py runs every table",
    "a process of several": "it waits for the others; tests/launch/test_strategies.py runs two",
    "a later turn of a loop": "the first one runs",
}
COMMANDS = commands()
RUN = [c for c in different(COMMANDS) if not is_sweep(c) and not is_of_several(c)]
REPEATED = repeated(RUN)


def program(command: Command) -> str:
    if command.words[0] != "python":
        return command.words[0]
    return " ".join(command.words[: 3 if command.words[1] == "-m" else 2])


@pytest.fixture(autouse=True)
def at_work(tmp_path, tmp_path_factory, monkeypatch, eagerly):
    """An empty folder, a cache of these tests' own, and TensorFlow without graphs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    clone = tmp_path / "clone"  # A page may name what lies beside it.
    clone.mkdir()
    monkeypatch.chdir(clone)
    hurry(monkeypatch)


@contextlib.contextmanager
def interrupted_when_it_answers(url):
    """Presses Ctrl-C once a server of this process answers; not when it has ended by itself."""
    ended = threading.Event()
    # A shell that starts the tests in the background has Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def press():
        while not ended.wait(0.05):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url, timeout=5)
                return ended.is_set() or os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        signal.signal(signal.SIGINT, before)


def call(name, args):
    main = importlib.import_module(f"launch.{name}").main
    if name != "serve":
        return main([name, *args])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = re.search(r"--model=(\w+)=", " ".join(args))[1]
    with interrupted_when_it_answers(f"http://127.0.0.1:{port}/v1/models/{model}"):
        return main([name, *args, f"--port={port}"])


@pytest.mark.parametrize(
    "command", [pytest.param(c, marks=[pytest.mark.exhaustive] * (c in REPEATED)) for c in RUN], ids=str
)
def test_a_command_of_a_page_runs(command, capsys, monkeypatch):
    args = short(command)
    furnish(args, monkeypatch)
    code = call(command.verb, args)
    said = capsys.readouterr()
    assert code == 0 or (code == 3 and "fail_if" in str(command)), f"{command} says {said.err}"
    output = [word.split("=", 1)[1] for word in args if word.startswith("--output=")]
    assert all(os.path.isfile(path) or os.listdir(path) for path in output), f"{command} leaves nothing"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.verb], ids=str)
def test_the_flags_of_a_command_are_those_of_its_verb(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(verb, "run", lambda name, doc, rooms, body, argv, check=None: verb.parse(rooms, argv))
    main = importlib.import_module(f"launch.{command.verb}").main
    assert main([command.verb, *map(spoken_out, command.given)])


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.verb], ids=str)
def test_a_program_of_a_page_is_one_that_is_known(command):
    assert program(command) in ONLY_READ, f"{command}: run it in a test, or say in ONLY_READ why not"
    if command.words[0] == "make":
        with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as file:
            assert re.search(rf"^{command.words[1]}:", file.read(), re.M)
    if program(command) == "python -m pytest":
        assert all(os.path.exists(os.path.join(ROOT, word)) for word in command.words if word.startswith("tests/"))


@pytest.mark.parametrize("named", ELSEWHERE)
def test_what_runs_elsewhere_is_there(named):
    verb, *flag = named.split()
    with open(os.path.join(ROOT, "tests", ELSEWHERE[named]), encoding="utf-8") as file:
        text = file.read()
    assert re.search(rf"(?<!\w){flag[0] if flag else verb}\b", text), f"{named}: no test runs it"


def test_the_pages_have_their_commands():
    """A change of the way pages are written must not leave this file without anything to run."""
    on = {page for command in COMMANDS for page in command.pages}
    assert {"README.md", "docs/audit.md", "docs/scale.md", "docs/results/rar_suite.md"} <= on
    assert {c.verb for c in COMMANDS} >= set(SHORT) - {"demo"}
    for page, test in OWN_TEST.items():
        assert page not in pages() or os.path.exists(os.path.join(ROOT, test)), f"{page} is left to {test}"


if __name__ == "__main__":
    run_tests(__file__)

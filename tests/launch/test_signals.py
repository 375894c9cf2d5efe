"""Signals belong to the process: a verb handles them where it is the process, and nowhere else."""

import ast
import os
import signal
import time

import pytest

from launch.__main__ import verbs
from tests import processes
from tests.helpers import ROOT, run_tests

# A run that works until it is told to stop, and then saves for a moment; TensorFlow has no part in it.
CODE = """
import contextlib, sys, time
from launch import train
from launch.command_line import signals, verb
from tfrobust.errors import TrainingStoppedError

def work(fv):
    with signals.saving():
        print("working", flush=True)
        until = time.monotonic() + 30
        while not signals.asked() and time.monotonic() < until:
            time.sleep(0.01)
        print("saved", flush=True)
        raise TrainingStoppedError("stopped after step 6")

verb._prepare_tensorflow = lambda: None
verb.devices.on_devices = lambda fv: contextlib.nullcontext()
train.train = work

def main():
    code = train.main(["train", "--flagfile=flags/demo/madry.flags", "--output=o"])
    print("went on", flush=True)
    return code
"""
AS_PROCESS, CALLED = CODE + "verb.as_process(main)", CODE + "sys.exit(main())"


def stopped(code: str, number: int):
    """How the process ended that runs the code and gets the signal once it works: (code, standard output from then on,
    standard error)."""
    process = processes.start(["-c", code])
    try:
        until = time.monotonic() + 60
        while process.output() != "working\n":
            assert process.poll() is None and time.monotonic() < until
            time.sleep(processes.PAUSE)
        process.send_signal(number)
        done = process.finish(timeout=20)
        return done.returncode, done.stdout.removeprefix("working\n"), done.stderr
    finally:
        process.kill()


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_verb_that_is_the_process_saves_first(number, code):
    assert stopped(AS_PROCESS, number) == (code, "saved\nwent on\n", "train: stopped after step 6\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_verb_that_is_called_from_python_leaves_signals_to_the_caller(number):
    code, out, error = stopped(CALLED, number)
    assert code == -number and out == ""
    assert "train:" not in error and ("KeyboardInterrupt" in error) == (number == signal.SIGINT)


@pytest.mark.parametrize("name", verbs())
def test_every_verb_is_stopped_alike(name):
    """The last lines of a verb make it the process; nothing else installs a handler."""
    with open(os.path.join(ROOT, "launch", f"{name}.py"), encoding="utf-8") as file:
        text = file.read()
    assert text.endswith('if __name__ == "__main__":\n    verb.as_process(main)\n')
    called = [ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert "signal.signal" not in called


if __name__ == "__main__":
    run_tests(__file__)

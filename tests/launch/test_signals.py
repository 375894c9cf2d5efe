"""Signals belong to the process: a verb handles them where it is the process, and nowhere else."""

import ast
import os
import signal
import subprocess
import sys

import pytest

from launch.__main__ import verbs
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
# As Python has it, wherever the tests were started: a shell's background has Ctrl-C ignored.
DEFAULT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
AS_PROCESS, CALLED = CODE + "verb.as_process(main)", CODE + DEFAULT + "sys.exit(main())"


def stopped(code: str, number: int, times: int = 1):
    """How the process ended that runs the code and gets the signal: (code, standard output, standard error)."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
    try:
        assert process.stdout.readline() == "working\n"
        for _ in range(times):
            process.send_signal(number)
        out, error = process.communicate(timeout=20)
        return process.returncode, out, error
    finally:
        process.kill()
        process.wait()


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

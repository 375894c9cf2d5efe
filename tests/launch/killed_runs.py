"""Trains one run in children that are killed, one after another, and once in a child that is not.

    python -m tests.launch.killed_runs FOLDER KILLS

Leaves FOLDER/killed and FOLDER/whole, and prints a line for each kill.  TensorFlow is imported once, in the parent,
which computes nothing with it, so that a child costs no start of Python.
"""

import os
import random
import signal
import sys
import threading
import time

import keras
import sklearn.datasets  # noqa: F401
import tensorflow as tf

from launch import train
from tests.shallow import be_shallow
from tfrobust.experiments import training_run

# A method that draws in every step, and whose graph is soon traced: each child traces its own.  As wide as it is, its
# checkpoints take a while to write.
FLAGS = ["--flagfile=flags/demo/natural.flags", "--eps_ramp_steps=100", "--checkpoint_every=6"]
FLAGS += ["--method=uniform_noise", "--eps=0.3", "--width=4"]
# What starts the clock, and how long it may run (seconds); and how often such a kill happens, by the number of all.
LONGEST = {"start": 1.0, "step": 0.02, "checkpoint": 0.04, "network": 0.04}
TIMES = {
    5: {"start": 1, "step": 1, "checkpoint": 1, "network": 2},
    20: {"start": 3, "step": 5, "checkpoint": 7, "network": 5},
}
# The steps of the run.  On however fast a machine, a kill at a step comes after 18 at most (12 and 6: see below), and
# one at a checkpoint after 24 (the fourth is not written): no run ends before its kills.
STEPS = {5: 48, 20: 300}


def kill_after(seconds: float) -> None:
    """SIGKILL for this process, from a thread, so that it hits whatever is being done then."""

    def kill():
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()


def at_call(owner, name: str, number: int, seconds: float, latest: int = 1) -> None:
    """Starts the clock of the kill at the given call of owner.name, and kills at the latest `latest` calls after it."""
    function, calls = getattr(owner, name), []

    def wrapped(*args, **kwargs):
        calls.append(1)
        if len(calls) == number:
            kill_after(seconds)
        elif len(calls) == number + latest:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    setattr(owner, name, wrapped)


def before_it_has_its_name() -> None:
    """SIGKILL when the written network would be renamed, if nothing was in time before."""
    replace = os.replace

    def replaced(source, target):
        if os.path.basename(source) == "unfinished.keras":
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = replaced


def train_in_child(directory: str, steps: int, kind: str = "", seconds: float = 0, number: int = 0) -> int:
    """How the child ended: 0, or minus the signal that killed it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if kind == "start":
        kill_after(seconds)
        at_call(tf.train.Checkpoint, "write", 0, seconds)
    elif kind == "step":
        at_call(training_run.TrainingBar, "on_train_batch_end", number, seconds, latest=6)
    elif kind == "checkpoint":
        at_call(tf.train.Checkpoint, "write", number, seconds)
    elif kind == "network":
        at_call(keras.Model, "save", 1, seconds)
        if number == 0:
            before_it_has_its_name()
        training_run.write_json = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # At the latest, before run.json.
    code = train.main(["train", *FLAGS, f"--steps={steps}", f"--output={directory}"])
    os._exit(code)


def main(folder: str, kills: int) -> int:
    be_shallow()
    r, killed, steps = random.Random(0), os.path.join(folder, "killed"), STEPS[kills]
    for kind, times in TIMES[kills].items():
        for time_of_kind in range(times):
            seconds, number = r.uniform(0, LONGEST[kind]), r.randint(1, 12 if kind == "step" else 3)
            number = time_of_kind if kind == "network" else number
            end = train_in_child(killed, steps, kind, seconds, number)
            there = sorted(os.listdir(killed)) if os.path.isdir(killed) else []
            print(f"{kind} {seconds:.3f} {number}: {end} {' '.join(there)}", flush=True)
    return train_in_child(killed, steps) or train_in_child(os.path.join(folder, "whole"), steps)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))

"""A verb under a strategy: waiting for the other processes, a folder that all of them see."""

import contextlib
import os

from flags import strategy_flags
from launch.command_line import signals
from tfrobust.distribution import all_processes_agree, is_chief, several_processes, task_of
from tfrobust.types import InputError

MARK = ".workers"


@contextlib.contextmanager
def on_devices(fv):
    """The scope of the flags' strategy."""
    task = task_of(os.environ.get("TF_CONFIG")) if fv.strategy == "multi_worker" else None
    if task:
        print(f"{task.job} {task.index}: waiting until all {task.workers} processes are there", flush=True)
    strategy = strategy_flags.from_flags(fv)
    with strategy.scope():
        if task and not is_chief():
            print("the chief shows what is done and writes it", flush=True)
        yield


def saving():
    """While the block runs, a signal lets a training run save its next step (see signals); one of several processes
    cannot stop in step with the others and ends at once."""
    return contextlib.nullcontext() if several_processes() else signals.saving()


def check_shared(folder: str) -> None:
    """Raises InputError in every process unless all of them see the chief's folder: they go on from what it wrote."""
    if not several_processes():
        return
    mark = os.path.join(folder, MARK)
    if is_chief():
        with open(mark, "w", encoding="utf-8"):
            pass
    all_processes_agree(True)
    seen = all_processes_agree(os.path.exists(mark))
    if is_chief():
        os.remove(mark)
    if not seen:
        raise InputError(
            f"{folder} must be on a file system that all processes share: they resume what the chief wrote"
        )

"""A verb under a strategy: waiting for the other processes, a folder that all of them see, one of them lost."""

import contextlib
import os

import tensorflow as tf

from flags import strategy_flags
from launch import signals
from tfrobust.replicas import LOST, WorkerLost, everyone, is_chief, task_of
from tfrobust.types import InputError

MARK = ".workers"


@contextlib.contextmanager
def on_devices(fv):
    """The scope of the flags' strategy; raises WorkerLost where another process of it ends before this one."""
    task = task_of(os.environ.get("TF_CONFIG")) if fv.strategy == "multi_worker" else None
    if task:
        print(f"{task.job} {task.index}: waiting until all {task.workers} processes are there", flush=True)
    strategy = strategy_flags.from_flags(fv)
    try:
        with strategy.scope():
            if task and not is_chief():
                print("the chief shows what is done and writes it", flush=True)
            yield
    except LOST as e:
        if not task:
            raise
        raise WorkerLost(
            f"another process of the {task.workers} was lost: start all of them again with the same flags, and the run "
            f"goes on from its last checkpoint ({str(e)[:100]})"
        ) from e


def saving():
    """While the block runs, a signal lets a training run save its next step (see signals); one of several processes
    cannot stop in step with the others and ends at once."""
    several = isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)
    return contextlib.nullcontext() if several else signals.saving()


def check_shared(folder: str) -> None:
    """Raises InputError in every process unless all of them see the chief's folder: they go on from what it wrote."""
    mark = os.path.join(folder, MARK)
    if is_chief():
        with open(mark, "w", encoding="utf-8"):
            pass
    everyone(True)
    seen = everyone(os.path.exists(mark))
    if is_chief():
        os.remove(mark)
    if not seen:
        raise InputError(
            f"{folder} must be on a file system that all processes share: they resume what the chief wrote"
        )

"""A verb under a strategy: waiting for the other processes."""

import contextlib
import os

from flags import strategy_flags


@contextlib.contextmanager
def on_devices(fv):
    """The scope of the flags' strategy; nothing for a verb without one."""
    if "strategy" not in fv:
        yield
        return
    from tfrobust.distribution import is_chief, task_of

    task = task_of(os.environ.get("TF_CONFIG")) if fv.strategy == "multi_worker" else None
    if task:
        print(f"{task.job} {task.index}: waiting until all {task.workers} processes are there", flush=True)
    strategy = strategy_flags.from_flags(fv)
    with strategy.scope():
        if task and not is_chief():
            print("the chief shows what is done and writes it", flush=True)
        yield

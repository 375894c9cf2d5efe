"""For several processes that run one program in step (`multi_worker`): who writes files, and how they agree.

Saving is a thing of all of them: a variable that differs between replicas is averaged when it is read, which every
worker takes part in.  So all of them save, the chief where people look, the others where nobody does.
"""

import contextlib
import os
import tempfile
from collections.abc import Generator

import tensorflow as tf

from tfrobust.errors import InputError

_MARK = ".workers"
# Errors raised in the surviving processes when one worker dies.
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


def several_processes() -> bool:
    """Whether this process is one of several that run the program in step."""
    return isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)


def is_chief() -> bool:
    """Whether this process writes what a run leaves: the only one; else the chief, or worker 0 where there is none."""
    if not several_processes():
        return True
    resolver = tf.distribute.get_strategy().cluster_resolver
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not has_chief and resolver.task_id == 0)


def all_processes_agree(condition: bool) -> bool:
    """Whether the `condition` holds in every process; all of them must ask, and wait here for each other."""
    if not several_processes():
        return bool(condition)
    strategy = tf.distribute.get_strategy()
    mine = tf.constant(0.0 if condition else 1.0)

    @tf.function(autograph=False)
    def votes_against():
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(lambda: tf.identity(mine)), axis=None)

    return float(votes_against()) == 0


@contextlib.contextmanager
def chief_only_path(path: str) -> Generator[str, None, None]:
    """`path`; in a process that is not the chief, a path of the same name in a temporary folder that is removed."""
    if is_chief():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield os.path.join(folder, os.path.basename(path))


def check_shared_folder(folder: str) -> None:
    """Checks that all processes see the same `folder`: they go on from what the chief wrote.

    Raises:
        InputError: in every process, unless all of them see the chief's.
    """
    if not several_processes():
        return
    mark = os.path.join(folder, _MARK)
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

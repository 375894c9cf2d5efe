"""What a verb does when it is told to stop: a training run saves its next step first, a server answers what it has
begun, and everything else stops at once.

SIGTERM is what schedulers send before they kill (Slurm, Kubernetes), SIGINT is Ctrl-C.  A second one does not wait.

Handlers belong to a process, so they are installed where the verb is the process (see `verb.as_process`).  Who calls a
verb's `main` from Python keeps the handlers it has.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(BaseException):
    """SIGTERM, as KeyboardInterrupt is SIGINT."""


_asked: int | None = None
_saving = _installed = False
_stop: Callable[[], None] | None = None


def asked() -> int | None:
    """The signal that asked the running verb to stop, None if none did."""
    return _asked


def installed() -> bool:
    """Whether the handlers are this module's: whether a verb is the process."""
    return _installed


def _handle(number, frame) -> None:
    global _asked
    first, _asked = _asked is None, number
    if _stop is not None:
        _stop()
    elif not (_saving and first):
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Handles the signals while the block runs, which must be in the main thread."""
    global _asked, _installed
    _asked, _installed = None, True
    before = {number: signal.signal(number, _handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked, _installed = None, False


@contextlib.contextmanager
def saving() -> Iterator[None]:
    """While the block runs, the first signal is only noted (see `asked`): the block stops itself when it has saved."""
    global _saving
    _saving = True
    try:
        yield
    finally:
        _saving = False
    if _asked is not None:
        raise KeyboardInterrupt if _asked == signal.SIGINT else Terminated


@contextlib.contextmanager
def told(stop: Callable[[], None]) -> Iterator[None]:
    """While the block runs, every signal calls `stop` and raises nothing: the block ends itself, in good order."""
    global _stop
    _stop = stop
    try:
        yield
    finally:
        _stop = None

"""What a verb does when it is told to stop: a training run saves its next step first; everything else stops at once.

SIGTERM is what schedulers send before they kill (Slurm, Kubernetes), SIGINT is Ctrl-C.  A second one does not wait.
"""

import contextlib
import signal
import threading
from typing import Iterator, Optional

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(BaseException):
    """SIGTERM, as KeyboardInterrupt is SIGINT."""


_asked: Optional[int] = None
_saving = False


def asked() -> Optional[int]:
    """The signal that asked the running verb to stop, None if none did."""
    return _asked


def _handle(number, frame) -> None:
    global _asked
    first, _asked = _asked is None, number
    if not (_saving and first):
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Handles the signals while the block runs; Python allows it in the main thread alone."""
    global _asked
    _asked = None
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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

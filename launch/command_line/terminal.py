"""What a verb prints, with the control characters of foreign names shown instead of obeyed."""

import contextlib
import sys
from collections.abc import Iterator

from tfrobust.report.escaping import visible


class _Escaped:
    """A stream of text whose control characters are shown; new lines, tabs and the return of a progress bar stay."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write("\r".join(visible(part) for part in text.split("\r")))
        return len(text)

    def __getattr__(self, name):
        return getattr(self._stream, name)


@contextlib.contextmanager
def escaped() -> Iterator[None]:
    """While the block runs, what is written to standard output and standard error passes through `visible`."""
    with contextlib.redirect_stdout(_Escaped(sys.stdout)), contextlib.redirect_stderr(_Escaped(sys.stderr)):
        yield

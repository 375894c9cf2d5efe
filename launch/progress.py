"""Progress on the screen: a bar with the time left; in a log, a line of it now and then."""

import sys
import weakref

from tqdm import tqdm

_WATCHED = sys.stderr.isatty()


class _Lines:
    """Standard error with a new line where a bar would overwrite its own."""

    def write(self, text):
        text = text.strip("\r\n")
        if text.strip():
            sys.stderr.write(text + "\n")

    def flush(self):
        sys.stderr.flush()


_open = weakref.WeakSet()


def bar(total: int, what: str, initial: int = 0, **options) -> tqdm:
    """A bar of `total` steps; closed, it stays on the screen.  options: further ones of tqdm."""
    from tfrobust.replicas import is_chief

    if not is_chief():
        made = tqdm(total=total, disable=True)
    elif _WATCHED:
        made = tqdm(total=total, desc=what, initial=initial, mininterval=0.2, dynamic_ncols=True, **options)
    else:
        made = tqdm(
            total=total, desc=what, initial=initial, mininterval=10, file=_Lines(), ascii=True, ncols=100, **options
        )
    _open.add(made)
    return made


def close_all() -> None:
    """Ends the bars that an error left open, so that its message stands on a line of its own."""
    for each in list(_open):
        each.close()


def say(line: str) -> None:
    """A line beside the bars: on standard error, where they are."""
    tqdm.write(line, file=sys.stderr)

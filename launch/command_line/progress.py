"""Progress on the screen: a bar with the time left; in a log, a line of it now and then."""

import contextlib
import sys
import weakref

from tqdm import tqdm

from launch.command_line import signals
from tfrobust.progress import Bar, Progress

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


class _Bar(tqdm):
    def note(self, text: str) -> None:
        self.set_postfix_str(text, refresh=False)


class Screen(Progress):
    """Bars and lines on standard error, on the chief of several processes; a signal asks the work to stop."""

    def bar(self, total: float, what: str, initial: int = 0, **options) -> Bar:
        """A bar that stays on the screen when it is closed.  options: further ones of tqdm."""
        from tfrobust.distribution import is_chief

        if not is_chief():
            made = _Bar(total=total, disable=True)
        elif _WATCHED:
            made = _Bar(total=total, desc=what, initial=initial, mininterval=0.2, dynamic_ncols=True, **options)
        else:
            in_a_log = {"mininterval": 10, "file": _Lines(), "ascii": True, "ncols": 100}
            made = _Bar(total=total, desc=what, initial=initial, **in_a_log, **options)
        _open.add(made)
        return made

    def say(self, line: str) -> None:
        tqdm.write(line, file=sys.stderr)

    def stopped(self) -> bool:
        return signals.asked() is not None

    def saving(self):
        """One of several processes cannot stop in step with the others: a signal ends it at once."""
        from tfrobust.distribution import several_processes

        return contextlib.nullcontext() if several_processes() else signals.saving()


SCREEN = Screen()


def close_all() -> None:
    """Ends the bars that an error left open, so that its message stands on a line of its own."""
    for each in list(_open):
        each.close()

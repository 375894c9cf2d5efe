"""How a long computation says where it stands, and learns that it should stop.

The library says nothing by itself: `SILENT` is the default everywhere.  Whoever waits hands in a `Progress` of their
own, as the verbs do with the one of the screen.
"""

import contextlib


class Bar:
    """How far one part of the work is; this one shows nothing."""

    def update(self, n: int = 1) -> None:
        """Says that `n` more steps are done."""

    def note(self, text: str) -> None:
        """Shows a few words beside the bar, such as a loss."""

    def close(self) -> None:
        """Says that the part is over."""


class Progress:
    """Where the work stands, for whoever waits for it; this one shows nothing and never asks to stop."""

    def bar(self, total: int, what: str, initial: int = 0) -> Bar:
        """A bar for a part of the work.

        Args:
            total: its steps.
            what: how it is called.
            initial: how many of the steps are done already.
        """
        return Bar()

    def say(self, line: str) -> None:
        """Shows one `line` that a person should see."""

    def stopped(self) -> bool:
        """Whether the work should stop: a training run saves its next step and raises TrainingStoppedError."""
        return False

    def saving(self) -> contextlib.AbstractContextManager[None]:
        """A context in which being told to stop raises nothing: the work asks `stopped` and ends in good order."""
        return contextlib.nullcontext()


SILENT = Progress()

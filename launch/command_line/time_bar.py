"""The bar of a verb that has a time instead of a number of steps."""

from typing import Any

from launch.command_line.progress import SCREEN

FORMAT = "audit |{bar:20}| {n:.0f} of about {total:.0f} s {postfix}"


class TimeBar:
    """The report of an audit as a bar of seconds."""

    def __init__(self):
        self.bar: Any = None

    def __call__(self, what: str, passed: float, expected: float) -> None:
        if self.bar is None:
            self.bar = SCREEN.bar(expected, "audit", bar_format=FORMAT)
        self.bar.total = max(expected, 1.0)
        self.bar.set_postfix_str(what, refresh=False)
        self.bar.update(min(passed, self.bar.total) - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()

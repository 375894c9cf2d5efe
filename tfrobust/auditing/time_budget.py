"""The time that an audit has, and where it went."""

import time
from collections.abc import Callable

import numpy as np

from tfrobust.evaluation.evaluator import Keep
from tfrobust.progress import Bar, Progress


class OutOfTimeError(Exception):
    """The time is up; what was measured until then counts."""


class TimeBudget(Progress):
    """A budget of seconds from now on.

    Args:
        budget: in seconds.
        report: (what is done, seconds passed, seconds in all) -> None, called now and then.
        spent: seconds of the budget that are over already.
    """

    OVERRUN = 1.1  # Running work is given up once this multiple of the budget has passed.

    def __init__(self, budget: float, report: Callable[[str, float, float], None], spent: float = 0.0):
        self.began, self.budget, self.report = time.monotonic() - spent, budget, report
        self.expected = budget
        self.took: dict[str, float] = {}  # Seconds that each batch took when it was computed, by its key.
        self.strict = False  # Whether OutOfTimeError is raised once the budget is overrun.

    @property
    def passed(self) -> float:
        """Seconds of the budget that are over."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds of the budget that are left, below 0 where it is overrun."""
        return self.budget - self.passed

    def timed(self, keep: Keep) -> Keep:
        """The same `keep` of evaluation.evaluate, its work timed.

        The seconds are kept with the arrays: what follows from them is the same for a run that found its batches as for
        the one that computed them.
        """

        def kept(key, work):
            def measured():
                began = time.monotonic()
                arrays = work()
                return {**arrays, "seconds": np.array(time.monotonic() - began)}

            arrays = dict(keep(key, measured))
            self.took[key] = float(arrays.pop("seconds"))
            return arrays

        return kept

    def bar(self, total: int, what: str, initial: int = 0) -> "Tick":
        return Tick(self, what)


class Tick(Bar):
    """Tells the time budget that time passes.

    Args:
        time_budget: is told.
        what: is done.
    """

    def __init__(self, time_budget: TimeBudget, what: str):
        self.time_budget, self.what = time_budget, what
        self.update(0)

    def update(self, n: int = 1) -> None:
        time_budget = self.time_budget
        time_budget.report(self.what, time_budget.passed, max(time_budget.expected, time_budget.passed))
        if time_budget.strict and time_budget.passed > time_budget.OVERRUN * time_budget.budget:
            raise OutOfTimeError

"""Takes the times of several sides in turns, so that a busy moment of the machine meets all of them alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tfrobust.benchmark.jobs import Arrays, Done, Side


@dataclass(frozen=True)
class Times:
    """The seconds of one side.

    Attributes:
        seconds: [R], of each round.
    """

    seconds: np.ndarray

    @property
    def median(self) -> float:
        """The median of the rounds, in seconds."""
        return float(np.median(self.seconds))

    @property
    def spread(self) -> float:
        """The distance between the quartiles, as a share of the median."""
        return float(np.subtract(*np.percentile(self.seconds, [75, 25])) / max(self.median, np.finfo(float).tiny))


def timed(work: Callable[[], Arrays]) -> Side:
    """A side that does `work` in this process and takes the time; work returns NumPy arrays, so that it has ended."""

    def side():
        began = time.perf_counter()
        arrays = work()
        return Done(time.perf_counter() - began, arrays)

    return side


def take_turns(
    sides: Mapping[str, Side], rounds: int, tick: Callable[[], None] = lambda: None
) -> tuple[dict[str, Times], dict[str, Arrays]]:
    """Calls every side once as a warm-up, which compiles, and then `rounds` times in turns.

    Each round begins with another side, so that none always follows the same one.

    Args:
        sides: by name.
        rounds: calls of each side that are timed, 1 at least.
        tick: called after each call.

    Returns:
        name -> times, and name -> results of the warm-up.
    """
    results, seconds, names = {}, {name: [] for name in sides}, list(sides)
    for name, side in sides.items():
        results[name] = side().arrays
        tick()
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(sides[name]().seconds)
            tick()
    return {name: Times(np.array(values)) for name, values in seconds.items()}, results

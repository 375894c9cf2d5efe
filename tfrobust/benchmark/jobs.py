"""A job of the benchmark: one piece of work, done by this project and by others, and the goal for the difference."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

OURS = "tfrobust"
Arrays = Mapping[str, np.ndarray]


class Done(NamedTuple):
    """One call of one side.

    Attributes:
        seconds: that it took.
        arrays: its results by name.
    """

    seconds: float
    arrays: Arrays


# Does the work once.
Side = Callable[[], Done]
# (results of this project, results of another) -> what differs, in words; None where they agree.
Agreement = Callable[[Arrays, Arrays], str | None]


@dataclass(frozen=True)
class Goal:
    """What is to be reached; exactly one is given.

    Attributes:
        times: so many times as fast as each other side.
        milliseconds: at most so many for one unit of the job.
        peak_share: at least this share of the measured peak of matrix products.
        no_more_memory: no higher peak memory than each other side.
    """

    times: float | None = None
    milliseconds: float | None = None
    peak_share: float | None = None
    no_more_memory: bool = False


@dataclass(frozen=True)
class Job:
    """One piece of work that several sides do alike.

    Attributes:
        name: of the job.
        what: the work in words, with its sizes.
        sides: by name; this project's is called OURS and comes first.
        goals: that are to be reached.
        unit, units: what the time is given for, and how many of them one call does.
        agree: compares results.
        operations: counts the floating-point operations of this project's call; None where they are not counted.
        factors: side -> what its time is multiplied by, where the protocol makes it do the same work several times.
    """

    name: str
    what: str
    sides: Mapping[str, Side]
    goals: tuple[Goal, ...]
    unit: str
    units: int = 1
    agree: Agreement = lambda ours, theirs: None
    operations: Callable[[], float] | None = None
    factors: Mapping[str, float] = field(default_factory=dict)


def near(name: str, tolerance: float) -> Agreement:
    """Results agree where those called `name` differ by at most `tolerance` times the largest of them."""

    def agree(ours, theirs):
        a, b = np.asarray(ours[name], float), np.asarray(theirs[name], float)
        if a.shape != b.shape:
            return f"{name} has the shape {a.shape}, not {b.shape}"
        error = float(np.max(np.abs(a - b)) / max(np.max(np.abs(b)), np.finfo(float).tiny))
        return None if error <= tolerance else f"{name} differs by {error:.1e}"

    return agree


def mostly_near(name: str, tolerance: float, share: float) -> Agreement:
    """Results agree where at least this `share` of those called `name` differ by at most `tolerance`.

    For signed steps: a gradient of nearly zero may have either sign, and the pixel then goes the other way.
    """

    def agree(ours, theirs):
        a, b = np.asarray(ours[name], float), np.asarray(theirs[name], float)
        if a.shape != b.shape:
            return f"{name} has the shape {a.shape}, not {b.shape}"
        same = float(np.mean(np.abs(a - b) <= tolerance))
        return None if same >= share else f"{same:.1%} of {name} agree, not {share:.0%}"

    return agree


def all_of(*agreements: Agreement) -> Agreement:
    """Results agree where they do by all of `agreements`."""
    return lambda ours, theirs: "; ".join(filter(None, (agree(ours, theirs) for agree in agreements))) or None

"""Runs the jobs of a benchmark and compares what was measured with the goals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tfrobust.benchmark.attack_jobs import ifia_jobs, peer_jobs
from tfrobust.benchmark.jobs import OURS, Goal, Job
from tfrobust.benchmark.map_jobs import audit_jobs, kendall_jobs
from tfrobust.benchmark.peer import Peer
from tfrobust.benchmark.setting import Setting
from tfrobust.benchmark.training_jobs import natural_jobs, step_jobs
from tfrobust.benchmark.turns import Times, take_turns
from tfrobust.progress import SILENT, Progress


@dataclass(frozen=True)
class Measured:
    """What was measured of one job.

    Attributes:
        job: the job.
        times: of each side.
        differences: of each other side, what differs in its results, in words; None where they agree.
        operations: that this project's call makes; None where they are not counted.
        memory: the most bytes that a process held which did the job of a side alone; sides that were not measured are
          left out.
    """

    job: Job
    times: Mapping[str, Times]
    differences: Mapping[str, str | None]
    operations: float | None
    memory: Mapping[str, float]

    def seconds(self, side: str) -> float:
        """Median seconds of a side for one unit of the job, by its protocol."""
        return self.times[side].median * self.job.factors.get(side, 1.0) / self.job.units

    def times_as_fast(self, side: str) -> float:
        """How many times as fast this project is as another side."""
        return self.seconds(side) / self.seconds(OURS)

    @property
    def others(self) -> list[str]:
        """The sides that are not this project's."""
        return [side for side in self.times if side != OURS]


def make_jobs(kinds: Sequence[str], setting: Setting, peer: Peer | None, earlier: str | None = None) -> list[Job]:
    """The jobs of the kinds that are wanted.

    Args:
        kinds: of `sizes.JOBS`.
        setting: network, images, sizes.
        peer: the process of other libraries; needed for the kind peers.
        earlier: a folder with another version of this project, for the kind audit; None: none is measured.
    """
    makers: dict[str, Callable[[], list[Job]]] = {
        "step": lambda: step_jobs(setting),
        "natural": lambda: natural_jobs(setting),
        "ifia": lambda: ifia_jobs(setting),
        "peers": lambda: peer_jobs(setting, cast(Peer, peer)),
        "kendall": lambda: kendall_jobs(setting),
        "audit": lambda: audit_jobs(setting, earlier),
    }
    return [job for kind in kinds for job in makers[kind]()]


def run_jobs(
    jobs: Sequence[Job],
    rounds: int,
    memory_of: Callable[[Job, str], float | None] = lambda job, side: None,
    progress: Progress = SILENT,
    failed: dict[str, str] | None = None,
) -> list[Measured]:
    """Takes the times of all jobs, one job after the other, its sides in turns.

    Args:
        jobs: those with the same sides are timed once.
        rounds: of which the median counts.
        memory_of: (job, side) -> the most bytes that a process of its own held; None where that is not measured.  It is
          asked for jobs that have a goal for it.
        progress: shows how far it is.
        failed: takes name -> message of jobs that fail, whose others go on; None: the first one ends the run.
    """
    measured, done = [], {}
    for job in jobs:
        key = id(job.sides)
        if key not in done:
            bar = progress.bar((rounds + 1) * len(job.sides), job.name)
            try:
                done[key] = take_turns(job.sides, rounds, bar.update)
            except Exception as error:  # Of any library that a side calls.
                if failed is None:
                    raise
                failed[job.name] = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            finally:
                bar.close()
        times, results = done[key]
        differences = {side: job.agree(results[OURS], results[side]) for side in results if side != OURS}
        wants_memory = any(goal.no_more_memory for goal in job.goals)
        memory = {side: memory_of(job, side) for side in job.sides if wants_memory}
        memory = {side: found for side, found in memory.items() if found}
        measured.append(Measured(job, times, differences, job.operations and job.operations(), memory))
    return measured


def verdicts(each: Measured, matrix_peak: float | None) -> list[dict[str, str]]:
    """The goals of a job, each with what was measured and whether it is met.

    Args:
        each: what was measured.
        matrix_peak: 10^9 operations in a second that a product of large matrices reaches.

    Returns:
        For each goal: job, goal, measured, verdict ("met", "not met", or why it was not measured).
    """
    lines = []
    for goal in each.job.goals:
        for text, found, met in _looked_at(goal, each, matrix_peak):
            verdict = "not measured" if met is None else "met" if met else "not met"
            lines.append({"job": each.job.name, "goal": text, "measured": found, "verdict": verdict})
    return lines


def _looked_at(goal: Goal, each: Measured, peak: float | None):
    """(the goal in words, what was measured in words, whether it is met; None where it was not measured)."""
    if goal.milliseconds is not None:
        found = 1e3 * each.seconds(OURS)
        return [
            (f"at most {goal.milliseconds:g} ms for a {each.job.unit}", f"{found:.2f} ms", found <= goal.milliseconds)
        ]
    if goal.peak_share is not None:
        text = f"{goal.peak_share:.0%} of the matrix peak"
        if not peak or not each.operations:
            return [(text, "", None)]
        found = each.operations / each.times[OURS].median / 1e9 / peak
        return [(text, f"{found:.0%}", found >= goal.peak_share)]
    if goal.no_more_memory:
        text = "no more memory than {}"
        if OURS not in each.memory or not each.others:
            return [(text.format("the others"), "", None)]
        gib = {side: found / 2**30 for side, found in each.memory.items()}
        return [
            (text.format(side), f"{gib[OURS]:.2f} GiB to {gib[side]:.2f}", gib[OURS] <= gib[side])
            for side in each.others
            if side in gib
        ]
    if not each.others or goal.times is None:
        return [(f"{goal.times:g} times as fast as the others", "no other side is there", None)]
    return [
        (
            f"{goal.times:g} times as fast as {side}",
            f"{each.times_as_fast(side):.2f} times" + _but(each.differences[side]),
            each.times_as_fast(side) >= goal.times and each.differences[side] is None,
        )
        for side in each.others
    ]


def _but(difference):
    return f", but results differ: {difference}" if difference else ""

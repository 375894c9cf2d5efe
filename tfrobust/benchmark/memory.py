"""The memory that one side of one job takes, in a process that does nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from tfrobust.benchmark.jobs import Job
from tfrobust.benchmark.peer import Peer
from tfrobust.benchmark.torch_peer import peak_memory


def peak_of(jobs: Sequence[Job], peer: Peer | None, name: str, side: str) -> dict[str, float | None]:
    """Does the job of one side, and says the most bytes that its process has held.

    Args:
        jobs: among which the job is.
        peer: the process of other libraries, which does the jobs of its sides; None: there is none.
        name: of the job.
        side: whose work is done.
    """
    next(job for job in jobs if job.name == name).sides[side]()
    return {"bytes": peer.peak if peer and peer.peak else peak_memory()}

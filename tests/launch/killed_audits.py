"""Audits a network in children that are killed, one after another, and once in a child that is not.

    python -m tests.launch.killed_audits FOLDER OUTPUT KILLS

FOLDER has digits.keras and digits.npz.  KILLS: the batches after which each child is killed, commas between.  Leaves
OUTPUT/killed and OUTPUT/whole, and prints a line for each kill.  Every batch takes some seconds of a clock of its own,
so that the time that is given, and nothing else, says how many there are.
"""

import os
import signal
import sys
import time

import tensorflow as tf

from launch import audit
from tfrobust.auditing import audit as auditing_audit
from tfrobust.auditing import page, plan
from tfrobust.auditing.time_budget import TimeBudget

BATCH, IMAGES, PREDICTED = 4, 100, 8


class Clock:
    """Stands still but for the batches."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def audit_in_child(folder: str, output: str, kill_after: int = 1000) -> int:
    """How the child ended: 0, or minus the signal that killed it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    tf.config.run_functions_eagerly(True)
    clock, timed, computed = Clock(), TimeBudget.timed, []

    def slowly(self, keep):
        kept = timed(self, keep)

        def counted(work):
            if len(computed) == kill_after:
                os.kill(os.getpid(), signal.SIGKILL)
            computed.append(work)
            clock.now += 2.2
            return work()

        return lambda key, work: kept(key, lambda: counted(work))

    TimeBudget.timed = slowly
    time.monotonic = clock
    plan.LEVELS, plan.APGD_STEPS, plan.MOST_PREDICTED_IMAGES = ((2, 2),), 1, PREDICTED
    for name in ("untraced_cost", "traced_cost"):
        setattr(auditing_audit, name, lambda inputs, trial: plan.Cost(0.001))
    page.report.html_picture = lambda draw, alt, form="png": ""
    auditing_audit.LARGE_BATCH = BATCH
    given = [f"--network={folder}/digits.keras", f"--data={folder}/digits.npz", "--eps=8/255", "--pixels=0..255"]
    code = audit.main(["audit", *given, f"--images={IMAGES}", "--minutes=1", f"--output={output}"])
    sys.stdout.flush()
    os._exit(code)


def main(folder: str, output: str, kills: str) -> int:
    killed = os.path.join(output, "killed")
    for batches in map(int, kills.split(",")):
        print(f"killed after {batches} batches: {audit_in_child(folder, killed, batches)}", flush=True)
    return audit_in_child(folder, killed) or audit_in_child(folder, os.path.join(output, "whole"))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

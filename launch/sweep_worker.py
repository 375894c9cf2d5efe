"""A process that works through the runs of a sweep, which others may share, and the table of how far they are."""

import os
import sys
import time
import traceback
from collections import Counter
from typing import Dict, List

import keras
from absl import flags
from filelock import FileLock

from flags import data_flags
from launch import rows, runs, trained_rows
from launch.command_line import failures, progress, verb
from launch.saliency import with_saliency
from tfrobust import report, training
from tfrobust.errors import InputError
from tfrobust.experiments.folder_lock import Busy, claimed


class Worker:
    """This process, working through a list that others may share."""

    def __init__(self, every: List[runs.Run], output: str):
        self.every, self.output, self.began = every, output, time.perf_counter()
        # Failures of earlier calls are tried again; those of workers beside this one are not.
        self.old = {run.index: runs.failure(run) for run in every}
        self.settled_before = self._settled()
        self._images: Dict[object, object] = {}

    def work(self, todo: List[runs.Run]) -> None:
        for run in todo:
            if self._is_settled(run):
                continue
            try:
                with claimed(verb.output_folder(run.folder), progress=progress.SCREEN):
                    if not runs.is_done(run):  # By another, a moment ago.
                        self.train(run)
            except Busy as e:
                print(f"[{run.index + 1}/{len(self.every)}] {run.name}: left to others ({e})", flush=True)

    def train(self, run: runs.Run) -> None:
        """Trains the run; what goes wrong with it is noted in its folder."""
        runs.forget_failure(run)
        write_table(self.every, self.output)
        print(f"[{run.index + 1}/{len(self.every)}] {run.name}{self.time_left()}", flush=True)
        try:
            row = run.read()
            data = with_saliency(row, self.images(row))
            trained_rows.train_row(rows.at(row, data), data, run.folder)
        except (Busy, training.TrainingStopped):
            raise
        except Exception as e:
            known = isinstance(e, (InputError, training.TrainingDiverged)) and str(e)
            why = " ".join((known or failures.line(e) or f"{type(e).__name__}: {e}").split())
            progress.close_all()
            runs.note_failure(run, f"{why}\n\n{traceback.format_exc()}")
            print(f"[{run.index + 1}/{len(self.every)}] {run.name} failed: {why}", file=sys.stderr, flush=True)
        keras.backend.clear_session()

    def images(self, row: rows.Row):
        """The images of the row; kept for the next one while it wants the same."""
        fv = flags.FlagValues()
        data_flags.define(fv)
        key = tuple((name, row.flags[name].value) for name in sorted(fv))
        if key not in self._images:
            self._images = {key: data_flags.from_flags(row.flags)}
        return self._images[key]

    def time_left(self) -> str:
        """At the pace of all workers since this one began."""
        settled = self._settled()
        if settled == self.settled_before:
            return ""
        left = len(self.every) - settled
        seconds = (time.perf_counter() - self.began) / (settled - self.settled_before) * left
        return f" ({left} left, about {seconds / 60:.0f} min)"

    def _settled(self) -> int:
        return sum(map(self._is_settled, self.every))

    def _is_settled(self, run: runs.Run) -> bool:
        """Whether there is nothing more to be tried: it is finished, or failed since this process began."""
        failed = runs.failure(run)
        return runs.is_done(run) or (failed is not None and failed != self.old[run.index])


def write_table(every: List[runs.Run], output: str) -> List[dict]:
    """The table of all runs, written by one process at a time."""
    with FileLock(os.path.join(output, ".table.lock")):
        lines = [runs.line(run) for run in every]
        report.write_table(output, "sweep", lines, runs.COLUMNS, {"states": Counter(each["state"] for each in lines)})
    return lines


def counted(lines: List[dict]) -> str:
    states = Counter(line["state"] for line in lines)
    return f"{len(lines)} runs: " + ", ".join(f"{states[s]} {s}" for s in ("done", "running", "failed", "left"))

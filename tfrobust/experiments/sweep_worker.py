"""A process that works through the runs of a sweep, which others may share, and the table of how far they are."""

import os
import time
import traceback
from collections import Counter

import keras
from filelock import FileLock

from tfrobust import failures, report, training
from tfrobust.checks import make_writable_folder
from tfrobust.data import ImageData
from tfrobust.errors import InputError
from tfrobust.experiments import sweep, training_run
from tfrobust.experiments.folder_lock import FolderInUseError, claimed
from tfrobust.experiments.recipe import DataSpec
from tfrobust.experiments.saliency_maps import with_saliency
from tfrobust.progress import SILENT, Progress


class Worker:
    """This process, working through the runs of a sweep that others may share.

    Args:
        every: all runs of the sweep.
        output: the folder of the table, which exists.
        progress: is shown how far it is.
    """

    def __init__(self, every: list[sweep.Run], output: str, progress: Progress = SILENT):
        self.every, self.output, self.progress, self.began = every, output, progress, time.perf_counter()
        # Failures of earlier calls are tried again; those of workers beside this one are not.
        self.old = {run.index: sweep.failure(run) for run in every}
        self.settled_before = self._settled()
        self._images: dict[DataSpec, ImageData] = {}

    def work(self, todo: list[sweep.Run]) -> None:
        """Trains the runs `todo` that are neither finished nor in the hands of another process."""
        for run in todo:
            if self._is_settled(run):
                continue
            try:
                with claimed(make_writable_folder(run.folder), progress=self.progress):
                    if not sweep.is_done(run):  # Another worker may have finished it a moment ago.
                        self.train(run)
            except FolderInUseError as e:
                self._say(run, f": left to others ({e})")

    def train(self, run: sweep.Run) -> None:
        """Trains the `run`; what goes wrong with it is noted in its folder."""
        sweep.forget_failure(run)
        write_table(self.every, self.output)
        self._say(run, self.time_left())
        try:
            data = with_saliency(run.recipe, self.images(run.recipe.data), self.progress)
            training_run.train(run.recipe, data, run.folder, self.progress)
        except (FolderInUseError, training.TrainingStoppedError):
            raise
        except Exception as e:
            known = isinstance(e, (InputError, training.TrainingDivergedError)) and str(e)
            why = " ".join((known or failures.line(e) or f"{type(e).__name__}: {e}").split())
            sweep.note_failure(run, f"{why}\n\n{traceback.format_exc()}")
            self._say(run, f" failed: {why}")
        keras.backend.clear_session()

    def images(self, data: DataSpec) -> ImageData:
        """The images of `data`; kept for the next run while it wants the same."""
        if data not in self._images:
            self._images = {data: data.read()}
        return self._images[data]

    def time_left(self) -> str:
        """The runs that are left and the time for them, in words, at the pace of all workers since this one began."""
        settled = self._settled()
        if settled == self.settled_before:
            return ""
        left = len(self.every) - settled
        seconds = (time.perf_counter() - self.began) / (settled - self.settled_before) * left
        return f" ({left} left, about {seconds / 60:.0f} min)"

    def _say(self, run: sweep.Run, text: str) -> None:
        self.progress.say(f"[{run.index + 1}/{len(self.every)}] {run.name}{text}")

    def _settled(self) -> int:
        return sum(map(self._is_settled, self.every))

    def _is_settled(self, run: sweep.Run) -> bool:
        """Whether the run needs no further try: it is finished, or has failed since this process began."""
        failed = sweep.failure(run)
        return sweep.is_done(run) or (failed is not None and failed != self.old[run.index])


def write_table(every: list[sweep.Run], output: str) -> list[dict]:
    """Writes the table of all runs, by one process at a time.

    Args:
        every: all runs of the sweep.
        output: the folder of the table.

    Returns:
        Its lines.
    """
    with FileLock(os.path.join(output, ".table.lock")):
        lines = [sweep.line(run) for run in every]
        report.write_table(output, "sweep", lines, sweep.COLUMNS, {"states": Counter(each["state"] for each in lines)})
    return lines


def counted(lines: list[dict]) -> str:
    """How many runs are in which state, in words, by the `lines` of the table."""
    states = Counter(line["state"] for line in lines)
    return f"{len(lines)} runs: " + ", ".join(f"{states[s]} {s}" for s in ("done", "running", "failed", "left"))

"""The runs of a sweep: flagfiles x overrides x seeds, each in a folder of its own, and how far each of them is.

The folders are those of launch.compare: what a sweep trained, a comparison in the same --output finds and only
evaluates.
"""

import itertools
import json
import os
import re
from typing import List, NamedTuple, Optional, Tuple

from launch import rows
from tfrobust.errors import InputError
from tfrobust.experiments.folder_lock import is_claimed
from tfrobust.experiments.saved_runs import RUN, is_finished
from tfrobust.report import Column, write_text

FAILED = "failed.txt"  # In the folder of a run that failed: why, in its first line.
COLUMNS = (
    Column("run", "run", "d"),
    Column("row", "row"),
    Column("set", "set"),
    Column("seed", "seed", "d"),
    Column("state", "state"),
    Column("steps", "steps", ",d"),
    Column("seconds", "train s", ",.0f"),
    Column("note", "note"),
    Column("folder", "folder"),
)


class Run(NamedTuple):
    """index: in the list.  row, set, seed: what it is, as people read it.  flagfile, overrides: what it is, as
    launch.train takes it.  folder: where it lives."""

    index: int
    row: str
    set: Tuple[str, ...]
    seed: int
    flagfile: str
    overrides: Tuple[str, ...]
    folder: str

    @property
    def name(self) -> str:
        return ", ".join([self.row, *self.set, f"seed {self.seed}"])

    def read(self) -> rows.Row:
        return rows.read_row(self.flagfile, [*self.overrides], self.row)


def read_runs(flagfiles, overrides, sets, seeds, output: str) -> List[Run]:
    """All runs, each of them checked as far as it can be without TensorFlow; raises InputError.

    sets: texts NAME=VALUE,VALUE,...; every combination of the values is run.
    """
    if not flagfiles or not seeds:
        raise InputError("--rows and --seeds need at least one entry each")
    runs = []
    for seed, flagfile, values in itertools.product(map(_seed, seeds), flagfiles, itertools.product(*map(_set, sets))):
        row = rows.name_of(flagfile)
        given = (*overrides, *(f"--{value}" for value in values), f"--seed={seed}")
        name = re.sub(r"[^\w.=-]+", "_", "-".join([row, *values]))
        folder = os.path.join(output, f"seed{seed}", name)
        runs.append(Run(len(runs), row, values, seed, flagfile, given, folder))
        rows.read_flags(flagfile, given)
    folders = [run.folder for run in runs]
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice:
        raise InputError(f"two runs would share {twice}: name each flagfile, each value and each seed once")
    return runs


def _seed(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise InputError(f"--seeds={text}: seeds are whole numbers, 0 or more")
    return int(text)


def _set(text: str) -> List[str]:
    name, _, values = text.partition("=")
    if f"--{name}=".startswith(rows.FREE):
        raise InputError(f"--set={text}: {name} makes no other network, so all its values would be one run")
    if not re.fullmatch(r"\w+", name) or name in ("seed", "flagfile") or not all(values.split(",")):
        raise InputError(
            f"--set={text}: write NAME=VALUE,VALUE with the name of a flag of launch.train (seeds: --seeds)"
        )
    return [f"{name}={value}" for value in values.split(",")]


def is_done(run: Run) -> bool:
    """Whether the run in its folder came to its end, with these flags."""
    path = os.path.join(run.folder, "run.flags")
    if not is_finished(run.folder) or not os.path.exists(path):
        return False
    with open(path, encoding="utf-8", errors="replace") as file:
        there = [line for line in file.read().splitlines() if not line.startswith("#")]
    return there == rows.resolved(run.read().flags).splitlines()


def failure(run: Run) -> Optional[Tuple[int, str]]:
    """(when, why) of a run that failed and was not begun again; None for others."""
    path = os.path.join(run.folder, FAILED)
    try:
        with open(path, encoding="utf-8") as file:
            return os.fstat(file.fileno()).st_mtime_ns, file.readline().strip()
    except FileNotFoundError:
        return None


def note_failure(run: Run, why: str) -> None:
    os.makedirs(run.folder, exist_ok=True)
    write_text(os.path.join(run.folder, FAILED), why.strip() + "\n")


def forget_failure(run: Run) -> None:
    path = os.path.join(run.folder, FAILED)
    if os.path.exists(path):
        os.remove(path)


def line(run: Run) -> dict:
    """A line of the table: what the run is and how far it is."""
    out = {"run": run.index, "row": run.row, "set": " ".join(run.set) or None, "seed": run.seed, "folder": run.folder}
    failed = failure(run)
    if is_done(run):
        return {**out, "state": "done", **_took(run)}
    if is_claimed(run.folder):
        return {**out, "state": "running"}
    return {**out, "state": "failed", "note": failed[1]} if failed else {**out, "state": "left"}


def _took(run: Run) -> dict:
    """Steps and seconds of a finished run; nothing where the file of them is damaged."""
    try:
        with open(os.path.join(run.folder, RUN), encoding="utf-8") as file:
            return {key: value for key, value in json.load(file).items() if key in ("steps", "seconds")}
    except (ValueError, AttributeError):
        return {}

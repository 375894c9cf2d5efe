"""The runs of a sweep, each in a folder of its own, and how far each of them is.

The folders are those of `comparison`: what a sweep trained, a comparison in the same folder finds and only evaluates.
"""

import json
import os
from collections.abc import Sequence
from typing import NamedTuple

from tfrobust.errors import InputError
from tfrobust.experiments.folder_lock import is_claimed
from tfrobust.experiments.recipe import Recipe
from tfrobust.experiments.saved_runs import RUN, SETTINGS, is_finished
from tfrobust.experiments.settings_file import different_lines, text_of
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
    """One run of a sweep.

    Attributes:
        index: its place in the list.
        set: what was set of its recipe, as people read it.
        recipe: what makes its weights.
        folder: where it lives.
    """

    index: int  # type: ignore[assignment]  # A field, not the method of a tuple.
    set: tuple[str, ...]
    recipe: Recipe
    folder: str

    @property
    def seed(self) -> int:
        """The seed of its weights, data order and draws."""
        return self.recipe.training.seed

    @property
    def name(self) -> str:
        """How people read it: the recipe's name, what was set of it, the seed."""
        return ", ".join([self.recipe.name, *self.set, f"seed {self.seed}"])


def make_runs(recipes: Sequence[Recipe], seeds: Sequence[int], output: str) -> list[Run]:
    """A run of every recipe with every seed, in output/seedSEED/NAME.

    Args:
        recipes: of different names.
        seeds: each once.
        output: the folder of the sweep.

    Raises:
        InputError: where two would share a folder.
    """
    if len({recipe.name for recipe in recipes}) < len(recipes) or len(set(seeds)) < len(seeds):
        raise InputError("two runs would share a folder: give each recipe a name of its own, and each seed once")
    pairs = [(seed, recipe) for seed in seeds for recipe in recipes]
    return [
        Run(i, (), recipe.seeded(seed), os.path.join(output, f"seed{seed}", recipe.name))
        for i, (seed, recipe) in enumerate(pairs)
    ]


def is_done(run: Run) -> bool:
    """Whether a `run` in its folder came to its end, with these settings."""
    path = os.path.join(run.folder, SETTINGS)
    if not is_finished(run.folder) or not os.path.exists(path):
        return False
    with open(path, encoding="utf-8", errors="replace") as file:
        there = "".join(line for line in file if not line.startswith("#"))
    return not different_lines(there, text_of(run.recipe.identity()), run.recipe.defaults())


def failure(run: Run) -> tuple[int, str] | None:
    """(when, why) of a `run` that failed and was not begun again, when in nanoseconds; None for others."""
    path = os.path.join(run.folder, FAILED)
    try:
        with open(path, encoding="utf-8") as file:
            return os.fstat(file.fileno()).st_mtime_ns, file.readline().strip()
    except FileNotFoundError:
        return None


def note_failure(run: Run, why: str) -> None:
    """Notes in the folder of the `run` that it failed, and `why`; the first line of that stands in the table."""
    os.makedirs(run.folder, exist_ok=True)
    write_text(os.path.join(run.folder, FAILED), why.strip() + "\n")


def forget_failure(run: Run) -> None:
    """Removes what `note_failure` left of the `run`, if anything."""
    path = os.path.join(run.folder, FAILED)
    if os.path.exists(path):
        os.remove(path)


def line(run: Run) -> dict:
    """A line of the table: what the `run` is and how far it is."""
    out = {"run": run.index, "row": run.recipe.name, "set": " ".join(run.set) or None, "seed": run.seed}
    out["folder"] = run.folder
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

"""The flags of a sweep, and the runs that they ask for."""

import itertools
import os
import re
from typing import NamedTuple

from absl import flags

from flags import recipe_flags
from flags.parsing import parse_seeds
from tfrobust.errors import InputError


def define(fv: flags.FlagValues) -> None:
    """What is run, where, and where to."""
    where = {"flag_values": fv}
    flags.DEFINE_list("rows", None, "Flagfiles of the runs, as launch.train takes them. Required.", **where)
    flags.DEFINE_list("seeds", ["0"], "Seeds; each trains every row.", **where)
    flags.DEFINE_list("overrides", [], "Flags that win over those of every row, such as --steps=100.", **where)
    flags.DEFINE_multi_string("set", [], "NAME=VALUE,VALUE: a flag and its values; may be given again.", **where)
    flags.DEFINE_string("output", None, "Folder of the table and the runs. Required.", **where)
    flags.DEFINE_string("data_dir", None, "Folder of the data sets (see launch.train).", **where)
    flags.DEFINE_string("saliency_dir", None, "Folder of teachers and maps (see launch.train).", **where)
    flags.DEFINE_bool("download", False, "Let TFDS download a data set that is not there.", **where)
    flags.DEFINE_bool("status", False, "Print and write the table, and do nothing else.", **where)
    flags.DEFINE_integer("only", None, "Only the run with this number in the table.", lower_bound=0, **where)
    flags.DEFINE_enum("write", None, ["slurm", "kubernetes"], "Write a job file instead of training.", **where)
    flags.DEFINE_integer("parallel", 0, "Job files: runs at a time (0: all).", lower_bound=0, **where)
    flags.DEFINE_integer("gpus", 0, "Job files: GPUs of a run.", lower_bound=0, **where)
    flags.DEFINE_list("sbatch", [], "Slurm: further options, such as --time=04:00:00,--mem=16G.", **where)
    flags.DEFINE_string("image", None, "Kubernetes: image in which launch.sweep runs.", **where)
    flags.DEFINE_string("volume", None, "Kubernetes: persistent volume claim, which appears at --output.", **where)
    flags.DEFINE_string(
        "workdir", None, "Job files: folder there in which launch.sweep runs (this one, unless given).", **where
    )
    flags.mark_flags_as_required(["rows", "output"], fv)


class Plan(NamedTuple):
    """A run as the flags say it, checked as far as that costs no TensorFlow.

    Attributes:
        row: the name of its recipe.
        set: what was set of it.
        flagfile, overrides: what it is, as launch.train takes it.
        folder: where it lives.
    """

    row: str
    set: tuple[str, ...]
    flagfile: str
    overrides: tuple[str, ...]
    folder: str


def read_plans(fv: flags.FlagValues) -> list[Plan]:
    """All runs: every flagfile with every seed and every combination of the values of --set; raises InputError."""
    if not fv.rows or not fv.seeds:
        raise InputError("--rows and --seeds need at least one entry each")
    common = [*fv.overrides, *recipe_flags.source_overrides(fv)]
    plans = []
    for seed, flagfile, values in itertools.product(
        parse_seeds(fv.seeds), fv.rows, itertools.product(*map(_set, fv.set))
    ):
        row = recipe_flags.name_of(flagfile)
        given = (*common, *(f"--{value}" for value in values), f"--seed={seed}")
        name = re.sub(r"[^\w.=-]+", "_", "-".join([row, *values]))
        plans.append(Plan(row, values, flagfile, given, os.path.join(fv.output, f"seed{seed}", name)))
        recipe_flags.read_flags(flagfile, given)
    folders = [plan.folder for plan in plans]
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice:
        raise InputError(f"two runs would share {twice}: name each flagfile, each value and each seed once")
    return plans


def _set(text: str) -> list[str]:
    name, _, values = text.partition("=")
    if name in recipe_flags.OF_THE_MACHINE:
        raise InputError(f"--set={text}: {name} makes no other network, so all its values would be one run")
    if not re.fullmatch(r"\w+", name) or name in ("seed", "flagfile") or not all(values.split(",")):
        raise InputError(
            f"--set={text}: write NAME=VALUE,VALUE with the name of a flag of launch.train (seeds: --seeds)"
        )
    return [f"{name}={value}" for value in values.split(",")]

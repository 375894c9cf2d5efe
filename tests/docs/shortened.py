"""The verbs' commands of the pages, made to end in seconds by flags at their ends, and what no flag makes shorter."""

import importlib
import os
import re

import numpy as np

from flags.parsing import words_as_flags
from launch import comparison_pages, suite
from launch.command_line import within
from tests.docs.furnished import spoken_out
from tests.docs.pages import Command
from tests.helpers import run_here, shorten_audits
from tfrobust import kernels, report
from tfrobust.attacks import auto
from tfrobust.benchmark import growth_table
from tfrobust.downstream.tasks import corruptions
from tfrobust.evaluation import certificate
from tfrobust.experiments import comparison
from tfrobust.monitoring import probe
from tfrobust.papers import measurements
from tfrobust.papers.reported import paper_rows

FEW = ["--examples=20", "--attribution_examples=2", "--pgd_steps=1", "--ifia_steps=1", "--map_steps=2"]
FEW += ["--autoattack_queries=5"]
SHORT = {
    "train": [],
    "evaluate": FEW,
    "audit": ["--eps=8/255", "--images=2", "--minutes=5"],
    "diff": ["--explained=2", "--attacked=2", "--steps=2", "--points=2"],
    "evidence": [],
    "benchmark": ["--jobs=kendall", "--rounds=1", "--side=16", "--maps=1", "--epoch=4", "--batch=2", "--pretraining=1"],
    "claims": [],
    "cost": ["--papers=", "--rows=flags/digits/natural.flags", "--noseconds"],
    "growth": ["--axes=batch", "--batch=1,2", "--path_points=1", "--attack_steps=1", "--side=8", "--width=0.1"],
    "compare": [*FEW, "--seeds=0"],
    "demo": [],
    "reproduce": ["--budget=smoke"],
    "downstream": ["--examples=4", "--map_examples=2"],
    "export": ["--map_steps=2"],
    "serve": ["--port=0"],
    "sweep": ["--seeds=0"],
    "verify": [],
    "zoo": [],
    "memory": ["--model=digits_cnn", "--image_size=8", "--ig_steps=2", "--chunks=1", "--measured=1"],
}

WORDS = {
    "diff": ("before", "after"),
    "evidence": ("audit",),
    "zoo": ("action", "name"),
}  # Flags that may come first, as words.
INSTEAD = {"list", "write"}  # They have reproduce and sweep say or write what is to be done.
# Verbs, and flags of verbs, whose commands take long, and the file that runs them in `make test`; evaluate has the
# flags of what a comparison measures, too.
ELSEWHERE = {
    "audit --fail_if": "launch/test_audit.py",
    "audit --baseline": "launch/test_audit.py",
    "compare --auto_level": "launch/test_suite.py",
    "compare --name": "launch/test_verbs.py",
    "diff": "launch/test_diff.py",
    "downstream": "launch/test_downstream.py",
    "evaluate --natural": "launch/test_suite.py",
    "growth": "launch/test_growth_verb.py",
    "sweep": "launch/test_sweep.py",
    "train --probe_every": "launch/test_probe.py",
    "train --probe_examples": "launch/test_probe.py",
    "train --saliency": "launch/test_saliency.py",
    "train --strategy": "launch/test_strategies.py",
    "zoo": "launch/test_zoo.py",
}


def by_name(args: list[str]) -> dict:
    """name -> value of the flags; the last of a name counts."""
    return dict(word.removeprefix("--").partition("=")[::2] for word in args)


def short(command: Command) -> list[str]:
    """What the verb is given, with the reader's own spoken out and the flags that make it short at the end."""
    args = words_as_flags([command.verb, *map(spoken_out, command.given)], *WORDS.get(command.verb, ()))[1:]
    given, more = by_name(args), []
    if "probe_every" in given:
        more = ["--probe_every=2", "--probe_examples=2"]
    if "steps" in given:  # An epoch of the furnished data is short, a given number of steps is not.
        more = [*more, "--steps=2"]
    if "map_masks" in given:
        more = [*more, "--map_masks=4"]
    if "map_stride" in given:
        more = [*more, "--map_patch=14", "--map_stride=14"]
    if command.verb == "reproduce" and "table" in given:  # One line of the table; test_reproduce.py makes them all.
        more = [f"--methods={next(r.method for r in paper_rows() if [r.paper, r.table] == table_of(command))}"]
    if command.verb == "compare":
        more = [f"--rows={','.join(two_of(given['rows'].split(',')))}"]
        if "--steps=" in given.get("overrides", ""):  # They win over the short rows that are furnished.
            more += [f"--overrides={re.sub('--steps=[0-9]+', '--steps=2', given['overrides'])}"]
    if command.verb == "sweep" and "set" in given and "write" not in given:
        more = [f"--rows={given['rows'].split(',')[0]}"]
    if given.get("strategy") == "mirrored":  # There may be no GPU.
        more = ["--replicas=1"]
    if not kernels.cpu_flags() or not kernels.cpu_flags() & kernels.BFLOAT16_UNITS:  # tests/test_kernels.py refuses it.
        more = [*more, *(["--precision=float32"] if "precision" in given else [])]
    return [*args, *SHORT[command.verb], *more]


def two_of(rows: list[str]) -> list[str]:
    """The first row, and the one that controls are made of, or else the second one."""
    madry = [row for row in rows[1:] if os.path.basename(row).startswith("madry")]
    return [rows[0], *(madry or rows[1:])[:1]]


def table_of(command: Command) -> list[str]:
    given = by_name(command.given)
    return [given.get("paper", ""), given.get("table", "")]


def is_sweep(command: Command) -> bool:
    """Whether it reproduces a figure for which a method is trained many times."""
    return command.verb == "reproduce" and tuple(table_of(command)) in measurements.SWEEPS


def is_of_several(command: Command) -> bool:
    """Whether it is one of several processes, on several machines, that wait for each other."""
    return by_name(command.given).get("strategy") == "multi_worker"


def different(commands: list[Command]) -> list[Command]:
    """Those of verbs that still differ when they are short; of a loop, its first turn."""
    found = {}
    for command in commands:
        if command.verb and not command.again:
            found.setdefault((command.verb, *sorted(by_name(short(command)).items())), command)
    return list(found.values())


def repeated(commands: list[Command]) -> list[Command]:
    """Those of other pages than README.md that have no flag of a verb that the others don't have, or that tests of the
    verb don't give it; and those of pages of results alone, which say how something was measured, and which nobody
    starts with."""
    first = [command for command in commands if "README.md" in command.pages]
    results = [command for command in commands if all(page.startswith("docs/results/") for page in command.pages)]
    later = [command for command in commands if command not in first + results]
    known = set().union(*map(kinds, first), *(filter(is_run_elsewhere, kinds(command)) for command in later))
    while later:
        command = max(later, key=lambda command: len(kinds(command) - known))
        if kinds(command) <= known:
            break
        known |= kinds(command)
        later.remove(command)
    return later + results


def kinds(command: Command) -> set[tuple[str, ...]]:
    """(verb, name) of each of its flags, and the verb alone; a flag that has the verb do something else is part of the
    verb."""
    names = set(by_name(words_as_flags([command.verb, *command.given], *WORDS.get(command.verb, ()))[1:]))
    verb = command.verb, *sorted(names & INSTEAD)
    return {verb, *((*verb, name) for name in names)}


def is_run_elsewhere(kind: tuple[str, ...]) -> bool:
    """Whether a test of the verb gives it that flag, or every command of the verb these at its end."""
    verb, *names = kind
    short = by_name(SHORT[verb])
    return verb in ELSEWHERE or any(f"{verb} --{name}" in ELSEWHERE or name in short for name in names)


def hurry(monkeypatch) -> None:
    """Makes shorter what has no flag: severities of corruptions, the attacks of an audit that has time, the parts and
    steps of auto, the draws of a certificate, the grid of the spatial attack.

    Leaves out the pictures, the cost of a comparison's steps, and what an audit attacks to know what a step costs.
    What is measured in a process of its own is measured in this one, which has imported everything.
    """
    monkeypatch.setattr(within, "run", run_here)
    monkeypatch.setattr(corruptions, "SEVERITIES", (3,))
    monkeypatch.setattr(comparison, "step_seconds", lambda recipes, *_: {recipe.name: 1.0 for recipe in recipes})
    monkeypatch.setattr(suite, "draw", lambda *_: None)
    monkeypatch.setattr(report, "draw_panels", lambda *_: None)
    monkeypatch.setattr(growth_table, "draw", lambda *_: None)
    monkeypatch.setattr(report, "html_picture", lambda *_: "")
    monkeypatch.setattr(probe, "pictures", lambda *_: np.zeros((1, 2, 2, 3), np.uint8))
    for name in ("_draw", "_draw_scores"):
        monkeypatch.setattr(comparison_pages, name, lambda *_: None)
    shorten_audits(monkeypatch, steps=3, pgd_steps=2)
    for level in auto.LEVELS:
        monkeypatch.setitem(auto.LEVELS, level, auto.Level(steps=2, squares=3, noise=2))
    monkeypatch.setattr(auto, "RUNS", {"rank": (1, 1, 1), "top-k": (1, 1, 1)})
    monkeypatch.setattr(certificate, "DRAWS", 10)
    # Its room has a function of that name.
    monkeypatch.setattr(importlib.import_module("tfrobust.attacks.spatial"), "ROTATIONS", 3)

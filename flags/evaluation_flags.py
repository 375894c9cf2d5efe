"""The flags of an evaluation, and its spec."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from absl import flags

from flags import map_flags
from flags.parsers import define_memory, define_number, define_points
from tfrobust.errors import InputError
from tfrobust.names import (
    AUTO_LEVELS,
    AUTO_TASK,
    AUTOATTACK_TASK,
    AUTOATTACK_VERSIONS,
    BALLS,
    CRITERIA,
    GOALS,
    KEEP,
    LOSSES,
    TIES,
)

if TYPE_CHECKING:
    from tfrobust.attacks import PredictionAttack
    from tfrobust.evaluation import MapTask, Suite
    from tfrobust.memory_budget import Chunking

OF_PREDICTIONS = ("eps", "pgd_steps", "pgd_step_size")
REQUIRED = (*OF_PREDICTIONS, "ifia_steps", "ifia_step_size", "map_k")

NEEDS_K = ("top_k", "target", "top_k_margin", "top_k_pairs")  # Goals that move a set of pixels.
OF_SUITES = (
    "eps",
    "examples",
    "attribution_examples",
    "evaluation_seed",
    "evaluation_batch",
    "noise_draws",
    "pgd_steps",
    "ifia_steps",
    "auto_level",
    "autoattack_version",
    "autoattack_queries",
    "map_steps",
    "map_references",
    "map_ties",
    "map_window",
    "map_chunk",
    "memory_gb",
)


def define(fv: flags.FlagValues) -> None:
    """What it is measured with.  pgd_*: attack on predictions; ifia_*: attack on attributions; map_*: the map."""
    where = {"flag_values": fv}
    map_flags.define(fv)
    flags.DEFINE_integer("examples", 0, "Test images used, drawn at random (0: all).", **where)
    flags.DEFINE_bool("maps", True, "Attack maps. --nomaps: predictions alone.", **where)
    flags.DEFINE_integer(
        "attribution_examples", 0, "Correctly predicted ones of these to attack maps of (0: all).", **where
    )
    flags.DEFINE_integer("evaluation_seed", 0, "Seed of that choice and of the attacks' random starts.", **where)
    flags.DEFINE_integer("evaluation_batch", 100, "Images held at once.", lower_bound=1, **where)
    define_points("map_chunk", "Path points held at once (all unless given); auto: what --memory_gb allows.", fv)
    define_memory(fv)
    define_number("eps", None, "Radius of the ball of all attacks, in units of [0, 1] (8/255, not 8).", fv)
    flags.DEFINE_enum("norm", "linf", list(BALLS), "Norm of the ball.", **where)
    flags.DEFINE_integer("pgd_steps", None, "PGD: steps.", **where)
    define_number("pgd_step_size", None, "PGD: length of a step.", fv)
    flags.DEFINE_integer("pgd_restarts", 1, "PGD: runs, the best of which counts.", **where)
    flags.DEFINE_enum("pgd_loss", "cross_entropy", list(LOSSES), "PGD: loss that is raised.", **where)
    flags.DEFINE_enum("pgd_keep", "best", KEEP, "PGD: iterate that counts: the best by loss, or the last.", **where)
    flags.DEFINE_bool("pgd_random_start", True, "PGD: start at a random point.", **where)
    flags.DEFINE_enum(
        "ifia_goal", "top_k", list(GOALS), "IFIA: what is attacked; manipulation: towards a map.", **where
    )
    flags.DEFINE_bool("ifia_keep_label", False, "IFIA: take back steps that change the label.", **where)
    flags.DEFINE_bool("ifia_curvature_only", False, "IFIA: softplus' second derivative alone (FAR).", **where)
    flags.DEFINE_integer("ifia_steps", None, "IFIA: steps.", **where)
    define_number("ifia_step_size", None, "IFIA: length of a step.", fv)
    flags.DEFINE_integer(
        "ifia_k",
        None,
        "IFIA: pixels whose attribution is moved. Required by top_k, target, top_k_margin and top_k_pairs.",
        **where,
    )
    flags.DEFINE_bool(
        "ifia_adaptive", False, "IFIA: APGD's steps, which halve; --ifia_step_size is the first.", **where
    )
    flags.DEFINE_integer(
        "ifia_path_points", None, "IFIA: path points of the attack's own map, at most those of the map (all).", **where
    )
    flags.DEFINE_integer("ifia_restarts", 1, "IFIA: runs, the best of which counts.", **where)
    flags.DEFINE_bool("ifia_random_start", False, "IFIA: start the first run at a random point.", **where)
    flags.DEFINE_float("ifia_beta", 1.0, "IFIA: beta of the softplus surrogate (0: no surrogate).", **where)
    flags.DEFINE_enum("ifia_criterion", "kendall", CRITERIA, "IFIA: chooses the iterate.", **where)
    flags.DEFINE_enum(
        "auto_level",
        None,
        AUTO_LEVELS,
        "Budget of --suite=auto (standard unless given). Without a suite: the maps are attacked by auto as well.",
        **where,
    )
    flags.DEFINE_enum(
        "autoattack_version",
        None,
        AUTOATTACK_VERSIONS,
        "Version of --suite=autoattack (standard unless given); rand: for networks with random answers. --norm is "
        "that of its ball, --pgd_steps the steps of its runs that follow gradients (100 unless given). Without a "
        "suite: predictions are attacked by AutoAttack, of 100 such steps, as well.",
        **where,
    )
    flags.DEFINE_integer("autoattack_queries", 5000, "AutoAttack: queries of its random search.", **where)
    flags.DEFINE_integer("noise_draws", 1, "Random control: draws, the worst of which counts.", **where)
    flags.DEFINE_bool(
        "map_references",
        None,
        "Measure how far maps depend on their reference, the rule and the number of points (unless given: in the "
        "suites full and auto).",
        **where,
    )
    flags.DEFINE_enum("map_ties", "exact", TIES, "How ties are ranked.", **where)
    flags.DEFINE_integer("map_k", None, "k of the top-k intersection.", **where)
    flags.DEFINE_integer("map_window", 1, "LENS: rows and columns by which it forgives a move.", **where)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError where a flag that `from_flags` needs is missing; this costs no TensorFlow."""
    missing = [f"--{name}" for name in (REQUIRED if fv.maps else OF_PREDICTIONS) if fv[name].value is None]
    if missing:
        raise InputError(f"an evaluation needs {', '.join(missing)}: the papers' values are in flags/")
    if not fv.maps and fv.auto_level:
        raise InputError("--nomaps leaves no map for the ensemble of --auto_level: leave out one of them")
    if fv.maps and fv.ifia_k is None and fv.ifia_goal in NEEDS_K:
        raise InputError(f"--ifia_goal={fv.ifia_goal} needs --ifia_k, the number of pixels whose attribution is moved")


def from_flags(fv: flags.FlagValues) -> Suite:
    """One attack on predictions and one on a map, and beside each the strongest where the flags ask for it."""
    check(fv)
    from tfrobust.evaluation import Suite

    tasks = _map_tasks(fv) if fv.maps else {}
    return Suite(
        "evaluation",
        _prediction_attacks(fv),
        tasks,
        examples=fv.examples,
        attribution_examples=fv.attribution_examples,
        doubled=0,
        faithful=AUTO_TASK in tasks,  # A floor for a ranking.
        aligned=False,
        referenced=bool(fv.map_references),
        noise_draws=fv.noise_draws,
        seed=fv.evaluation_seed,
    )


def _prediction_attacks(fv: flags.FlagValues) -> dict[str, PredictionAttack]:
    """PGD and, where it is asked for, AutoAttack."""
    from tfrobust.attacks import AutoAttack, Pgd

    ball = {"norm": fv.norm, "seed": fv.evaluation_seed}
    pgd = Pgd(
        fv.eps,
        fv.pgd_steps,
        fv.pgd_step_size,
        restarts=fv.pgd_restarts,
        loss=fv.pgd_loss,
        random_start=fv.pgd_random_start,
        keep=fv.pgd_keep,
        **ball,
    )
    if not fv.autoattack_version:
        return {pgd.name: pgd}
    version = {"version": fv.autoattack_version, "queries": fv.autoattack_queries}
    return {pgd.name: pgd, AUTOATTACK_TASK: AutoAttack(fv.eps, **version, **ball)}


def _map_tasks(fv: flags.FlagValues) -> dict[str, MapTask]:
    """IFIA and, where it is asked for, the ensemble auto."""
    from tfrobust.attacks import Ifia, auto_ensemble
    from tfrobust.evaluation import MapTask
    from tfrobust.similarity import Comparison

    ifia = Ifia(
        fv.eps,
        fv.ifia_steps,
        fv.ifia_step_size,
        goal=_goal(fv),
        keep_label=fv.ifia_keep_label,
        adaptive=fv.ifia_adaptive,
        path_points=fv.ifia_path_points,
        curvature_only=fv.ifia_curvature_only,
        restarts=fv.ifia_restarts,
        random_start=fv.ifia_random_start,
        softplus_beta=fv.ifia_beta or None,
        criterion=fv.ifia_criterion,
        norm=fv.norm,
        seed=fv.evaluation_seed,
    )
    task = MapTask(map_flags.from_flags(fv), ifia, Comparison(fv.map_k, fv.map_ties, fv.map_window))
    if not fv.auto_level:
        return {ifia.name: task}
    ensemble = auto_ensemble(fv.eps, fv.map_k, fv.auto_level, fv.norm, fv.evaluation_seed)
    return {ifia.name: task, AUTO_TASK: replace(task, attack=ensemble)}


def _goal(fv: flags.FlagValues):
    kind = GOALS[fv.ifia_goal]
    return kind(k=fv.ifia_k) if fv.ifia_goal in NEEDS_K else kind()


def chunking(fv: flags.FlagValues) -> Chunking:
    """Images and path points held at once."""
    from tfrobust.memory_budget import Chunking

    return Chunking(fv.evaluation_batch, fv.map_chunk, fv.memory_gb)


def check_suite(fv: flags.FlagValues, name: str) -> None:
    """Raises InputError where a flag is given that a suite has no use for; this costs no TensorFlow."""
    known = {*OF_SUITES, "norm"} if name == "autoattack" else OF_SUITES
    ignored = [f"--{flag}" for flag in _own_flags() if flag not in known and fv[flag].present]
    if ignored:
        raise InputError(f"--suite={name} has its own settings: leave out {', '.join(ignored)}")


def suite_from_flags(fv: flags.FlagValues, name: str, shape) -> Suite:
    """The suite of that name for images of shape (H, W, C), cut or changed by the flags that are given."""
    check_suite(fv, name)
    from tfrobust.attacks import Ensemble
    from tfrobust.papers.suites import make_suite
    from tfrobust.spec_values import replace_known

    options = {"level": fv.auto_level} if name == "auto" else {}
    if name == "autoattack":
        options = {"version": fv.autoattack_version, "norm": fv.norm}
    suite = make_suite(name, os.path.splitext(os.path.basename(fv.dataset))[0], shape, fv.eps, **options)

    def map_of(spec):
        if not fv["map_steps"].present:
            return spec
        return replace(spec, attribution=replace_known(spec.attribution, steps=fv.map_steps))

    def attack_of(attack, steps):
        if isinstance(attack, Ensemble):
            return attack.with_options(seed=fv.evaluation_seed, **({} if steps is None else {"steps": steps}))
        n = {} if steps is None or not getattr(attack, "steps", 0) else {"steps": steps}
        return replace_known(attack, seed=fv.evaluation_seed, queries=fv.autoattack_queries, **n)

    def task_of(task):
        comparison = replace(task.comparison, ties=fv.map_ties, window=fv.map_window)
        return replace(task, map=map_of(task.map), attack=attack_of(task.attack, fv.ifia_steps), comparison=comparison)

    most = fv["attribution_examples"]
    return replace(
        suite,
        predictions={key: attack_of(attack, fv.pgd_steps) for key, attack in suite.predictions.items()},
        attributions={key: task_of(task) for key, task in suite.attributions.items()},
        transfer={key: map_of(spec) for key, spec in suite.transfer.items()},
        examples=fv.examples,
        attribution_examples=most.value if most.present else suite.attribution_examples,
        noise_draws=fv.noise_draws,
        referenced=suite.referenced if fv.map_references is None else fv.map_references,
        seed=fv.evaluation_seed,
    )


def _own_flags():
    fv = flags.FlagValues()
    define(fv)
    return list(fv)

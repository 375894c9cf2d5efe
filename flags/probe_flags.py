"""Flags of the measurements that TensorBoard shows while a network trains."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from absl import flags

from flags import data_flags, evaluation_flags
from flags.parsing import parse
from tfrobust.errors import InputError

if TYPE_CHECKING:
    from tfrobust.monitoring.probe import ProbePlan

STEPS, MAP_STEPS = 10, 20  # Defaults for the attacks and for Integrated Gradients.


def define(fv: flags.FlagValues) -> None:
    """Measurements during training, for TensorBoard.  They change no weight; their time is part of the run's."""
    where = {"flag_values": fv}
    flags.DEFINE_integer(
        "probe_every",
        0,
        "Steps between probes: maps and attacked maps, accuracies, top-k, Kendall (0: none).",
        lower_bound=0,
        **where,
    )
    flags.DEFINE_integer("probe_examples", 16, "Evaluation images that a probe measures.", lower_bound=1, **where)
    flags.DEFINE_string(
        "probe",
        None,
        f"Flagfile of an evaluation: its attacks and its map ({STEPS} steps, IG of {MAP_STEPS} points unless given).",
        **where,
    )


def from_flags(fv: flags.FlagValues, name: str, shape) -> ProbePlan:
    """The plan of a probe; raises InputError where it does not fit the images.

    Args:
        fv: these flags, and those of a recipe.
        name: of the data set.
        shape: of its images, (H, W, C).
    """
    from tfrobust.monitoring.probe import ProbePlan

    suite, held = _small(fv, name, shape) if fv.probe is None else _read(fv)
    suite.check_shape(shape)
    return ProbePlan(suite, fv.probe_every, fv.probe_examples, held)


def _read(fv: flags.FlagValues):
    if not os.path.exists(fv.probe):
        raise InputError(f"--probe={fv.probe}: no such file")
    rooms, given = (data_flags.define, evaluation_flags.define), [f"--dataset={fv.dataset}", f"--flagfile={fv.probe}"]
    own = parse(rooms, ["probe", *given])
    if not own.maps:
        raise InputError(f"--probe={fv.probe}: a probe attacks maps, and the flagfile says --nomaps")
    return evaluation_flags.from_flags(own), evaluation_flags.chunking(own)


def _small(fv: flags.FlagValues, name: str, shape):
    from tfrobust.attacks import Ifia, Pgd, TopK
    from tfrobust.attributions import make_map
    from tfrobust.evaluation import MapTask, Suite
    from tfrobust.memory_budget import Chunking
    from tfrobust.papers.suites import budget
    from tfrobust.similarity import Comparison

    try:
        known = budget(name, shape, fv.eps)
    except InputError as e:
        raise InputError(f"{e}, or --probe=FLAGFILE, for a probe to attack with") from e
    attack = known.eps, STEPS, known.eps / 4
    ifia = Ifia(*attack, goal=TopK(known.k_attack))
    task = MapTask(make_map(steps=MAP_STEPS), ifia, Comparison(known.k))
    return Suite.of_one(Pgd(*attack, random_start=True), task), Chunking(fv.probe_examples)

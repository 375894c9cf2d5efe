"""Jobs of attacks and maps: IFIA beside RAR's static graph; IG beside captum; PGD beside torchattacks and foolbox."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from tfrobust.attacks import Ifia, Pgd, TopK
from tfrobust.attributions import MapSpec
from tfrobust.attributions.integrated_gradients import IntegratedGradients
from tfrobust.benchmark import setting as of
from tfrobust.benchmark.authors_graph import AuthorsIfia
from tfrobust.benchmark.jobs import OURS, Agreement, Goal, Job, near
from tfrobust.benchmark.operations import count_operations
from tfrobust.benchmark.peer import Peer
from tfrobust.benchmark.setting import Setting, threads
from tfrobust.benchmark.training_jobs import AUTHORS
from tfrobust.benchmark.turns import timed
from tfrobust.losses import cross_entropy
from tfrobust.similarity import Comparison, kendall


def ifia_jobs(setting: Setting) -> list[Job]:
    """IFIA by RAR's protocol, from the image itself; the paper makes three runs, which are all the same."""
    sizes, (x, y) = setting.sizes, setting.first(setting.sizes.ifia_images)
    attack = Ifia(of.EPS, sizes.ifia_steps, of.STEP_SIZE, goal=TopK(setting.k))
    spec, comparison = MapSpec(IntegratedGradients(sizes.map_points)), Comparison(setting.k)
    plan: dict[str, Any] = {"eps": of.EPS, "steps": sizes.ifia_steps, "step_size": of.STEP_SIZE}
    own = {**plan, "k": setting.k, "points": sizes.map_points}
    run = functools.cache(lambda: attack.on_maps(setting.network, spec, comparison))
    authors = functools.cache(lambda: AuthorsIfia(setting.network.get_weights(), setting.shape, **own))

    def ours():
        maps = run()(x, y)
        return {"kendall": kendall(maps.a, maps.a_adv)}

    def theirs():
        return {"kendall": np.array([authors().attack(each, label) for each, label in zip(x, y)])}

    sides = {OURS: timed(ours), AUTHORS: timed(theirs)}
    what = f"{len(x)} images, {sizes.ifia_steps} iterations, IG of {sizes.map_points} points"
    shared = "image", len(x), _same_mean("kendall", 0.03)
    return [
        Job("IFIA, one run", what, sides, (Goal(times=1.6),), *shared),
        Job(
            "IFIA, RAR's protocol",
            f"{what}; {of.RUNS} runs from the image itself, the time of one taken {of.RUNS} times",
            sides,
            (Goal(times=6.0),),
            *shared,
            factors={AUTHORS: of.RUNS},
        ),
    ]


def _same_mean(name, tolerance) -> Agreement:
    """Results agree where their means do: an attack of many signed steps goes apart at the first sign that differs."""

    def agree(ours, theirs):
        a, b = (float(np.mean(each[name])) for each in (ours, theirs))
        return None if abs(a - b) <= tolerance else f"mean {name} is {a:.3f}, theirs {b:.3f}"

    return agree


def peer_arrays(setting: Setting) -> dict:
    """What a process of other libraries is given; see `torch_peer`."""
    x, y = setting.first(setting.sizes.images)
    sizes = {"steps": setting.sizes.pgd_steps, "points": setting.sizes.map_points, "threads": threads()}
    weights = {f"w{i}": w for i, w in enumerate(setting.network.get_weights())}
    return {**weights, "x": x, "y": y, "eps": of.EPS, "step_size": of.STEP_SIZE, **sizes}


def peer_jobs(setting: Setting, peer: Peer) -> list[Job]:
    """Integrated Gradients, and PGD from the image itself, beside those libraries that the process has."""
    sizes, network, (x, y) = setting.sizes, setting.network, setting.first(setting.sizes.images)
    x_given, y_given = tf.constant(x), tf.constant(y)
    ig, pgd = IntegratedGradients(sizes.map_points), Pgd(of.EPS, sizes.pgd_steps, of.STEP_SIZE, keep="last")
    numbers, attack = tf.range(len(x)), pgd.on_predictions(network)
    work = {"ig": lambda x, y: ig(network, "logit", x, y), "pgd": lambda x, y: attack(x, y, numbers)}

    @functools.cache
    def function(kind):
        return tf.function(work[kind], autograph=False).get_concrete_function(x_given, y_given)

    def sides(kind):
        ours = timed(lambda: {"found": function(kind)(x_given, y_given).numpy()})
        return {OURS: ours, **{job.split()[1]: peer.side(job) for job in peer.jobs if job.startswith(kind)}}

    def job(kind, name, what, times, agree):
        goals = Goal(times=times), Goal(no_more_memory=True)
        count = lambda: count_operations(function(kind))  # noqa: E731
        return Job(name, what, sides(kind), goals, "call", agree=agree, operations=count)

    size = f"{len(x)} images, "
    return [
        job("ig", "Integrated Gradients", f"{size}{sizes.map_points} points", 2.5, near("found", 1e-3)),
        job("pgd", "PGD", f"{size}{sizes.pgd_steps} iterations", 1.5, _as_strong("found", network, y_given, 0.01)),
    ]


def _as_strong(name, network, y, tolerance) -> Agreement:
    """Attacked images agree where the network's mean loss on them does: see `_same_mean`."""

    def loss(images):
        return {name: cross_entropy(y, network(tf.constant(images[name]), training=False)).numpy()}

    def agree(ours, theirs):
        ours, theirs = loss(ours), loss(theirs)
        return _same_mean(name, tolerance * float(np.mean(theirs[name])))(ours, theirs)

    return agree

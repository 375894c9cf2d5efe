"""Jobs of training: the step of IG-SUM-NORM beside RAR's static graph, natural training beside Keras."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust.benchmark import setting as of
from tfrobust.benchmark.authors_graph import AuthorsStep
from tfrobust.benchmark.jobs import OURS, Goal, Job, all_of, mostly_near, near
from tfrobust.benchmark.operations import count_operations
from tfrobust.benchmark.setting import Setting, compile_plainly
from tfrobust.benchmark.traced_step import ig_sum_norm, still_trainer, traced
from tfrobust.benchmark.turns import timed
from tfrobust.objectives.natural import Natural
from tfrobust.robust_model import RobustModel
from tfrobust.types import Batch, Objective, Step

AUTHORS = "static graph"


@dataclass(frozen=True)
class _Given:
    """An objective whose inner maximum is given: its step is the descent alone."""

    objective: Objective
    x_adv: np.ndarray

    def inner(self, network, batch, step):
        return tf.constant(self.x_adv)

    def outer(self, network, batch, x_adv, step):
        return self.objective.outer(network, batch, x_adv, step)


def step_jobs(setting: Setting) -> list[Job]:
    """The two parts of a step of IG-SUM-NORM, from the same weights and images: inner attack, and descent."""
    sizes, (x, y) = setting.sizes, setting.first(setting.sizes.batch)
    signs = np.random.RandomState(0).choice([-1, 1], x.shape)
    x_adv = np.clip(x + of.EPS * signs, 0, 1).astype(np.float32)  # Of the descent, which is timed alone.
    # Built when they are called: one that is not measured takes no memory.
    authors = functools.cache(lambda: _authors(setting))
    attack = functools.cache(lambda: _attack(setting.network, _objective(sizes), x, y))
    descent = functools.cache(lambda: _descent(setting.copy(), _Given(_objective(sizes), x_adv), x, y))
    goals = Goal(times=1.35), Goal(peak_share=0.8), Goal(no_more_memory=True)
    path = f"batch {sizes.batch}, path of"
    return [
        Job(
            "IG-SUM-NORM, inner attack",
            f"{sizes.attack_steps} iterations, {path} {sizes.attack_points} points",
            {
                OURS: timed(lambda: {"x_adv": attack()(x, y).numpy()}),
                AUTHORS: timed(lambda: {"x_adv": authors().attack(x, y)}),
            },
            goals,
            "iteration",
            sizes.attack_steps,
            mostly_near("x_adv", 1e-5, 0.97),
            lambda: count_operations(attack()),
        ),
        Job(
            "IG-SUM-NORM, descent",
            f"one update of the weights, {path} {sizes.path_points} points",
            {
                OURS: timed(lambda: _logged(descent()(x, y))),
                AUTHORS: timed(lambda: _named(*authors().descend(x, x_adv, y))),
            },
            goals,
            "update",
            1,
            all_of(near("loss", 1e-4), near("gradient_norm", 1e-3)),
            lambda: count_operations(descent()),
        ),
    ]


def _authors(setting) -> AuthorsStep:
    sizes = setting.sizes
    plan = {"eps": of.EPS, "steps": sizes.attack_steps, "step_size": of.STEP_SIZE, "weight": of.WEIGHT}
    points = {"points": sizes.path_points, "attack_points": sizes.attack_points}
    return AuthorsStep(setting.network.get_weights(), setting.shape, **plan, **points)


def _objective(sizes) -> Objective:
    return ig_sum_norm(sizes.attack_steps, sizes.path_points, sizes.attack_points, random_start=False)


def _attack(network, objective, x, y):
    """The inner attack as a concrete function."""
    zero, seed = tf.constant(0, tf.int64), tf.constant([0, 0])
    step = Step(seed, seed, zero, zero, tf.constant(1.0))
    attack = tf.function(lambda x, y: objective.inner(network, Batch(x, y), step), autograph=False)
    return attack.get_concrete_function(tf.constant(x), tf.constant(y))


def _descent(network, objective, x, y):
    """A step of the trainer, which leaves the weights as they are, as a concrete function."""
    trainer = still_trainer(network, objective)
    return traced(lambda x, y: trainer.train_step((x, y)), trainer, tf.constant(x), tf.constant(y))


def _logged(logs) -> dict[str, Any]:
    return _named(logs["loss"].numpy(), logs["gradient_norm"].numpy())


def _named(loss, norm) -> dict[str, Any]:
    return {"loss": np.array(loss), "gradient_norm": np.array(norm)}


def natural_jobs(setting: Setting) -> list[Job]:
    """An epoch of natural training as `tfrobust.robustify` does it, beside `keras.Model.fit` on the same batches."""
    sizes, (x, y) = setting.sizes, setting.first(setting.sizes.epoch)
    ours, plain = RobustModel(setting.copy(), Natural()), setting.copy()
    ours.compile(keras.optimizers.Adam(1e-4))
    compile_plainly(plain, 1e-4)

    def epoch(model):
        history = model.fit(x, y, batch_size=sizes.batch, shuffle=False, verbose=0)
        return {"loss": np.array(history.history["loss"])}

    return [
        Job(
            "natural training",
            f"an epoch of {len(x)} images in batches of {sizes.batch}",
            {OURS: timed(lambda: epoch(ours)), "keras fit": timed(lambda: epoch(plain))},
            (Goal(times=1.0),),
            "batch",
            -(-len(x) // sizes.batch),
            near("loss", 1e-2),
        )
    ]

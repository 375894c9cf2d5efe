"""Measures one point of a growth table in this process: seconds, peak memory, operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrobust import models
from tfrobust.attacks import Ifia, TopK
from tfrobust.attributions import MapSpec
from tfrobust.attributions.integrated_gradients import IntegratedGradients
from tfrobust.benchmark import setting as of
from tfrobust.benchmark.growth_plan import Point
from tfrobust.benchmark.operations import count_operations
from tfrobust.benchmark.torch_peer import peak_memory
from tfrobust.benchmark.traced_step import ig_sum_norm, still_trainer, traced
from tfrobust.benchmark.turns import Times, take_turns, timed
from tfrobust.distribution import make_strategy
from tfrobust.similarity import Comparison

CHANNELS, CLASSES = 1, 10  # Of the MNIST network.


def measure_point(point: Point, rounds: int) -> dict[str, Any]:
    """Does the work of a point once, which compiles, and then so many times with a clock.

    Args:
        point: what is done.
        rounds: times that are taken.

    Returns:
        median, spread: of the seconds, see `Times`.
        bytes: the most that this process has held, TensorFlow included; None where the system does not say.
        operations: of a training step on one replica, counted in its graph; None elsewhere.
    """
    keras.utils.set_random_seed(0)
    work, operations = _evaluation(point) if point.images else _training(point)
    times: Times = take_turns({"work": timed(work)}, rounds)[0]["work"]
    return {"median": times.median, "spread": times.spread, "bytes": peak_memory(), "operations": operations}


def _evaluation(point: Point):
    """IFIA with RAR's ball and step, from the image itself, and the maps before and after."""
    x, y = _images(point.images, point.side)
    k = of.attacked_k(point.side**2)
    attack = Ifia(of.EPS, point.iterations, of.STEP_SIZE, goal=TopK(k))
    run = attack.on_maps(_network(point), MapSpec(IntegratedGradients(point.path_points)), Comparison(k))
    return lambda: {"a_adv": run(x, y).a_adv}, None


def _training(point: Point):
    """A step of IG-SUM-NORM, of which each replica has its part of the batch."""
    x, y = _images(point.batch, point.side)
    step = step_function(point, x, y)
    operations = None if point.replicas > 1 else count_operations(step)
    return lambda: {"loss": step().numpy()}, operations


def step_function(point: Point, x: np.ndarray, y: np.ndarray) -> Callable[[], tf.Tensor]:
    """A training step as a concrete function without arguments that returns the loss.

    Args:
        point: what is done.
        x: images [B,H,W,C].
        y: labels [B].
    """
    strategy = make_strategy("mirrored", point.replicas) if point.replicas > 1 else tf.distribute.get_strategy()
    with strategy.scope():
        objective = ig_sum_norm(point.attack_steps, point.path_points, point.path_points)
        trainer = still_trainer(_network(point), objective)
    parts = [np.array_split(values, point.replicas) for values in (x, y)]
    own = [_of_replica(strategy, part) for part in parts]

    def step():
        loss = strategy.run(lambda x, y: trainer.train_step((x, y))["loss"], args=tuple(own))
        return strategy.experimental_local_results(loss)[0]

    return traced(step, trainer)


def _of_replica(strategy, parts):
    """A value of which each replica has its part."""
    if len(parts) == 1:
        return tf.constant(parts[0])
    place = lambda context: tf.constant(parts[context.replica_id_in_sync_group])  # noqa: E731
    return strategy.experimental_distribute_values_from_function(place)


def _network(point: Point) -> keras.Model:
    return models.make_model("mnist_cnn", (point.side, point.side, CHANNELS), CLASSES, point.width)


def _images(n: int, side: int):
    draws = np.random.RandomState(0)
    return draws.rand(n, side, side, CHANNELS).astype(np.float32), (np.arange(n) % CLASSES).astype(np.int32)

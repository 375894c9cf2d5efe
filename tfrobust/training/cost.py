"""Measures the time of a training step of several methods.

They are timed in turns, in one process, so that a busy machine slows all of them alike and their ratios hold.
"""

import functools
import itertools
import time
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from tfrobust.training.trainer import Trainer
from tfrobust.types import Objective


def step_seconds(
    methods: Mapping[str, tuple[Callable[[], keras.Model], Objective, tf.data.Dataset]],
    rounds: int = 5,
    steps: int = 4,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Seconds of one training step of each method, without compilation.

    Args:
        methods: name -> (function that makes a new network, objective, data set of batches (x, y)).
        rounds: turns that are timed.
        steps: of each turn.
        tick: called after each turn.

    Returns:
        name -> seconds, the median over the turns.
    """
    run, data = {}, {}
    for name, (make_network, objective, batches) in methods.items():
        data[name] = list(itertools.islice(batches, steps))
        trainer = Trainer(make_network(), objective)
        trainer.compile(optimizer=keras.optimizers.SGD(1e-6), jit_compile=False)
        trainer.optimizer.build(trainer.network.trainable_variables)
        run[name] = tf.function(functools.partial(_on_all, trainer.train_step), autograph=False)
    seconds = {name: [] for name in run}
    for turn, (name, step) in itertools.product(range(rounds + 1), run.items()):
        began = time.perf_counter()
        for batch in data[name]:
            logs = step(batch)
        logs["loss"].numpy()
        if turn:  # The first turn compiles.
            seconds[name].append((time.perf_counter() - began) / steps)
        tick()
    return {name: float(np.median(values)) for name, values in seconds.items()}


def _on_all(step, batch):
    """The logs of a step; with several replicas each of them takes the whole batch, because all take as long as one."""
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync == 1:
        return step(batch)
    logs = strategy.run(step, args=(batch,))
    return tf.nest.map_structure(lambda value: strategy.experimental_local_results(value)[0], logs)

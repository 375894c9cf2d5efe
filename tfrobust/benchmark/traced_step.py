"""Training steps as concrete functions, which a benchmark times and whose operations it counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfrobust.benchmark import setting as of
from tfrobust.objectives import make_objective
from tfrobust.training import Trainer
from tfrobust.types import Objective


def ig_sum_norm(attack_steps: int, path_points: int, attack_points: int, **options: Any) -> Objective:
    """RAR's IG-SUM-NORM on MNIST.

    Args:
        attack_steps: iterations of the inner attack.
        path_points: of Integrated Gradients in the descent.
        attack_points: the same in the inner attack.
        **options: further settings of the method.
    """
    return make_objective(
        "ig_sum_norm",
        eps=of.EPS,
        attack_steps=attack_steps,
        step_size=of.STEP_SIZE,
        attribution_weight=of.WEIGHT,
        ig_steps=path_points,
        ig_steps_attack=attack_points,
        **options,
    )


def still_trainer(network: keras.Model, objective: Objective) -> Trainer:
    """A compiled trainer whose steps leave the weights as they are: with Adam of learning rate 0."""
    trainer = Trainer(network, objective)
    trainer.compile(optimizer=keras.optimizers.Adam(0.0), jit_compile=False)
    trainer.optimizer.build(network.trainable_variables)
    return trainer


def traced(step: Callable[..., Any], trainer: Trainer, *batch: Any) -> Any:
    """A step as a concrete function.

    Args:
        step: calls the trainer.
        trainer: it has to live as long as the function, which does not keep the variables that it changes.
        *batch: arguments of the step, or tf.TensorSpecs of theirs.
    """
    concrete = tf.function(step, autograph=False).get_concrete_function(*batch)
    concrete.trainer = trainer
    return concrete

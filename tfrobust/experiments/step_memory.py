"""Measures peak memory and seconds of a training step with Integrated Gradients."""

import resource
import time

import keras
import tensorflow as tf

from tfrobust import models
from tfrobust.experiments.recipe import ModelSpec
from tfrobust.memory_budget import GIB, taken
from tfrobust.objectives import make_objective
from tfrobust.training import Trainer


def measure_step(model: ModelSpec, shape: tuple[int, int, int], images: int, ig_steps: int, chunk: int) -> dict:
    """Memory and time of one IG-NORM step without an attack, on random images, in this process.

    Args:
        model: which network, for 10 classes.
        shape: of an image, (H, W, C).
        images: in the step.
        ig_steps: points of the path.
        chunk: points held at once.

    Returns:
        The measurements by name.
        gib: peak memory of this process, in GiB.
        above: what the step added to the peak, in GiB.
        estimate: what `memory_budget` predicts for the step, in GiB.
        seconds: time of the second step; the first one includes the compilation.
    """
    keras.utils.set_random_seed(0)
    network = models.make_model(model.name, shape, 10, model.width)
    hyper = {"eps": 8 / 255, "attack_steps": 0, "step_size": 0, "attribution_weight": 1.0, "ig_steps_attack": 1}
    trainer = Trainer(network, make_objective("ig_norm", ig_steps=ig_steps, chunk=chunk, **hyper))
    trainer.compile(optimizer="adam", jit_compile=False)
    trainer.optimizer.build(network.trainable_variables)
    batch = tf.random.uniform([images, *shape]), tf.zeros([images], tf.int32)
    before, step = peak_memory(), tf.function(trainer.train_step, autograph=False)
    float(step(batch)["loss"])
    began = time.perf_counter()
    float(step(batch)["loss"])
    return {
        "gib": peak_memory(),
        "above": peak_memory() - before,
        "estimate": taken(network, images, min(chunk, ig_steps)) / GIB,
        "seconds": time.perf_counter() - began,
    }


def peak_memory() -> float:
    """Peak memory of this process, in GiB."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024 / GIB
    except (OSError, StopIteration):  # Not Linux: this number may include the process that started this one.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB

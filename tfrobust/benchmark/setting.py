"""`Setting`: the network, the images and the sizes that all jobs of a benchmark share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from tfrobust import models
from tfrobust.benchmark.sizes import Sizes
from tfrobust.errors import InputError

EPS, STEP_SIZE, WEIGHT = 0.3, 0.01, 0.1  # RAR's on MNIST (C.1.1): the ball, a step, beta of IG-SUM-NORM.
ATTACK_STEPS, RUNS = 40, 3  # RAR's: iterations of the inner attack, runs of the attack on maps.
K_ATTACK = 200  # RAR's: size of the top-k set that the attack on maps lowers.


@dataclass(frozen=True)
class Setting:
    """The network, the images and the sizes.

    Attributes:
        network: the MNIST network, trained naturally.
        x, y: images [N,H,W,C] in [0, 1], and the classes [N] that the network predicts.
        sizes: of the jobs.
    """

    network: keras.Model
    x: np.ndarray
    y: np.ndarray
    sizes: Sizes

    @property
    def shape(self) -> Sequence[int]:
        """(H, W, C) of an image."""
        return self.x.shape[1:]

    @property
    def k(self) -> int:
        """Size of the set that the attack on maps lowers."""
        return attacked_k(self.shape[0] * self.shape[1])

    def first(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The first n images and their classes, from the beginning again where there are fewer."""
        rows = np.arange(n) % len(self.x)
        return self.x[rows], self.y[rows]

    def copy(self) -> keras.Model:
        """A copy of the network with weights of its own."""
        network = keras.models.clone_model(self.network)
        network.set_weights(self.network.get_weights())
        return network


def attacked_k(pixels: int) -> int:
    """Size of the set that the attack on maps lowers: RAR's, or a quarter of the pixels where that is less."""
    return min(K_ATTACK, pixels // 4)


def make_setting(x: np.ndarray, y: np.ndarray, sizes: Sizes, seed: int = 0) -> Setting:
    """Trains the network and makes the setting.

    Args:
        x: training images [N,H,W,C] in [0, 1].
        y: their labels [N].
        sizes: of the jobs.
        seed: of the weights at first.

    Raises:
        InputError: where there are too few images for an epoch.
    """
    if len(x) < sizes.epoch:
        raise InputError(f"there are {len(x)} training images: give --epoch, at most as many")
    keras.utils.set_random_seed(seed)
    network = models.make_model("mnist_cnn", x.shape[1:], int(y.max()) + 1, sizes.width)
    compile_plainly(network, 1e-3)
    rows = np.random.RandomState(seed).randint(0, len(x), [sizes.pretraining, sizes.batch])
    for batch in rows:
        network.train_on_batch(x[batch], y[batch])
    x = x[: sizes.epoch]
    return Setting(network, x, network.predict(x, verbose=0).argmax(axis=1).astype(np.int32), sizes)


def compile_plainly(network: keras.Model, learning_rate: float) -> None:
    """Compiles a network as any Keras user would, with Adam and the cross-entropy of its logits."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(learning_rate), loss, jit_compile=False)


def threads() -> int:
    """Processors that this process may use, as many as TensorFlow takes."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

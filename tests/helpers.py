"""What many tests need: golden numbers and the network they were computed on, small networks, a way to run a file.

Two logical CPUs stand in for two GPUs in the tests of replicas; they must be made before TensorFlow starts, so every
test file imports this one before it makes a tensor.
"""

import contextlib
import functools
import importlib
import io
import os
import subprocess
import sys
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.shallow import shallow_model
from tfrobust import training
from tfrobust.models import make_model, vit
from tfrobust.models.adl import AttentionDropout
from tfrobust.progress import Bar, Progress
from tfrobust.types import Batch, Step

_cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(_cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEIGHTS = [f"{layer}_{part}" for layer in ("conv1", "conv2", "fc1", "fc2") for part in ("kernel", "bias")]


def run_tests(path: str) -> None:
    """The main block of a test file: without one, `python FILE` and Bazel's py_test would pass whatever it holds."""
    sys.exit(pytest.main([path, "-q", "-p", "no:cacheprovider", "-m", "not exhaustive"]))


def run_here(command: list[str], **_) -> subprocess.CompletedProcess:
    """What a process of `python -m launch.VERB ...` says, without one."""
    module, *args = command[command.index("-m") + 1 :]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = importlib.import_module(module).main([module.removeprefix("launch."), *args])
    return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def without_graphs():
    """While the block runs, TensorFlow computes what it would trace."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@functools.cache
def golden(name: str) -> dict:
    """The arrays of a file of golden numbers."""
    with np.load(os.path.join(ROOT, "tests", "golden", f"{name}.npz"), allow_pickle=False) as file:
        return dict(file)


def reference() -> dict:
    """The golden numbers of the RAR authors' code."""
    return golden("rar_reference")


def oracle() -> dict:
    """The golden numbers of the other papers' losses."""
    return golden("torch_oracle")


@functools.cache
def golden_network(name: str) -> keras.Model:
    """The network that the golden numbers were computed on."""
    x = inputs = keras.Input((28, 28, 1))
    for filters in (4, 8):
        x = layers.Conv2D(filters, 5, padding="same")(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Activation("relu")(layers.Dense(32)(x))
    network = keras.Model(inputs, layers.Dense(10)(x))
    network.set_weights([golden(name)["w_" + weight] for weight in WEIGHTS])
    return network


def reference_network() -> keras.Model:
    return golden_network("rar_reference")


def oracle_network() -> keras.Model:
    return golden_network("torch_oracle")


def reference_batch():
    """(x, y, x_perturbed) of the golden numbers of the RAR authors' code."""
    r = reference()
    return tf.constant(r["x"]), tf.constant(r["y"]), tf.constant(r["x_perturbed"])


def oracle_batch():
    """(batch, x_perturbed) of the other golden numbers."""
    o = oracle()
    return Batch(tf.constant(o["x"]), tf.constant(o["y"])), tf.constant(o["x_perturbed"])


def assert_close(got, want, tolerance: float) -> None:
    """Largest difference at most `tolerance` times the largest entry of `want`."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    np.testing.assert_array_less(np.abs(got - want).max(), tolerance * np.abs(want).max())


def small_network(seed: int = 0, batch_norm: bool = False) -> keras.Model:
    """An untrained network for 8x8 images and 10 classes."""
    keras.utils.set_random_seed(seed)
    if not batch_norm:
        return make_model("digits_cnn", (8, 8, 1), 10, 0.5)
    x = inputs = keras.Input((8, 8, 1))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(x))
    x = layers.Flatten()(layers.Activation("relu")(x))
    return keras.Model(inputs, layers.Dense(10)(x))


def small_transformer(seed: int = 0, name: str = "vit_tiny", shape: tuple = (8, 8, 1)) -> keras.Model:
    """An untrained vision transformer of 10 classes, of two blocks, whose attention is far from uniform."""
    keras.utils.set_random_seed(seed)
    with mock.patch.object(vit, "BLOCKS", 2):
        network = make_model(name, shape, 10, 0.125)
    network.set_weights([w if w.ndim < 2 else 2 * w for w in network.get_weights()])
    return network


def convolutional_network(activation, before=None, after=None) -> keras.Model:
    """An untrained network for 8x8 images and 10 classes with that activation, a layer, a name or a function.

    before, after: layers at its beginning and its end.
    """
    keras.utils.set_random_seed(0)
    h = inputs = keras.Input((8, 8, 1))
    h = layers.Conv2D(4, 3)(before(h) if before else h)
    h = activation(h) if isinstance(activation, layers.Layer) else layers.Activation(activation)(h)
    h = layers.Dense(10)(layers.Flatten()(h))
    return keras.Model(inputs, after(h) if after else h)


def shallow_network(seed: int = 0) -> keras.Model:
    """The same with one convolution: graphs of it are traced in half the time, where depth does not matter."""
    keras.utils.set_random_seed(seed)
    return shallow_model((8, 8, 1), 10, 0.5)


def drawing_network(seed=0):
    """One that draws: Dropout, attention-based dropout and noise."""
    keras.utils.set_random_seed(seed)
    x = keras.Input((8, 8, 1))
    h = layers.Conv2D(4, 3, activation="relu")(layers.GaussianNoise(0.1)(x))
    h = layers.Dropout(0.3)(layers.Flatten()(AttentionDropout()(h)))
    return keras.Model(x, layers.Dense(10)(h))


def linear_network(w, b=0.0) -> keras.Model:
    """f(x) = <w_k, x> + b for images of the shape of w [H,W,C,K]: everything about it is known in closed form."""
    w = np.asarray(w, np.float32)
    inputs = keras.Input(w.shape[:3])
    network = keras.Model(inputs, layers.Dense(w.shape[3])(layers.Flatten()(inputs)))
    network.set_weights([w.reshape(-1, w.shape[3]), np.full(w.shape[3], b, np.float32)])
    return network


def hurry_costs(monkeypatch) -> None:
    """A comparison measures the cost of its steps by one step, and once."""
    monkeypatch.setattr(training, "step_seconds", functools.partial(training.step_seconds, rounds=1, steps=1))


def shorten_audits(monkeypatch, steps: int, pgd_steps: int) -> None:
    """Audits take so many steps and path points, as if there were no time for more, attack nothing a second time, and
    nothing beforehand to know what a step costs."""
    from tfrobust.auditing import audit, plan  # With all rooms below: for the few files that audit.

    monkeypatch.setattr(plan, "LEVELS", ((steps, steps),))
    monkeypatch.setattr(plan, "APGD_STEPS", pgd_steps)
    monkeypatch.setattr(audit, "TIME_FOR_MORE", 0.0)
    for name in ("untraced_cost", "traced_cost"):
        monkeypatch.setattr(audit, name, lambda inputs, trial: plan.Cost(0.001))


def shorten_auto(monkeypatch, *runs: str) -> None:
    """Level quick of auto has noise, squares and these of its runs that follow gradients, each of one step."""
    from tfrobust.attacks import auto  # For few files, too.

    monkeypatch.setattr(auto, "LEVELS", {"quick": auto.Level(steps=1, squares=1, noise=1)})
    monkeypatch.setattr(auto, "RUNS", {name: auto.RUNS[name] for name in runs})


def images(n: int = 6, seed: int = 0, shape=(8, 8, 1)):
    """n random images and labels (of 10 classes), float32 and int32."""
    r = np.random.RandomState(seed)
    return tf.constant(r.rand(n, *shape), tf.float32), tf.constant(r.randint(0, 10, n), tf.int32)


def the_step(iteration: int = 0, eps_scale: float = 1.0) -> Step:
    """A step of training to hand to an objective."""
    seed = tf.constant([1, 2])
    return Step(seed, seed, tf.constant(iteration, tf.int64), tf.constant(0, tf.int64), tf.constant(eps_scale))


class Told(Progress):
    """A progress that remembers its bars: their totals, and how far each came."""

    def __init__(self):
        self.bars = []

    def bar(self, total, what, initial=0):
        self.bars.append(Counted(total, initial))
        return self.bars[-1]


class Counted(Bar):
    def __init__(self, total, n):
        self.total, self.n = total, n

    def update(self, n=1):
        self.n += n


class InterruptedKeep:
    """A `keep` of evaluations that remembers what was done, and is interrupted once, after so many pieces of it."""

    def __init__(self, after: int):
        self.after, self.kept, self.done = after, {}, []

    def __call__(self, key, work):
        if key not in self.kept:
            self.kept[key] = work()
            self.done.append(key)
            if len(self.done) == self.after:
                raise KeyboardInterrupt
        return self.kept[key]

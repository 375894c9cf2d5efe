"""What replicas share: draws by place, parts of a batch, statistics, logs; and strategies that cannot be had."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import processes
from tests.helpers import drawing_network, images, run_tests, shallow_network, small_network
from tfrobust import data
from tfrobust.distribution import (
    all_processes_agree,
    draw_by_image,
    draw_for_replica,
    is_chief,
    make_strategy,
    shard_over_replicas,
    task_of,
)
from tfrobust.networks import trains_image_by_image
from tfrobust.objectives import make_objective
from tfrobust.training import Trainer, TrainingSpec, train
from tfrobust.types import InputError

CLUSTER = {"worker": ["localhost:1", "localhost:2"]}


@pytest.fixture(scope="module")
def two():
    return make_strategy("mirrored", 2)


def test_each_replica_draws_its_rows_of_the_global_batch(two):
    def draw(shape):
        return tf.random.stateless_uniform(shape, [1, 2])

    @tf.function(autograph=False)
    def parts():
        return two.run(lambda: draw_for_replica(draw, tf.constant([3, 5])))

    together = tf.concat(two.experimental_local_results(parts()), axis=0)
    np.testing.assert_array_equal(together, draw([6, 5]))
    np.testing.assert_array_equal(draw_for_replica(draw, tf.constant([3, 5])), draw([3, 5]))


@pytest.mark.parametrize("n", [1, 3])
def test_a_draw_for_each_image_is_that_of_its_seed_in_a_graph_or_not(n):
    seeds = tf.constant([[1, 2], [3, 4], [5, 6]])[:n]

    def draw(seed):
        return tf.random.stateless_uniform([4, 5], seed)

    want = np.stack([draw(seed) for seed in seeds])
    one_by_one = draw_by_image(draw, seeds, dtype=tf.float32)
    in_a_graph = tf.function(lambda seeds: draw_by_image(draw, seeds, dtype=tf.float32), autograph=False)(seeds)
    assert one_by_one.shape == in_a_graph.shape == (n, 4, 5)
    np.testing.assert_array_equal(one_by_one, want)
    np.testing.assert_array_equal(in_a_graph, want)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_a_function_is_shared_out_by_rows(two, n):
    x, y = images(n)
    rows = []

    def function(x, y, t):
        rows.append(x.shape[0])
        return x * t, tf.cast(y, tf.float32) + tf.reduce_sum(x, axis=[1, 2, 3])

    with two.scope():
        got = shard_over_replicas(function)(x, y, tf.constant(2.0))
    assert set(rows) == {-(-n // 2)}
    for a, b in zip(got, function(x, y, 2.0)):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("parts", [2, 4])
def test_the_parts_of_a_stream_are_its_batches(parts):
    digits = data.load("digits")

    def stream(part=0, parts=1):
        batches = data.training_batches(digits, 8, 3, 5, part=part, parts=parts)
        return itertools.islice(batches.as_numpy_iterator(), 4)

    split = [stream(part, parts) for part in range(parts)]
    for x, y in stream():
        own = [next(each) for each in split]
        np.testing.assert_array_equal(np.concatenate([part[0] for part in own]), x)
        np.testing.assert_array_equal(np.concatenate([part[1] for part in own]), y)


def test_batch_norm_normalizes_by_part_and_moves_by_the_mean_over_the_replicas(two):
    x, y = images(8)
    x = tf.concat([x[:4], 0.1 * x[4:]], axis=0)
    with two.scope():
        network = small_network(batch_norm=True)
        kernel, bias = network.get_weights()[:2]
        features = tf.nn.conv2d(x, kernel, 1, "VALID") + bias
        spec = TrainingSpec(1, 8, [1e-9], optimizer="sgd", momentum=0.0)
        batches = lambda *part: tf.data.Dataset.from_tensors((x, y)).repeat()  # noqa: E731
        train(network, make_objective("natural"), batches, 8, spec)
        mean, variance = network.get_weights()[4:6]
    by_part = np.mean([np.var(half, axis=(0, 1, 2)) for half in np.split(features, 2)], axis=0)
    whole = np.var(features, axis=(0, 1, 2))
    np.testing.assert_allclose(mean, 0.01 * np.mean(features, axis=(0, 1, 2)), rtol=1e-3, atol=1e-6)
    moved = (variance - 0.99) / 0.01
    pixels = 4 * 6 * 6  # Keras 2 corrects for the mean that was estimated, Keras 3 does not.
    candidates = [np.abs(moved - by_part * c).max() for c in (1.0, pixels / (pixels - 1))]
    assert min(candidates) < 1e-2 * np.abs(whole - by_part).max()


# The mean over the images is looked at with the last batch, too, below.
@pytest.mark.parametrize("reduction", [pytest.param("mean", marks=pytest.mark.exhaustive), "sum"])
def test_fit_logs_the_global_batch(two, reduction, eagerly):
    def logged(strategy):
        seen = {}
        keep = keras.callbacks.LambdaCallback(on_train_batch_end=lambda i, logs: seen.update(logs))
        with strategy.scope():
            options = {"batch_size": 8, "weight_decay": 0.1, "reduction": reduction}
            trainer = Trainer(shallow_network(), make_objective("natural"), **options)
            trainer.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
            batches = tf.data.Dataset.from_tensor_slices(images(8)).batch(8)
            trainer.fit(batches, verbose=0, shuffle=False, callbacks=[keep])
        return {name: float(value) for name, value in seen.items()}

    one = logged(tf.distribute.get_strategy())
    assert logged(two) == pytest.approx(one, rel=1e-4) and len(one) == 4


# last: images of the last batch, in parts of 2 + 1, 1 + 0, and 1 + 1, which is another even batch.
@pytest.mark.parametrize(
    "method, make, last",
    [
        ("ig_norm", shallow_network, 3),
        ("trades", drawing_network, 1),
        *(
            pytest.param(*row, marks=pytest.mark.exhaustive)
            for row in (
                ("ig_norm", shallow_network, 1),
                ("ig_norm", shallow_network, 2),
                ("trades", shallow_network, 1),
                ("trades", shallow_network, 2),
                ("trades", shallow_network, 3),
                ("trades", drawing_network, 2),
                ("trades", drawing_network, 3),
            )
        ),
    ],
)
def test_a_ragged_last_batch_is_the_step_of_one_device(two, method, make, last, eagerly):
    """Random starts and what layers draw included.  (A ragged first batch is one that Keras 3 itself cannot take on
    several replicas.)"""

    def stepped(strategy):
        seen = {}
        keep = keras.callbacks.LambdaCallback(on_train_batch_end=lambda i, logs: seen.update(logs))
        with strategy.scope():
            own = {
                "ig_norm": {"attribution_weight": 1.0, "ig_steps": 2, "ig_steps_attack": 2},
                "trades": {"kl_weight": 6.0},
            }
            objective = make_objective(method, eps=0.1, attack_steps=1, step_size=0.05, **own[method])
            trainer = Trainer(make(), objective, weight_decay=0.1)
            trainer.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
            batches = tf.data.Dataset.from_tensor_slices(images(4 + last)).batch(4)
            trainer.fit(batches, verbose=0, shuffle=False, callbacks=[keep])
            return trainer.network.get_weights(), {name: float(value) for name, value in seen.items()}

    (one, one_logs), (several, several_logs) = stepped(tf.distribute.get_strategy()), stepped(two)
    for a, b in zip(one, several):
        np.testing.assert_allclose(a, b, atol=2e-6)
    assert several_logs == pytest.approx(one_logs, rel=1e-4) and np.isfinite(list(one_logs.values())).all()


@pytest.mark.parametrize(
    "clip",
    [
        {"global_clipnorm": 0.05},
        *(pytest.param(clip, marks=pytest.mark.exhaustive) for clip in ({"clipnorm": 0.02}, {"clipvalue": 0.002})),
    ],
)
def test_an_optimizer_clips_the_gradient_of_the_global_batch(two, clip, eagerly):
    def stepped(strategy):
        with strategy.scope():
            trainer = Trainer(shallow_network(), make_objective("natural"))
            before = trainer.network.get_weights()
            trainer.compile(optimizer=keras.optimizers.SGD(1.0, **clip), jit_compile=False)
            trainer.fit(tf.data.Dataset.from_tensor_slices(images(4)).batch(4), verbose=0)
            return [a - b for a, b in zip(trainer.network.get_weights(), before)]

    one, several = stepped(tf.distribute.get_strategy()), stepped(two)
    for a, b in zip(one, several):
        np.testing.assert_allclose(a, b, atol=1e-6)
    norms = [np.sqrt(np.sum(moved**2)) for moved in one]
    reached = {"global_clipnorm": np.linalg.norm(norms), "clipnorm": max(norms), "clipvalue": np.abs(one[-1]).max()}
    for name, bound in clip.items():
        np.testing.assert_allclose(reached[name], bound, rtol=1e-3)


def test_a_replica_without_images_leaves_the_statistics_to_the_others(two, eagerly):
    x, y = images(5)
    x = tf.concat([x[:2], x[:2], x[4:]], axis=0)  # Both parts of the first batch have the same statistics.

    def moved(strategy):
        with strategy.scope():
            trainer = Trainer(small_network(batch_norm=True), make_objective("natural"))
            trainer.compile(optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
            trainer.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(4), verbose=0, shuffle=False)
            return trainer.network.get_weights()

    got, alone = moved(two), moved(tf.distribute.get_strategy())
    pixels = 4 * 6 * 6  # Keras 2 corrects the variance of each part for its mean, by its own number of pixels.
    for a, b in zip(got, alone):
        np.testing.assert_allclose(a, b, atol=1e-6 + 0.01 * np.abs(b).max() * 2 / pixels)


def test_a_batch_that_does_not_divide_is_refused(two):
    with two.scope(), pytest.raises(InputError, match="multiple of 2"):
        train(small_network(), make_objective("natural"), None, 9, TrainingSpec(1, 9, [0.1]))


def test_what_looks_at_more_than_one_image_is_told():
    x, _ = images(4)
    assert trains_image_by_image(small_network(), x)
    assert not trains_image_by_image(small_network(batch_norm=True), x)


def test_one_process_is_the_chief_and_agrees_with_itself():
    assert is_chief() and all_processes_agree(True) and not all_processes_agree(False)


@pytest.mark.parametrize(
    "given, says",
    [
        (("mirrored", 64), "logical CPUs"),
        (("mirrored",), "no GPU here"),
        (("multi_worker",), "TF_CONFIG"),
        (("multi_worker", 2), "belong to strategy mirrored"),
        (("mirrored", None, "name"), "belongs to strategy tpu"),
        (("all",), "unknown strategy"),
    ],
)
def test_strategies_that_cannot_be_had_are_refused(given, says, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match=says):
        make_strategy(*given)


def test_a_machine_without_a_tpu_is_told_so():
    """In a process of its own: looking for one, TensorFlow begins anew."""
    done = processes.run(["-c", "from tfrobust.distribution import make_strategy; make_strategy('tpu')"])
    assert done.returncode == 1 and "InputError: no TPU on this machine" in done.stderr


def test_tf_config_says_who_this_is():
    task = {"type": "worker", "index": 1}
    assert task_of(json.dumps({"cluster": CLUSTER, "task": task})) == ("worker", 1, 2)
    for wrong in (
        None,
        "{",
        "[]",
        json.dumps({"cluster": CLUSTER}),
        json.dumps({"cluster": CLUSTER, "task": {**task, "index": 2}}),
        json.dumps({"cluster": {**CLUSTER, "ps": ["localhost:3"]}, "task": task}),
    ):
        with pytest.raises(InputError, match="TF_CONFIG"):
            task_of(wrong)


if __name__ == "__main__":
    run_tests(__file__)

"""The training step: its gradients, the state that methods see, regularizers, weight decay, cost."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests, shallow_network
from tfrobust.objectives import make_objective
from tfrobust.training import Trainer, step_seconds


def test_a_step_is_sgd_on_the_mean_of_the_terms(eagerly):
    x, y = images(10)
    network = shallow_network()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, network(x)))
    want = [w - 0.5 * g for w, g in zip(network.get_weights(), tape.gradient(loss, network.trainable_variables))]
    trainer = Trainer(network, make_objective("natural"))
    trainer.compile(optimizer=keras.optimizers.SGD(0.5), jit_compile=False)
    trainer.fit(tf.data.Dataset.from_tensors((x, y)), verbose=0, shuffle=False)
    for a, b in zip(network.get_weights(), want):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_step_knows_iteration_epoch_ramp_and_draws_anew():
    seen = []

    class Spy:
        def inner(self, network, batch, step):
            return batch.x

        def outer(self, network, batch, x_adv, step):
            tf.py_function(lambda *s: seen.append([v.numpy() for v in s]), list(step), [])
            return make_objective("natural").outer(network, batch, x_adv, step)

    trainer = Trainer(shallow_network(), Spy(), seed=7, images=15, batch_size=6, eps_ramp_steps=4)
    trainer.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
    trainer.fit(tf.data.Dataset.from_tensors(images()).repeat(), steps_per_epoch=5, verbose=0, shuffle=False)
    seeds, _, iterations, epochs, scales = zip(*seen)
    assert [int(i) for i in iterations] == [0, 1, 2, 3, 4] and [int(e) for e in epochs] == [0, 0, 0, 1, 1]
    np.testing.assert_allclose(scales, [0, 0.25, 0.5, 0.75, 1])
    assert len({tuple(s) for s in seeds}) == 5


def test_the_regularizers_of_the_network_count(eagerly):
    x, y = images()
    inputs = keras.Input((8, 8, 1))
    penalty = keras.regularizers.L2(0.5)
    network = keras.Model(inputs, keras.layers.Dense(10, kernel_regularizer=penalty)(keras.layers.Flatten()(inputs)))
    (kernel, _), seen = network.get_weights(), {}
    trainer = Trainer(network, make_objective("natural"))
    trainer.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
    keep = keras.callbacks.LambdaCallback(on_train_batch_end=lambda i, logs: seen.update(logs))
    trainer.fit(tf.data.Dataset.from_tensors((x, y)), verbose=0, shuffle=False, callbacks=[keep])
    np.testing.assert_allclose(seen["regularization"], 0.5 * (kernel**2).sum(), rtol=1e-5)
    np.testing.assert_allclose(seen["loss"], seen["cross_entropy"] + seen["regularization"], rtol=1e-5)


def test_the_network_stays_a_plain_model_that_saves(tmp_path):
    network = shallow_network()
    trainer = Trainer(network, make_objective("natural"))
    trainer.compile(optimizer="sgd", jit_compile=False)
    trainer.fit(tf.data.Dataset.from_tensors(images()), verbose=0, shuffle=False)
    network.save(tmp_path / "n.keras")
    x, _ = images()
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "n.keras")(x), network(x))
    np.testing.assert_array_equal(trainer(x), network(x))


def test_step_seconds_ranks_methods_by_their_work():
    hyper = {"eps": 0.1, "step_size": 0.1, "attack_steps": 20}
    batches = tf.data.Dataset.from_tensors(images(50)).repeat()
    methods = {
        n: (shallow_network, make_objective(n, **h), batches) for n, h in {"natural": {}, "madry": hyper}.items()
    }
    ticks = []
    seconds = step_seconds(methods, tick=lambda: ticks.append(1))
    assert seconds["madry"] > 2 * seconds["natural"] > 0 and len(ticks) == 12


@pytest.mark.parametrize("reduction, factor", [("mean", 1), ("sum", 6)])
def test_weight_decay_is_half_the_squared_norm_of_the_kernels_beside_the_mean_or_the_sum(reduction, factor, eagerly):
    x, y = images(6)
    network = shallow_network()
    with tf.GradientTape() as tape:
        loss = factor * tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, network(x)))
        kernels = [v for v in network.trainable_variables if len(v.shape) > 1]
        loss += 0.25 * sum(tf.reduce_sum(tf.convert_to_tensor(v) ** 2) for v in kernels) / 2
    gradients = tape.gradient(loss, network.trainable_variables)
    assert 0 < len(kernels) < len(gradients)
    want = [w - 0.1 * g for w, g in zip(network.get_weights(), gradients)]
    trainer = Trainer(network, make_objective("natural"), batch_size=6, weight_decay=0.25, reduction=reduction)
    trainer.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
    trainer.fit(tf.data.Dataset.from_tensors((x, y)), verbose=0, shuffle=False)
    for a, b in zip(network.get_weights(), want):
        np.testing.assert_allclose(a, b, atol=1e-6)


if __name__ == "__main__":
    run_tests(__file__)

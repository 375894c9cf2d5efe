"""What every objective owes the trainer, in one table.  A new method is one row more."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests, small_network
from tfrobust.losses import cross_entropy
from tfrobust.objectives import OBJECTIVES, make_objective
from tfrobust.training import Trainer
from tfrobust.types import Batch, InputError, Step

INNER = {"eps": 0.2, "attack_steps": 3, "step_size": 0.1}
IG = {**INNER, "attribution_weight": 0.5, "ig_steps": 4, "ig_steps_attack": 2}
# name -> its hyper-parameters, what it is with weight 0.
TABLE = {
    "natural": ({}, None),
    "madry": (INNER, None),
    "ig_norm": (IG, "natural"),
    "ig_sum_norm": (IG, "madry"),
}


def the_step(iteration=0, eps_scale=1.0):
    return Step(tf.constant([1, 2]), tf.constant(iteration, tf.int64), tf.constant(0, tf.int64), tf.constant(eps_scale))


def batch(n=6):
    return Batch(*images(n))


def test_the_table_names_every_objective():
    assert set(TABLE) == set(OBJECTIVES)


@pytest.fixture(params=TABLE)
def name(request):
    return request.param


def objective(name, **changed):
    hyper, _ = TABLE[name]
    return make_objective(name, **{**hyper, **{k: v for k, v in changed.items() if k in hyper}})


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_x_adv_lies_in_the_ball_and_in_range(name, norm):
    method = objective(name)
    if name != "natural":
        method = dataclasses.replace(method, norm=norm)
    b = batch()
    v = (method.inner(small_network(), b, the_step()) - b.x).numpy()
    size = np.abs(v).max() if norm == "linf" else np.sqrt((v**2).sum(axis=(1, 2, 3))).max()
    assert size <= INNER["eps"] + 1e-6
    assert (b.x + v).numpy().min() >= -1e-6 and (b.x + v).numpy().max() <= 1 + 1e-6


def test_eps_zero_or_the_start_of_a_ramp_gives_the_image(name):
    b, network = batch(), small_network()
    assert np.array_equal(objective(name, eps=0.0).inner(network, b, the_step()), b.x)
    assert np.array_equal(objective(name).inner(network, b, the_step(eps_scale=0.0)), b.x)


def test_terms_are_finite_and_per_example(name):
    b, network = batch(), small_network()
    method = objective(name)
    terms = method.outer(network, b, method.inner(network, b, the_step()), the_step())
    for term in terms.values():
        assert term.shape == [6] and np.isfinite(term).all() and (term.numpy() >= 0).all()


def test_inner_raises_what_it_maximises(name):
    if name == "natural":
        pytest.skip("nothing is maximised")
    b, network = batch(20), small_network()

    def value(x_adv):
        # What the inner loop of each method maximises is the sum of those of its terms that depend on x'.
        terms = objective(name).outer(network, b, x_adv, the_step())
        return float(sum(tf.reduce_mean(t) for key, t in terms.items() if key != "cross_entropy"))

    few = value(objective(name, attack_steps=0).inner(network, b, the_step()))
    assert value(objective(name).inner(network, b, the_step())) > few


def test_the_seed_of_the_step_decides(name):
    b, network = batch(), small_network()
    method = objective(name)
    one, same = (method.inner(network, b, the_step()) for _ in range(2))
    assert np.array_equal(one, same)
    other = method.inner(network, b, the_step()._replace(seed=tf.constant([5, 6])))
    assert name == "natural" or np.abs(one - other).max() > 0


def test_gradients_reach_every_weight(name):
    b, network = batch(), small_network()
    method = objective(name)
    x_adv = method.inner(network, b, the_step())
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_mean(t) for t in method.outer(network, b, x_adv, the_step()).values())
    for g in tape.gradient(loss, network.trainable_variables):
        assert g is not None and np.isfinite(g).all() and np.any(g)


def test_weight_zero_gives_the_baseline(name):
    base = TABLE[name][1]
    if base is None:
        pytest.skip("has no attribution term")
    b, network = batch(), small_network()
    method, baseline = objective(name, attribution_weight=0.0), objective(base)
    x_adv = baseline.inner(network, b, the_step())
    total = sum(method.outer(network, b, x_adv, the_step()).values())
    np.testing.assert_allclose(total, sum(baseline.outer(network, b, x_adv, the_step()).values()), rtol=1e-6)
    if base == "madry":
        np.testing.assert_allclose(method.inner(network, b, the_step()), x_adv, atol=1e-6)


def trained(name, network, steps=8, learning_rate=0.02):
    trainer = Trainer(network, objective(name))
    trainer.compile(optimizer=keras.optimizers.SGD(learning_rate), jit_compile=False)
    data = tf.data.Dataset.from_tensors(images(20)).repeat()
    losses = []
    record = keras.callbacks.LambdaCallback(on_train_batch_end=lambda i, logs: losses.append(float(logs["loss"])))
    trainer.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[record])
    return losses


def test_a_few_steps_lower_the_loss(name):
    losses = trained(name, small_network(), steps=30)
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_batch_norm_statistics_move_once_a_step_and_attacks_leave_them(name):
    network = small_network(batch_norm=True)
    moving = [w for w in network.weights if "moving" in w.name or "moving" in getattr(w, "path", "")]
    before = [np.array(w) for w in moving]
    b = batch()
    x_adv = objective(name).inner(network, b, the_step())
    assert all(np.array_equal(w, v) for w, v in zip(moving, before)), "the attack moved the statistics"
    seen = b.x if name in ("natural", "ig_norm") else x_adv
    objective(name).outer(network, b, x_adv, the_step())
    features = network.layers[1](seen).numpy().reshape(-1, 4)
    mean = next(np.array(w) for w in moving if "mean" in getattr(w, "path", w.name))
    np.testing.assert_allclose(mean, 0.01 * features.mean(axis=0), rtol=1e-3, atol=1e-6)


def test_two_replicas_equal_one_device(name):
    """A fixed start, because each replica draws its own."""
    x, y = images(8)
    method = objective(name)
    if name != "natural":
        method = dataclasses.replace(method, random_start=False)
        x = tf.clip_by_value(x, 0.1, 0.9)

    def update(strategy):
        with strategy.scope():
            network = small_network()
            trainer = Trainer(network, method)
            trainer.compile(optimizer=keras.optimizers.SGD(1.0), jit_compile=False)
        before = network.get_weights()
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        trainer.fit(data.with_options(options).repeat(), steps_per_epoch=1, verbose=0, shuffle=False)
        return [a - b for a, b in zip(network.get_weights(), before)]

    one = update(tf.distribute.get_strategy())
    two = update(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    scale = max(np.abs(v).max() for v in one)
    assert scale > 1e-4
    for a, b in zip(one, two):
        assert np.abs(a - b).max() < 1e-4 * scale


def test_make_objective_names_what_is_missing_unknown_or_unused():
    with pytest.raises(InputError, match="unknown method 'madri'.*madry"):
        make_objective("madri")
    with pytest.raises(InputError, match="attribution_weight, ig_steps"):
        make_objective("ig_norm", **INNER)
    with pytest.raises(InputError, match="no use for eps"):
        make_objective("natural", eps=0.1)
    with pytest.raises(InputError):
        objective("madry", eps=-0.1)
    with pytest.raises(InputError):
        objective("ig_norm", attribution_weight=-1.0)


def test_madry_is_cross_entropy_at_x_adv():
    b, network = batch(), small_network()
    (term,) = objective("madry").outer(network, b, b.x * 0.5, the_step()).values()
    np.testing.assert_allclose(term, cross_entropy(b.y, network(b.x * 0.5)), rtol=1e-6)


if __name__ == "__main__":
    run_tests(__file__)

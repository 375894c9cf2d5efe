"""What every objective owes the trainer, in one table.  A new method is one row more."""

import contextlib
import dataclasses
import functools
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests, shallow_network, small_network, the_step, without_graphs
from tfrobust.distribution import Place, at_place, make_strategy
from tfrobust.losses import cross_entropy
from tfrobust.objectives import OBJECTIVES, make_objective
from tfrobust.training import TrainingSpec, train
from tfrobust.types import Batch, InputError

INNER = {"eps": 0.2, "attack_steps": 2, "step_size": 0.1}
IG = {**INNER, "attribution_weight": 0.5, "ig_steps": 4, "ig_steps_attack": 2}


class Row(NamedTuple):
    """hyper: hyper-parameters.  raises: terms that the inner maximum raises (none: nothing is maximised).
    zero: the weights that make it `baseline` in the outer step.  sees: what the training pass of the network sees."""

    hyper: dict
    raises: tuple = ()
    zero: tuple = ()
    baseline: str = ""
    sees: str = "x"


WEIGHT = ("attribution_weight",)
TABLE = {
    "natural": Row({}),
    "madry": Row(INNER, ("cross_entropy_adv",), sees="x_adv"),
    "trades": Row({**INNER, "kl_weight": 1.0}, ("kl",), ("kl_weight",), "natural", "both"),
    "uniform_noise": Row({"eps": 0.2}, sees="x_adv"),
    "madry_noise": Row(INNER, sees="x_adv"),
    "trades_noise": Row({**INNER, "kl_weight": 1.0}, (), ("kl_weight",), "natural", "both"),
    "gradient_penalty": Row({"attribution_weight": 0.1}, (), WEIGHT, "natural"),
    "loss_output": Row(INNER, ("loss_change",), WEIGHT, "natural", "both"),
    "ig_norm": Row(IG, ("ig_norm",), WEIGHT, "natural"),
    "ig_sum_norm": Row(IG, ("cross_entropy_adv", "ig_norm"), WEIGHT, "madry", "x_adv"),
    "ig_wasserstein": Row({**IG, "gamma": 0.1}, ("ig_gain",), WEIGHT, "natural"),
    "sat": Row({"eps": 0.2, "alpha": 0.5}, sees="x_adv"),
    "pgd_sat": Row({**INNER, "alpha": 0.5}, sees="x_adv"),
    "trades_sat": Row({**INNER, "alpha": 0.5, "kl_weight": 1.0}, (), ("kl_weight",), "natural", "both"),
    "art": Row({**INNER, "attribution_weight": 0.5, "softplus_beta": 10.0}, ("alignment",), WEIGHT, "madry", "x_adv"),
    "cacr_wacr": Row(IG, ("cross_entropy_adv",), WEIGHT, "madry", "x_adv"),
    "aat": Row({**INNER, "attribution_weight": 0.5, "ig_steps": 4}, ("attribution",), WEIGHT, "natural"),
    "adv_aat": Row(
        {**INNER, "attribution_weight": 0.5, "ig_steps": 4},
        ("cross_entropy_adv", "attribution"),
        WEIGHT,
        "madry",
        "x_adv",
    ),
    "igr": Row({**INNER, "attribution_weight": 0.5, "ig_steps": 4}, ("cross_entropy_adv",), WEIGHT, "madry", "x_adv"),
    "r2et": Row(
        {"k": 8, "margin_weight": 0.1, "curvature_weight": 0.1, "softplus_beta": 5.0},
        (),
        ("margin_weight", "curvature_weight"),
        "natural",
    ),
    "lga": Row(
        {"eps": 0.1, "l2_weight": 0.1, "cosine_weight": 0.1, "softplus_beta": 5.0},
        (),
        ("l2_weight", "cosine_weight"),
        "natural",
    ),
    "atex": Row({**INNER, "kl_weight": 1.0}, ("kl",), ("kl_weight",), "natural", "both"),
}
UNBOUNDED = ("ig_wasserstein",)  # Its x' pays for distance instead.


# Trained in `make test`: one method of each kind of loss.  The others are of the exhaustive tier, and a step down their
# gradients, or what each replica computes, is looked at instead.
LEARNED = ("natural", "madry", "trades", "gradient_penalty", "ig_norm", "ig_wasserstein", "sat", "art", "r2et")
SHARED = ("trades",)  # tests/distribution has two more methods.


def rows(few):
    """The methods of the table, all but a few of the exhaustive tier."""
    return [pytest.param(name, marks=[pytest.mark.exhaustive] * (name not in few)) for name in TABLE]


def batch(n=6):
    """Images, labels, and the maps of two sources, which most methods ignore."""
    s = tf.random.stateless_uniform([n, 2, 8, 8, 1], [3, 4], -1.0, 1.0)
    return Batch(*images(n), s)


@functools.cache
def untrained():
    """For tests that leave its weights alone: a network, and the twins that are made of it, for all of them."""
    return shallow_network()


@functools.cache
def lowered():
    """For the weights of one step on."""
    return shallow_network()


@functools.cache
def mirrored():
    """(two replicas, the network of `untrained` that both of them have)"""
    strategy = make_strategy("mirrored", 2)
    with strategy.scope():
        return strategy, shallow_network()


def test_the_table_names_every_objective():
    assert set(TABLE) == set(OBJECTIVES)


@pytest.fixture(params=TABLE, scope="module")
def name(request):
    """Of a method; all tests of one follow each other and share what is computed once for it."""
    return request.param


class Taken(NamedTuple):
    """One step of a method: the network and batch that it begins with, and all that it computes of them."""

    network: keras.Model
    batch: Batch
    x_adv: tf.Tensor
    terms: dict
    gradients: list


@pytest.fixture(scope="module")
def taken(name):
    network, b, method = untrained(), batch(), objective(name)
    x_adv = method.inner(network, b, the_step())
    with tf.GradientTape() as tape:
        terms = method.outer(network, b, x_adv, the_step())
        loss = sum(tf.reduce_mean(t) for t in terms.values())
    return Taken(network, b, x_adv, terms, tape.gradient(loss, network.trainable_variables))


def objective(name, **changed):
    hyper = TABLE[name].hyper
    return make_objective(name, **{**hyper, **{k: v for k, v in changed.items() if k in hyper}})


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_x_adv_lies_in_the_ball_and_in_range(name, norm, taken):
    method, b, x_adv = objective(name), taken.batch, taken.x_adv
    eps = getattr(method, "eps", 0.0)
    if getattr(method, "norm", norm) != norm:
        x_adv = dataclasses.replace(method, norm=norm).inner(taken.network, b, the_step())
    v = (x_adv - b.x).numpy()
    size = np.abs(v).max() if norm == "linf" else np.sqrt((v**2).sum(axis=(1, 2, 3))).max()
    assert size <= eps + 1e-6 or name in UNBOUNDED
    assert (b.x + v).numpy().min() >= -1e-6 and (b.x + v).numpy().max() <= 1 + 1e-6


def test_the_inner_maximum_moves_every_image_where_there_is_one(taken):
    """A goal that is stationary at x (a divergence, a distance of maps) needs a start elsewhere."""
    moved = np.any(taken.x_adv != taken.batch.x, axis=(1, 2, 3))
    assert moved.all() or taken.x_adv is taken.batch.x


def test_eps_zero_or_the_start_of_a_ramp_gives_the_image(name):
    b, network = batch(), untrained()
    assert np.array_equal(objective(name, eps=0.0, attack_steps=1).inner(network, b, the_step()), b.x)
    assert np.array_equal(objective(name, attack_steps=1).inner(network, b, the_step(eps_scale=0.0)), b.x)


def test_terms_are_finite_and_per_example(taken):
    assert taken.terms
    for term in taken.terms.values():
        assert term.shape == [6] and np.isfinite(term).all()


def test_inner_raises_what_it_maximises(name):
    raises = TABLE[name].raises
    if not raises:
        pytest.skip("nothing is maximised")
    b, network = batch(20), untrained()

    def value(x_adv):
        terms = objective(name).outer(network, b, x_adv, the_step())
        return float(sum(tf.reduce_mean(terms[key]) for key in raises))

    few = value(objective(name, attack_steps=0).inner(network, b, the_step()))
    assert value(objective(name).inner(network, b, the_step())) > few


def test_the_seed_of_the_step_decides(name, taken):
    method = objective(name)
    assert np.array_equal(taken.x_adv, method.inner(taken.network, taken.batch, the_step()))
    other = method.inner(taken.network, taken.batch, the_step()._replace(seed=tf.constant([5, 6])))
    assert np.array_equal(taken.x_adv, other) == (not hasattr(method, "eps"))


def test_gradients_reach_every_weight(taken):
    assert len(taken.gradients) == 4
    for g in taken.gradients:
        assert g is not None and np.isfinite(g).all() and np.any(g)


def test_a_step_down_the_gradients_lowers_the_loss(name, taken):
    """At the same x', which every step of training seeks anew."""
    network = lowered()
    network.set_weights([w - 1e-3 * g for w, g in zip(taken.network.get_weights(), taken.gradients)])
    before, after = (
        float(sum(map(tf.reduce_mean, terms.values())))
        for terms in (taken.terms, objective(name).outer(network, taken.batch, taken.x_adv, the_step()))
    )
    assert after < before


def test_weight_zero_gives_the_baseline(name):
    row = TABLE[name]
    if not row.zero:
        pytest.skip("has no term of its own")
    b, network = batch(), untrained()
    zero = make_objective(name, **{**row.hyper, **{weight: 0.0 for weight in row.zero}})
    baseline = objective(row.baseline)
    x_adv = objective("madry").inner(network, b, the_step())
    total = sum(zero.outer(network, b, x_adv, the_step()).values())
    np.testing.assert_allclose(total, sum(baseline.outer(network, b, x_adv, the_step()).values()), rtol=1e-5)
    if name in ("ig_sum_norm", "adv_aat", "igr"):
        np.testing.assert_allclose(zero.inner(network, b, the_step()), x_adv, atol=1e-6)


def halves(start, part=0, parts=1):
    """The batch of every step, or of a replica its part."""
    own = tuple(tf.split(v, parts)[part] for v in batch(8))
    return tf.data.Dataset.from_tensors(own).repeat()


def trained(name, strategy, steps):
    """The change of the weights in the first step, and the logs of each, of a few steps."""
    changes, seen = [], []
    with strategy.scope():
        network = shallow_network()
        before = network.get_weights()

        def keep(i, logs):
            seen.append(dict(logs))
            if not changes:
                changes.extend(a - b for a, b in zip(network.get_weights(), before))

        spec = TrainingSpec(steps, 8, [0.02], optimizer="sgd", momentum=0.0)
        callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=keep)]
        method = objective(name, attack_steps=2)
        if hasattr(method, "attack_restarts"):  # A loop each: the second is as any that follow.
            method = dataclasses.replace(method, attack_restarts=2)
        train(network, method, halves, 8, spec, callbacks=lambda start: callbacks)
    return changes, seen


@pytest.fixture(scope="module")
def on_one_device(name):
    """A run that takes a step, or learns, where it is looked at in `make test`."""
    return trained(name, tf.distribute.get_strategy(), steps=30 if name in LEARNED else 1)


@pytest.fixture
def learned(name, request):
    """A run of 30 steps."""
    if name in LEARNED:
        return request.getfixturevalue("on_one_device")
    return trained(name, tf.distribute.get_strategy(), steps=30)


@pytest.mark.slow
@pytest.mark.parametrize("name", rows(LEARNED), indirect=True, scope="module")
def test_a_few_steps_lower_the_loss(learned):
    losses = [logs["loss"] for logs in learned[1]]
    assert len(losses) == 30 and np.mean(losses[-3:]) < np.mean(losses[:3])


# Made of others that are traced: by a coin, as pgd_sat is, of the maps of aat, or with one term more.
COMPOSED = ("madry_noise", "trades_noise", "trades_sat", "ig_sum_norm", "adv_aat", "igr")
TRACED = [
    pytest.param(name, marks=[pytest.mark.exhaustive] * (name in COMPOSED)) for name in TABLE if name not in LEARNED
]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRACED, indirect=True, scope="module")
def test_a_step_is_taken_in_a_graph(on_one_device):
    """By the methods that are not trained above: what can be computed cannot always be traced."""
    changes, (logs,) = on_one_device
    assert len(changes) == 4 and all(np.any(change) and np.isfinite(change).all() for change in changes)
    assert np.isfinite(logs["loss"])


def test_a_part_of_a_batch_finds_and_computes_what_the_whole_does(name, taken):
    """Every draw included, which is by the place in the global batch; a replica knows no more of it."""
    place, half = Place(*map(tf.constant, (3, 3, 6))), Batch(*(v[3:] for v in taken.batch))
    method = objective(name)
    with at_place(place):
        x_adv = method.inner(taken.network, half, the_step())
        found = {"x'": x_adv, **method.outer(taken.network, half, x_adv, the_step())}
    for key, want in {"x'": taken.x_adv, **taken.terms}.items():
        np.testing.assert_allclose(found[key], want[3:], rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.exhaustive
def test_two_replicas_find_and_compute_what_one_device_does(name, taken):
    """The same on replicas, where each draw asks the other for its place."""
    (strategy, network), method = mirrored(), objective(name)

    def part():
        own = tf.distribute.get_replica_context().replica_id_in_sync_group
        b = Batch(*(tf.split(v, 2)[own] for v in taken.batch))
        x_adv = method.inner(network, b, the_step())
        return {"x'": x_adv, **method.outer(network, b, x_adv, the_step())}

    with without_graphs():
        found = strategy.run(part)
    for key, want in {"x'": taken.x_adv, **taken.terms}.items():
        got = tf.concat(strategy.experimental_local_results(found[key]), axis=0)
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.fixture(params=["eagerly", pytest.param("graph", marks=pytest.mark.exhaustive)])
def on_two_replicas(request, name):
    """A step without its graph, whose tracing takes some seconds for each method; tests/distribution has them."""
    with without_graphs() if request.param == "eagerly" else contextlib.nullcontext():
        return trained(name, make_strategy("mirrored", 2), steps=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", rows(SHARED), indirect=True, scope="module")
def test_two_replicas_equal_one_device(on_one_device, on_two_replicas, taken):
    """Every draw included, which is by the place in the global batch; and so are the logs."""
    check_same_step(on_one_device, on_two_replicas, taken)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pgd_sat"], indirect=True, scope="module")
def test_a_method_that_tosses_a_coin_trains_on_replicas_in_a_graph(name, on_one_device, taken):
    """Replicas cannot ask each other for anything within the branches of a graph."""
    check_same_step(on_one_device, trained(name, make_strategy("mirrored", 2), steps=1), taken)


def check_same_step(on_one_device, on_two_replicas, taken):
    one, (one_logs, *_) = on_one_device
    two, (two_logs,) = on_two_replicas
    scale = max(np.abs(v).max() for v in one)
    assert scale > 2e-6 and len(one) == len(two) == 4
    for a, b in zip(one, two):
        assert np.abs(a - b).max() < 1e-4 * scale
    assert two_logs == pytest.approx(one_logs, rel=1e-4, abs=1e-6) and {"loss", "gradient_norm"} < set(two_logs)
    assert two_logs.get("unmoved", 0.0) == 0.0 and ("unmoved" in two_logs) == (taken.x_adv is not taken.batch.x)


@functools.cache
def normalised():
    """(a network with batch norm, its weights at first)"""
    network = small_network(batch_norm=True)
    return network, network.get_weights()


def test_batch_norm_statistics_move_once_a_step_and_attacks_leave_them(name):
    network, weights = normalised()
    network.set_weights(weights)
    moving = [w for w in network.weights if "moving" in w.name or "moving" in getattr(w, "path", "")]
    before = [np.array(w) for w in moving]
    b = batch()
    x_adv = objective(name, attack_steps=1).inner(network, b, the_step())
    assert all(np.array_equal(w, v) for w, v in zip(moving, before)), "the attack moved the statistics"
    seen = {"x": b.x, "x_adv": x_adv, "both": tf.concat([b.x, x_adv], axis=0)}[TABLE[name].sees]
    objective(name).outer(network, b, x_adv, the_step())
    features = network.layers[1](seen).numpy().reshape(-1, 4)
    mean = next(np.array(w) for w in moving if "mean" in getattr(w, "path", w.name))
    np.testing.assert_allclose(mean, 0.01 * features.mean(axis=0), rtol=1e-3, atol=1e-6)


def test_make_objective_names_what_is_missing_unknown_or_unused():
    with pytest.raises(InputError, match=r"unknown method 'madri'.*madry"):
        make_objective("madri")
    with pytest.raises(InputError, match="ig_steps, ig_steps_attack, attribution_weight"):
        make_objective("ig_norm", **INNER)
    with pytest.raises(InputError, match="no use for eps"):
        make_objective("natural", eps=0.1)
    with pytest.raises(InputError):
        objective("madry", eps=-0.1)
    with pytest.raises(InputError):
        objective("ig_norm", attribution_weight=-1.0)


def test_madry_is_cross_entropy_at_x_adv():
    b, network = batch(), untrained()
    (term,) = objective("madry").outer(network, b, b.x * 0.5, the_step()).values()
    np.testing.assert_allclose(term, cross_entropy(b.y, network(b.x * 0.5)), rtol=1e-6)


if __name__ == "__main__":
    run_tests(__file__)

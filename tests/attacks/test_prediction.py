"""Attacks on predictions: bounds, limits, closed forms on linear networks; stronger never reports more robust."""

import dataclasses
import functools
import importlib

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, linear_network, run_tests, shallow_network
from tfrobust.attacks import (
    Apgd,
    AutoAttack,
    Dual,
    Fab,
    Ifia,
    Noise,
    Pgd,
    Spatial,
    Spsa,
    SquareAttack,
    TopK,
    TradesAttack,
)
from tfrobust.attacks.spatial import grid, spatial
from tfrobust.attacks.spsa import estimated_gradient
from tfrobust.data import load
from tfrobust.evaluation import Suite
from tfrobust.evaluation.predictions import predict, predict_attacked
from tfrobust.image_ops import rotate_and_shift
from tfrobust.losses import LOSSES, cross_entropy, kl
from tfrobust.names import PREDICTION_ATTACKS
from tfrobust.spec_values import replace_known
from tfrobust.types import InputError

EPS = 0.1
ATTACKS = {
    "pgd": Pgd(EPS, 4, 0.05, random_start=True),
    "pgd_margin": Pgd(EPS, 4, 0.05, loss="margin"),
    "fgsm": Pgd(EPS, 1, EPS, keep="last"),
    "saliency": Pgd(EPS, 1, EPS, loss="negative_logit", keep="last"),
    "trades": TradesAttack(EPS, 4, 0.05),
    "spsa": Spsa(EPS, 4, 0.05, samples=8, loss="margin"),
    "noise": Noise(EPS, restarts=4),
    "dual": Dual(EPS, 4, 0.05, map_weight=1.0),
    "spatial": Spatial(20.0, 1.0),
    "apgd": Apgd(EPS, 4),
    "apgd_targeted": Apgd(EPS, 4, loss="dlr", targets=2),
    "fab": Fab(EPS, 4, targets=2),
    "fab_untargeted": Fab(EPS, 2),
    "square": SquareAttack(EPS, 12),
    "autoattack": AutoAttack(EPS, 2, queries=4, targets=2),
}
SCHEDULED = ("apgd", "square", "autoattack")  # Whose steps depend on how many there are.


@pytest.fixture
def small_grid(monkeypatch):
    """27 points of the grid of the spatial attack; the grid of the paper has a test of its own."""
    module = importlib.import_module("tfrobust.attacks.spatial")
    monkeypatch.setattr(module, "ROTATIONS", 3)
    monkeypatch.setattr(module, "SHIFTS", 3)


@pytest.fixture(params=ATTACKS)
def name(request, small_grid):
    return request.param


@functools.cache
def given():
    """A network, images and the classes that it predicts: searches leave images that are predicted wrongly."""
    network, (x, _) = shallow_network(), images(12)
    return network, x, tf.argmax(network(x), axis=1, output_type=tf.int32)


def attacked(network, attack, x, y):
    return attack.on_predictions(network)(x, y, tf.range(len(x)))


@functools.cache
def found(name):
    """What the attack of that name finds, for all tests that look at it; with the small grid."""
    return attacked(given()[0], ATTACKS[name], *given()[1:])


VARIANTS = ("pgd_margin", "fgsm", "saliency", "apgd_targeted", "fab_untargeted")  # Of others, whose ball is theirs.
BOUNDED = [
    pytest.param(name, norm, marks=[pytest.mark.exhaustive] * (norm == "l2" and name in VARIANTS))
    for name in ATTACKS
    for norm in ("linf", "l2")
]


@pytest.mark.parametrize("name, norm", BOUNDED)
def test_x_adv_lies_in_the_ball_and_in_range(name, norm, small_grid, eagerly):
    network, x, y = given()
    attack = replace_known(ATTACKS[name], norm=norm)
    x_adv = np.asarray(found(name) if attack == ATTACKS[name] else attacked(network, attack, x, y))
    x = x.numpy()
    assert x_adv.min() >= 0 and x_adv.max() <= 1 and np.abs(x_adv - x).max() > 0
    if name != "spatial":
        v = (x_adv - x).reshape(12, -1)
        assert (np.abs(v).max() if norm == "linf" else np.linalg.norm(v, axis=1).max()) <= EPS + 1e-6


def test_no_budget_gives_the_image(name, eagerly):
    network, x, y = given()
    none = replace_known(ATTACKS[name], eps=0.0, degrees=0.0, pixels=0.0, steps=1)
    np.testing.assert_allclose(attacked(network, none, x, y), x, atol=1e-6)


def test_it_raises_its_loss(name, eagerly):
    network, x, y = given()
    attack = ATTACKS[name]

    def loss(z):
        f = network(z)
        return float(
            tf.reduce_mean(kl(network(x), f) if isinstance(attack, TradesAttack) else LOSSES[attack.loss](y, f))
        )

    assert loss(found(name)) > loss(x)


def test_the_table_has_every_attack_on_predictions_under_its_name():
    assert {type(attack) for attack in ATTACKS.values()} == {PREDICTION_ATTACKS[name] for name in PREDICTION_ATTACKS}


@pytest.mark.parametrize("kind", PREDICTION_ATTACKS)
def test_batches_do_not_matter(kind, small_grid, eagerly):
    network, x, y = given()
    part = ATTACKS[kind].on_predictions(network)(x[9:], y[9:], tf.range(9, 12))
    np.testing.assert_allclose(part, found(kind)[9:], atol=1e-6)


@functools.cache
def fitted():
    """(network, images, labels): linear, the least squares of the digits, and right about most images: one to lose
    accuracy on."""
    data = load("digits")
    x = np.asarray(data.x_train, np.float64).reshape(len(data.x_train), -1)
    w = np.linalg.lstsq(np.c_[x, np.ones(len(x))], np.eye(10)[data.y_train], rcond=None)[0]
    return linear_network(10 * w[:-1].reshape(8, 8, 1, 10), 10 * w[-1]), data.x_test[:30], data.y_test[:30]


@pytest.mark.parametrize("kind", [kind for kind in PREDICTION_ATTACKS if kind != "spatial"])  # Whose grid has no steps.
def test_more_steps_or_restarts_never_find_a_more_robust_network(kind, eagerly):
    network, x, y = fitted()
    clean = predict(network, x, 50) == y
    assert np.mean(clean) > 0.8

    def right(attack):
        return predict_attacked(network, x, y, attack, 100) == y

    attack = ATTACKS[kind]
    if kind not in ("noise", *SCHEDULED):
        attack = dataclasses.replace(attack, steps=2)
    few = right(attack)
    assert np.mean(few) < np.mean(clean) or kind == "noise"
    more = [dataclasses.replace(attack, restarts=attack.restarts + 1)]
    if kind not in ("noise", *SCHEDULED):
        more.append(dataclasses.replace(attack, steps=2 * attack.steps))
    for stronger in more:
        assert not np.any(right(stronger) & ~few), stronger


def test_transfer_asks_one_network_about_images_made_on_another(eagerly):
    network, x, y = fitted()
    other = shallow_network(5)
    own = predict_attacked(network, x, y, ATTACKS["pgd"], 50)
    from_other = predict_attacked(network, x, y, ATTACKS["pgd"], 50, source=other)
    x_adv = attacked(other, ATTACKS["pgd"], tf.constant(x), tf.constant(y))
    assert np.array_equal(from_other, predict(network, x_adv.numpy(), 50))
    assert np.mean(own == y) < np.mean(from_other == y)


W = np.random.RandomState(0).randn(4, 4, 1, 10)


def test_the_saliency_attack_is_one_step_against_the_sign_of_the_logits_gradient():
    x, y = images(shape=(4, 4, 1))
    x = 0.3 + 0.4 * x
    own = np.moveaxis(W, -1, 0)[y.numpy()]
    x_adv = attacked(linear_network(W), ATTACKS["saliency"], x, y)
    np.testing.assert_allclose(x_adv, x - EPS * np.sign(own), atol=1e-6)


def test_fgsm_is_one_step_along_the_sign_of_the_losss_gradient():
    network, (x, y) = shallow_network(), images()
    x = 0.3 + 0.4 * x
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = cross_entropy(y, network(x))
    want = x + EPS * tf.sign(tape.gradient(loss, x))
    np.testing.assert_allclose(attacked(network, ATTACKS["fgsm"], x, y), want, atol=1e-6)


def test_spsa_estimates_the_gradient():
    """On a linear goal the mean over directions of (g.v) v tends to g, with error |g| / sqrt(samples)."""
    x, y = images(3, shape=(4, 4, 1))
    w = np.moveaxis(W, -1, 0)[y.numpy()]

    def goal(z):
        return tf.reduce_sum(z * w, axis=[1, 2, 3])

    got = tf.function(lambda x: estimated_gradient(goal, x, 4000, 0.01, (1, 2)), autograph=False)(x).numpy()
    assert np.abs(got - w).max() < 5 * np.linalg.norm(w[0]) / np.sqrt(4000)


def test_the_grid_of_the_spatial_attack():
    points = grid(30.0, 3.0)
    assert (
        len(points) == 31 * 5 * 5 and {0.0} == set(np.abs(points).min(axis=0)) and np.any(np.all(points == 0, axis=1))
    )
    assert np.array_equal(grid(0.0, 0.0), [[0, 0, 0]])
    assert sorted(set(points[:, 1])) == [-3.0, -1.5, 0.0, 1.5, 3.0]


def test_the_spatial_attack_finds_the_largest_goal_of_its_grid(small_grid):
    x, w = images(6)[0], tf.constant(np.random.RandomState(0).randn(8, 8, 1), tf.float32)

    def goal(z):
        return tf.reduce_sum(z * w, axis=[1, 2, 3])

    values = [goal(rotate_and_shift(x, *np.repeat(point[:, np.newaxis], 6, axis=1))) for point in grid(20.0, 1.0)]
    np.testing.assert_allclose(goal(spatial(goal, x, 20.0, 1.0)), np.max(values, axis=0), atol=1e-5)
    assert len(set(np.argmax(values, axis=0))) > 1
    assert np.array_equal(spatial(lambda z: tf.zeros(len(z)), x, 20.0, 1.0), x)  # Where no other goal exceeds its own.


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="no attack on predictions"):
        Suite("s", {"IFIA": Ifia(EPS, 1, EPS, goal=TopK(8))})
    for kind, wrong in ((Spsa, {"samples": 0}), (Spsa, {"delta": 0.0}), (Pgd, {"loss": "x"}), (Pgd, {"keep": "x"})):
        with pytest.raises(InputError):
            kind(EPS, 1, EPS, **wrong)
    with pytest.raises(InputError):
        Spatial(degrees=-1.0)
    with pytest.raises(InputError, match="target"):
        Noise(EPS, criterion="target")
    with pytest.raises(InputError, match="keep"):
        Noise(EPS, keep="worst")


def test_the_last_of_noise_is_the_draw_and_the_best_the_worst_of_it_and_the_image():
    network, (x, y) = shallow_network(), images(8)
    draw = attacked(network, Noise(EPS, keep="last"), x, y)
    best = attacked(network, Noise(EPS), x, y)
    want = Noise(EPS).ball.sample(x, Noise(EPS).seeds(tf.range(8), 0))
    np.testing.assert_array_equal(draw, want)
    kept = np.any(best != x, axis=(1, 2, 3))
    np.testing.assert_array_equal(best[kept], draw[kept])
    assert 0 < kept.sum() < 8
    goal = lambda z: cross_entropy(y, network(z))  # noqa: E731
    assert np.all(goal(best) >= goal(draw)) and np.all(goal(best) >= goal(x))


if __name__ == "__main__":
    run_tests(__file__)

"""AutoAttack and its parts: closed forms on linear networks, masked gradients, and what no part may change."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import images, linear_network, run_tests, shallow_network
from tfrobust.attacks import Apgd, AutoAttack, Fab, SquareAttack, square_moves
from tfrobust.attacks.autoattack import BEFORE, NONE
from tfrobust.attacks.hyperplanes import step_onto
from tfrobust.types import InputError

W = np.random.RandomState(0).randn(4, 4, 1, 10)
NORMS = ["linf", "l2"]


def found(network, attack, x, y):
    """The images that an attack finds, and for which of them the prediction is wrong."""
    x_adv = np.asarray(attack.on_predictions(network)(x, y, np.arange(len(x))))
    return x_adv, np.argmax(network(x_adv), axis=1) != y


def grey(n=4, classes=10):
    """A linear network, images far from black and white, the classes that it predicts, and their distances to the
    nearest other class in both norms: |f_t - f_y| / |w_t - w_y|, in the dual norm."""
    w = W[..., :classes]
    network, x = linear_network(w), 0.4 + 0.2 * images(n, shape=(4, 4, 1))[0].numpy()
    f = network(x).numpy()
    y = np.argmax(f, axis=1).astype(np.int32)
    apart = w.reshape(-1, classes)[:, None, :] - w.reshape(-1, classes)[:, y][:, :, None]
    sizes = {"linf": np.abs(apart).sum(axis=0), "l2": np.sqrt((apart**2).sum(axis=0))}
    gaps = f[np.arange(n), y][:, None] - f
    distances = {
        norm: np.where(gaps > 0, gaps / np.maximum(size, 1e-9), np.inf).min(axis=1) for norm, size in sizes.items()
    }
    return network, x, y, distances


@pytest.mark.parametrize("norm", NORMS)
def test_on_a_linear_network_fab_finds_the_smallest_distance_and_nothing_finds_a_smaller_one(norm, eagerly):
    network, x, y, distances = grey(1)
    for i, distance in enumerate(distances[norm]):
        one = x[i : i + 1], y[i : i + 1]
        for fab in (Fab(1.02 * distance, 5, norm=norm, targets=9), Fab(1.02 * distance, 5, norm=norm)):
            assert found(network, fab, *one)[1].all()
        assert not found(network, AutoAttack(0.98 * distance, 5, norm=norm, queries=20, targets=2), *one)[1].any()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("options", [{}, {"loss": "dlr"}, {"loss": "dlr", "targets": 1}], ids=str)
def test_on_a_linear_network_apgd_reaches_the_farthest_point_of_the_ball(norm, options, eagerly):
    """Two classes: f_t - f_y is largest at x + eps sign(w_t - w_y), or x + eps (w_t - w_y) / |w_t - w_y| in l2."""
    network, x, y, distances = grey(classes=2)
    eps = 0.9 * float(distances[norm].min())
    towards = np.moveaxis(W[..., 1:2] - W[..., :1], -1, 0) * np.where(y == 0, 1, -1).reshape(-1, 1, 1, 1)
    unit = np.sign(towards) if norm == "linf" else towards / np.linalg.norm(towards[0])
    x_adv, fooled = found(network, Apgd(eps, 20, norm=norm, **options), x, y)
    assert not fooled.any()
    np.testing.assert_allclose(x_adv, x + eps * unit, atol=0.02 * eps)


@pytest.mark.parametrize("norm", NORMS)
def test_a_random_search_comes_near_the_farthest_point_and_never_passes_it(norm):
    network, x, y, distances = grey(classes=2)
    eps = 0.9 * float(distances[norm].min())
    few, many = (found(network, SquareAttack(eps, n, norm=norm), x, y)[0] for n in (1, 100))
    gap = lambda z: np.abs(np.ptp(network(z).numpy(), axis=1))  # noqa: E731
    assert (gap(many) < gap(few)).all() and (gap(many) < gap(x)).all()
    assert (gap(many) >= gap(x) - eps / distances[norm] * gap(x) - 1e-4).all()
    assert (gap(x) - gap(many) > (0.9 if norm == "linf" else 0.5) * eps / distances[norm] * gap(x)).all()


@pytest.mark.parametrize(
    "norm, w, gap, x, step",
    [
        ("linf", [1.0, -3.0], -0.4, [0.5, 0.5], [0.1, -0.1]),
        ("l2", [1.0, -3.0], -0.4, [0.5, 0.5], [0.04, -0.12]),
        ("linf", [1.0, -3.0], 0.4, [0.5, 0.5], [-0.1, 0.1]),
        ("linf", [2.0, 1.0], -0.6, [0.9, 0.0], [0.1, 0.4]),  # The first pixel has room for 0.1 alone.
        ("l2", [2.0, 1.0], -0.6, [0.9, 0.0], [0.1, 0.4]),
        ("l2", [0.0, 1.0], -0.2, [0.5, 0.5], [0.0, 0.2]),
        ("linf", [2.0, 1.0], -9.0, [0.9, 0.0], [0.1, 1.0]),  # Out of reach: as far as [0, 1] goes.
        ("linf", [0.0, 0.0], -1.0, [0.5, 0.5], [0.0, 0.0]),
    ],
)
def test_the_smallest_step_onto_a_hyperplane_within_range(norm, w, gap, x, step):
    w, x = (np.array(v, np.float32).reshape(1, 1, 2, 1) for v in (w, x))
    got = step_onto(w, np.array([gap], np.float32), x, norm)
    np.testing.assert_allclose(got.ravel(), step, atol=1e-6)


def test_the_versions_are_those_of_the_paper():
    standard = AutoAttack(0.3).parts
    assert list(standard) == ["APGD-CE", "APGD-DLR, targeted", "FAB, targeted", "Square"]
    assert [part.steps for part in standard.values()] == [100, 100, 100, 5000]
    assert standard["FAB, targeted"].targets == standard["APGD-DLR, targeted"].targets == 9
    plus = AutoAttack(0.3, version="plus").parts
    assert {name: part.restarts for name, part in plus.items() if part.restarts > 1} == {
        "APGD-CE": 5,
        "APGD-DLR": 5,
        "FAB": 5,
    }
    assert set(plus) == {*standard, "APGD-DLR", "FAB"}
    rand = AutoAttack(0.3, version="rand", norm="l2", seed=3).parts
    assert {name: part.draws for name, part in rand.items()} == {"APGD-CE": 20, "APGD-DLR": 20}
    assert all((part.norm, part.seed) == ("l2", 3) for part in rand.values())
    assert {name: part.loss for name, part in AutoAttack(0.3, 10, version="quick").parts.items()} == {
        "APGD-CE": "cross_entropy",
        "APGD-DLR": "dlr",
    }


def test_no_part_alone_leaves_fewer_images_and_settled_ones_cost_nothing(eagerly):
    network, x, y, distances = grey(12)
    y[0] = (y[0] + 1) % 10
    whole = AutoAttack(float(np.median(distances["linf"])), 3, queries=10, targets=2)
    got = whole.on_predictions(network).fool(x, y, np.arange(12))
    wrong = np.argmax(network(got.x_adv), axis=1) != y
    assert np.array_equal(wrong, got.part != NONE) and got.part[0] == BEFORE
    assert wrong[1:].any() and not wrong.all()
    for part in whole.parts.values():
        assert (found(network, part, x, y)[1] <= wrong).all()
    assert not got.gradients[0].any() and not got.queries[0].any()
    settled = got.part == 0
    assert settled.any() and not got.gradients[settled, 1:].any() and got.gradients[settled, 0].all()
    assert np.array_equal(got.gradients[~wrong, 0], np.full(np.sum(~wrong), 4.0))  # Three steps, and the last iterate.


def test_huge_logits_hide_the_gradient_of_the_cross_entropy_but_not_from_the_whole(eagerly):
    network, x, y, distances = grey(12)
    masked = linear_network(1e4 * W)
    whole = AutoAttack(float(np.median(distances["linf"])), 3, queries=10, targets=2)
    np.testing.assert_array_equal(found(masked, whole, x, y)[1], found(network, whole, x, y)[1])
    alone = whole.parts["APGD-CE"]
    assert found(masked, alone, x, y)[1].sum() < found(network, alone, x, y)[1].sum()


class Rounding(layers.Layer):
    def call(self, x):
        return tf.round(16 * x) / 16


def test_a_network_without_gradients_is_fooled_by_the_search_alone(eagerly):
    inputs = keras.Input((4, 4, 1))
    network = keras.Model(inputs, linear_network(W)(Rounding()(inputs)))
    _, x, _, distances = grey()
    y = np.argmax(network(x), axis=1).astype(np.int32)
    eps = 1.5 * float(distances["linf"].max())
    got = AutoAttack(eps, 3, queries=60, targets=2).on_predictions(network).fool(x, y, np.arange(len(x)))
    assert (got.part >= 0).all() and 3 in got.part and 2 not in got.part  # A random start may fool it, FAB cannot.


class Noisy(layers.Layer):
    def call(self, x):
        return x + tf.random.normal(tf.shape(x))


def test_a_random_network_is_asked_for_the_mean_of_its_answers():
    inputs = keras.Input((4, 4, 1))
    network = keras.Model(inputs, Noisy()(linear_network(W)(inputs)))
    sure, x, y, _ = grey(2)
    f, mean = (
        sure(x).numpy(),
        AutoAttack(0.3).on_predictions(network).asked.climb(lambda y, f: f[:, 0], x, y, draws=400),
    )
    np.testing.assert_allclose(mean[2], f, atol=0.3)
    np.testing.assert_allclose(mean[1], np.broadcast_to(W[..., 0], x.shape), atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("version", ["standard", "plus"])
def test_fewer_classes_are_attacked_too(classes, version, eagerly):
    network, x, y, distances = grey(classes=classes)
    attack = AutoAttack(1.5 * float(distances["linf"].max()), 4, version=version, queries=4)
    assert found(network, attack, x, y)[1].all()
    for part in attack.parts.values():
        assert part.runs(classes) <= part.restarts * (classes - 1)


def test_an_attack_that_was_fooled_at_once_asks_no_more(eagerly):
    network, (x, y) = shallow_network(), images(6)
    wrong = (np.argmax(network(x), axis=1) + 1) % 10
    ready = AutoAttack(0.1).on_predictions(network)
    assert np.array_equal(ready(x, wrong, np.arange(6)), x) and ready.asked.gradients == 0
    assert (ready.fool(x.numpy(), wrong, np.arange(6)).part == BEFORE).all() and y is not None


def test_bumps_have_length_one_and_two_signs_and_moves_stay_at_the_radius():
    rng = np.random.default_rng(0)
    for side in (3, 5, 8):
        pattern = square_moves.bump(side, rng)
        assert np.linalg.norm(pattern) == pytest.approx(1, abs=1e-5) and pattern.min() < 0 < pattern.max()
    x = np.full((8, 8, 3), 0.5, np.float32)
    at = square_moves.bumpy(x, 0.4, rng)
    for _ in range(20):
        at = square_moves.with_bump(at, x, 3, 0.4, rng)
        assert np.linalg.norm(at - x) == pytest.approx(0.4, abs=1e-4)


def test_attacks_in_words():
    assert AutoAttack(0.3).describe() == "AutoAttack (standard, linf, eps 0.3)"
    assert Apgd(0.3, 20).describe() == "APGD (linf, eps 0.3, 20 steps)"


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="version of AutoAttack 'all': choose one of standard, plus, rand, quick"):
        AutoAttack(0.3, version="all")
    with pytest.raises(InputError, match="by the loss dlr alone"):
        Apgd(0.3, 5, targets=2)
    with pytest.raises(InputError, match="area"):
        SquareAttack(0.3, 5, area=2.0)
    for wrong in ({"steps": -1}, {"queries": -1}, {"targets": 0}, {"draws": 0}, {"norm": "l1"}, {"eps": 2.0}):
        with pytest.raises(InputError):
            replace(AutoAttack(0.3), **wrong)


if __name__ == "__main__":
    run_tests(__file__)

"""Attacks on maps that ask for maps and predictions alone: each in one table, and what all of them promise."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests, shallow_network
from tfrobust import similarity
from tfrobust.attacks import Ensemble, Ifia, Noise, RandomSigns, Sparse, Squares, Stripes, Target, TopK, Universal
from tfrobust.attacks.map_attack import BlackBoxAttack
from tfrobust.attributions import make_map
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

EPS = 0.3
MAP, OF = make_map(steps=4), Comparison(k=8)
BLACK_BOX = {
    "noise": Noise(EPS, restarts=3),
    "squares": Squares(EPS, 12),
    "stripes": Stripes(EPS),
}
ATTACKS = {
    **BLACK_BOX,
    "sparse": Sparse(EPS, 5, goal=TopK(8)),
    "universal": Universal(EPS, 5, 0.1, goal=TopK(8)),
}


@pytest.fixture(params=ATTACKS)
def attack(request):
    return ATTACKS[request.param]


@pytest.fixture(params=BLACK_BOX)
def black_box(request):
    return BLACK_BOX[request.param]


@pytest.fixture(scope="module")
def given():
    """(network, images, the classes that it predicts)."""
    x, _ = images(8)
    network = shallow_network()
    return network, np.asarray(x), np.argmax(network(x), axis=1).astype(np.int32)


def found(given, attack, rows=slice(None)):
    network, x, y = given
    return attack.on_maps(network, MAP, OF)(x[rows], y[rows], np.arange(len(x))[rows])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_what_is_kept_is_in_the_ball_keeps_the_label_and_has_that_map(given, attack, norm):
    network, x, y = given
    if norm == "l2" and isinstance(attack, Sparse):
        with pytest.raises(InputError, match="linf"):
            dataclasses.replace(attack, norm=norm)
        return
    maps = found(given, dataclasses.replace(attack, norm=norm))
    v = (maps.x_adv - x).reshape(len(x), -1)
    assert (np.abs(v).max() if norm == "linf" else np.linalg.norm(v, axis=1).max()) <= EPS + 1e-6
    assert maps.x_adv.min() >= 0 and maps.x_adv.max() <= 1 and maps.counted.any() and maps.moved.all()
    assert np.array_equal(tf.argmax(network(maps.x_adv), axis=1), y)
    again = found((network, maps.x_adv, y), Noise(0.0)).a
    np.testing.assert_allclose(maps.a_adv, again, rtol=1e-4, atol=1e-5)
    assert (similarity.kendall(maps.a, maps.a_adv)[maps.counted] < 1).all()


def test_no_budget_changes_nothing(given, attack):
    maps = found(given, dataclasses.replace(attack, eps=0.0))
    assert np.array_equal(maps.x_adv, maps.x) and not maps.moved.any() and maps.kept_label.all()


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "universal"])  # Which is one for a whole batch.
def test_batches_do_not_matter(given, name):
    whole, part = found(given, ATTACKS[name]), found(given, ATTACKS[name], slice(5, 8))
    np.testing.assert_allclose(part.x_adv, whole.x_adv[5:], atol=1e-6)


def test_seeds_matter(given, black_box):
    one, other = (found(given, dataclasses.replace(black_box, seed=seed)) for seed in (0, 1))
    assert np.abs(one.x_adv - other.x_adv).max() > 0


def test_more_runs_never_find_a_more_robust_network(given, attack):
    few, more = (
        similarity.kendall(maps.a, maps.a_adv)
        for maps in (found(given, dataclasses.replace(attack, restarts=attack.restarts + n)) for n in (0, 2))
    )
    if isinstance(attack, Universal):  # It is judged by its mean.
        few, more = few.mean(), more.mean()
    assert np.all(more <= few + 1e-9)


def test_each_round_is_one_tick(given, attack):
    (network, x, y), ticks = given, []
    attack.on_maps(network, MAP, OF)(x, y, tick=lambda: ticks.append(1))
    assert len(ticks) == attack.rounds


def test_each_says_what_it_is_and_refuses_a_target_that_it_has_not(attack):
    assert attack.name in attack.describe() and isinstance(attack, BlackBoxAttack) == (attack in BLACK_BOX.values())
    with pytest.raises(InputError, match="target"):
        dataclasses.replace(attack, criterion="target")


def test_stripes_are_the_same_in_all_rows_and_as_long_as_the_ball_allows(given):
    network, _, y = given
    x = np.full((8, 8, 8, 1), 0.5, np.float32)
    y = np.argmax(network(x), axis=1).astype(np.int32)
    for norm, length in (("linf", EPS * 8), ("l2", EPS)):
        maps = found((network, x, y), Stripes(EPS, norm=norm, restarts=20))
        v = (maps.x_adv - x)[maps.counted]
        assert len(v) and np.array_equal(v, np.repeat(v[:, :1], 8, axis=1))
        np.testing.assert_allclose(np.linalg.norm(v.reshape(len(v), -1), axis=1), length, rtol=1e-5)


def test_an_ensemble_on_a_judge_is_that_on_the_network_and_refuses_what_needs_one(given):
    network, x, y = given
    ensemble = Ensemble(EPS, BLACK_BOX)
    own = ensemble.on_maps(network, MAP, OF)
    same = ensemble.on_judge(own._judge, OF)(x, y)
    for name, array in own(x, y).arrays().items():
        if not name.startswith("seconds"):
            np.testing.assert_array_equal(same.arrays()[name], array, err_msg=name)
    climbing = Ensemble(EPS, {"climb": Ifia(EPS, 1, EPS, goal=TopK(8))})
    with pytest.raises(InputError, match="climb needs a network"):
        climbing.on_judge(own._judge, OF)


@pytest.mark.parametrize("pixels", [1, 5])
def test_a_sparse_attack_changes_no_more_pixels_than_it_may(given, pixels):
    maps = found(given, Sparse(1.0, pixels, goal=TopK(8), restarts=2))
    changed = np.any(maps.x_adv != maps.x, axis=-1).sum(axis=(1, 2))
    assert changed.max() == pixels and maps.had_gradient.all() and (changed > 0).any()


def test_the_first_pixel_of_a_sparse_attack_is_the_one_that_promises_most(given):
    network, x, y = given
    ready = Sparse(EPS, 1, goal=TopK(8)).on_maps(network, MAP, OF)
    maps = ready(x, y)
    reference = TopK(8).reference(maps.a, None, None)
    g = ready._goal.slope(tf.constant(x), tf.constant(x), tf.constant(y), reference)[1].numpy()
    gain = np.sum(g * (np.clip(x + EPS * np.sign(g), 0, 1) - x), axis=-1)
    for i in np.flatnonzero(maps.counted):
        place = np.argwhere(np.any(maps.x_adv[i] != x[i], axis=-1))
        assert np.array_equal(place, np.argwhere(gain[i] == gain[i].max()))


def test_a_universal_attack_is_one_perturbation_for_all_images_and_beats_a_random_one(given):
    network, _, _ = given
    x = 0.4 + 0.2 * np.random.RandomState(0).rand(16, 8, 8, 1).astype(np.float32)
    y = np.argmax(network(x), axis=1).astype(np.int32)
    ready = Universal(EPS, 10, 0.1, goal=TopK(8)).on_maps(network, MAP, OF)
    maps = ready(x[:8], y[:8])
    v = (maps.x_adv - maps.x)[maps.counted]
    assert len(v) > 1 and np.abs(v - v[:1]).max() < 1e-6
    found = ready.perturbation(x[:8], y[:8])
    np.testing.assert_allclose(found[0], v[0], atol=1e-6)
    random = EPS * np.sign(np.random.RandomState(1).randn(1, 8, 8, 1)).astype(np.float32)

    def score(v):
        keeper = ready.keeper(x[8:], y[8:], ("kendall",))
        keeper.offer(ready.with_perturbation(x[8:], v))
        return 1 - keeper.found["kendall"].mean()

    assert score(found) < score(random)


def test_attacks_that_follow_a_goal_say_what_they_cannot_follow():
    for kind in (lambda goal: Sparse(EPS, 5, goal=goal), lambda goal: Universal(EPS, 5, 0.1, goal=goal)):
        for goal in (RandomSigns(), Target(8)):
            with pytest.raises(InputError, match="follows the gradient of a goal"):
                kind(goal)
    with pytest.raises(InputError, match="65 pixels"):
        Sparse(EPS, 65, goal=TopK(8)).check((8, 8, 1))


if __name__ == "__main__":
    run_tests(__file__)

"""Ensembles and their black-box part: limits, what is kept, and what does not matter."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests, shallow_network
from tfrobust import similarity
from tfrobust.attacks import Ensemble, Found, Ifia, Noise, SoftKendall, Squares, TopKPairs, TowardsOrder, auto_ensemble
from tfrobust.attacks.ensemble import CRITERIA
from tfrobust.attacks.square_moves import with_square as of_the_library
from tfrobust.attributions import make_map
from tfrobust.names import AUTO_LEVELS
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

MAP, OF = make_map(steps=6), Comparison(k=8)
MEASURES = {
    "kendall": similarity.kendall,
    "spearman": similarity.spearman,
    "intersection": lambda a, b: similarity.top_k_intersection(a, b, OF.k),
}


def climb(goal, eps=0.3, **options):
    settings = {"random_start": True, "adaptive": True, "keep_label": True, "curvature_only": True, "path_points": 3}
    return Ifia(eps, 4, 2 * eps, goal=goal, softplus_beta=30.0, **settings, **options)


def small(eps=0.3, **options):
    parts = {
        "noise": Noise(eps, restarts=2),
        "rank": climb(SoftKendall(), eps),
        "top-k": climb(TopKPairs(k=8), eps, criterion="intersection"),
        "towards": climb(TowardsOrder(), eps),
        "squares": Squares(eps, 6),
    }
    return Ensemble(eps, parts, **options)


@pytest.fixture(scope="module")
def given():
    """(network, images, the classes that it predicts)."""
    x, _ = images(8)
    network = shallow_network()
    return network, np.asarray(x), np.argmax(network(x), axis=1).astype(np.int32)


def found(given, attack, rows=slice(None), chunk=None):
    network, x, y = given
    return attack.on_maps(network, MAP, OF, chunk)(x[rows], y[rows], np.arange(len(x))[rows])


@pytest.fixture(scope="module")
def whole(given):
    return found(given, small())


@pytest.fixture(scope="module")
def fewer(given):
    """With two of its parts."""
    return found(given, small().only("noise", "rank"))


@pytest.fixture(scope="module")
def more(given):
    """One of its parts with twice its runs."""
    return found(given, replace(small(), parts={"rank": replace(small().parts["rank"], restarts=2)}))


def test_eps_zero_changes_nothing(given):
    none = found(given, small(0.0))
    for maps in none.least.values():
        assert np.array_equal(maps.x_adv, maps.x) and not maps.moved.any()
    assert all((scores == 1).all() for scores in none.scores.values())


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_kept_image_is_in_the_ball_keeps_the_label_and_has_the_map_and_the_score_it_claims(
    given, whole, criterion
):
    network, x, y = given
    maps = whole.least[criterion]
    assert np.abs(maps.x_adv - x).max() <= 0.3 + 1e-6 and maps.x_adv.min() >= 0 and maps.x_adv.max() <= 1
    assert np.array_equal(np.argmax(network(maps.x_adv), axis=1), y)
    again = Noise(0.0).on_maps(network, MAP, OF)(x, y).a
    np.testing.assert_allclose(maps.a, again, rtol=1e-4, atol=1e-5)
    own = Noise(0.0).on_maps(network, MAP, OF)(maps.x_adv, y).a
    np.testing.assert_allclose(maps.a_adv, own, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(MEASURES[criterion](maps.a, maps.a_adv), whole.lowest(criterion), atol=1e-6)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_minimum_never_rises_with_parts_or_restarts(whole, fewer, more, criterion):
    assert (whole.lowest(criterion) <= fewer.lowest(criterion) + 1e-6).all()
    assert (more.lowest(criterion) <= whole.scores["rank", criterion] + 1e-6).all()


def test_each_measure_has_an_image_of_its_own(whole):
    images_ = [whole.least[criterion].x_adv for criterion in ("kendall", "intersection")]
    assert not np.array_equal(*images_)


@pytest.mark.parametrize("rows", [slice(3, 8), pytest.param(slice(0, 3), marks=pytest.mark.exhaustive)])
def test_batches_and_chunks_do_not_change_it(given, whole, rows, eagerly):
    """Nor do graphs, which the other has: for other numbers of images or points they would be traced anew."""
    part = found(given, small().only("noise", "towards", "squares"), rows, chunk=4)
    for key, scores in part.scores.items():
        np.testing.assert_allclose(scores, whole.scores[key][rows], atol=2e-2)


def test_two_replicas_find_what_one_finds(given, whole):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        network = shallow_network()
        network.set_weights(given[0].get_weights())
        _, x, y = given
        shared = small().only("noise", "rank").on_maps(network, MAP, OF)(x, y, np.arange(len(x)))
    for part in ("noise", "rank"):
        np.testing.assert_allclose(shared.scores[part, "kendall"], whole.scores[part, "kendall"], atol=2e-2)


def test_settled_images_leave(given, whole, eagerly):
    floor = float(np.median(np.max([whole.lowest(criterion) for criterion in CRITERIA], axis=0)))
    early = found(given, small(floor=floor))
    left = np.isnan(early.scores["squares", "kendall"])
    assert left.any() and not left.all()
    settled = np.all([early.lowest(criterion) <= floor for criterion in CRITERIA], axis=0)
    assert settled[left].all() and (early.gradients["towards",][left] <= early.gradients["towards",][~left].min()).all()


def test_where_all_images_are_settled_nothing_is_tried_any_more(given, eagerly):
    none = found(given, small(floor=1.0))
    assert all(np.isnan(scores).all() for scores in none.scores.values())
    assert all(curve.shape == (8, 0) for curve in none.curves.values()) and not none.gradients["rank",].any()
    assert (none.lowest("kendall") == 1).all() and np.array_equal(none.least["kendall"].x_adv, none.least["kendall"].x)


def test_restarts_are_those_of_the_parts():
    with pytest.raises(InputError, match="restarts of its attacks"):
        small(restarts=2)
    more = small().with_options(restarts=3, seed=4)
    assert {part.restarts for part in more.parts.values()} == {3} and (more.restarts, more.seed) == (1, 4)


def test_targets_are_the_maps_of_other_classes_the_farthest_first(given):
    network, x, y = given
    three = {f"towards {i}": climb(TowardsOrder()) for i in range(3)}
    ready = Ensemble(0.3, three).on_maps(network, MAP, OF)
    a = Noise(0.0).on_maps(network, MAP, OF)(x, y).a
    first, second, third = ready._far_targets(x, y, a)
    distances = [similarity.kendall(a, target) for target in (first, second, third)]
    assert (distances[0] <= distances[1]).all() and (distances[1] <= distances[2]).all()
    others = [Noise(0.0).on_maps(network, MAP, OF)(x, (y + i) % 10).a for i in range(1, 10)]
    want = np.min([similarity.kendall(a, other) for other in others], axis=0)
    np.testing.assert_allclose(distances[0], want, atol=1e-4)


def test_who_won_and_what_is_left_without_them_follow_from_the_scores():
    scores = {("one", "kendall"): np.array([0.2, 0.5, 1.0]), ("two", "kendall"): np.array([0.3, np.nan, 1.0])}
    some = Found({}, scores, {}, {}, {("one",): np.zeros(3)})
    assert some.lowest("kendall").tolist() == [0.2, 0.5, 1.0]
    assert some.lowest("kendall", without="one").tolist() == [0.3, 1.0, 1.0]
    assert some.winners("kendall").tolist() == ["one", "one", ""]


def test_what_was_found_comes_back_from_its_arrays(whole):
    again = Found.from_arrays(whole.arrays())
    assert again.scores.keys() == whole.scores.keys() and again.gradients.keys() == whole.gradients.keys()
    for key, curve in whole.curves.items():
        np.testing.assert_array_equal(again.curves[key], curve)
    np.testing.assert_array_equal(again.least["spearman"].x_adv, whole.least["spearman"].x_adv)


def test_squares_get_lower_query_by_query_and_keep_the_label(given):
    network, _x, y = given
    few, many = (found(given, Ensemble(0.3, {"squares": Squares(0.3, n)})) for n in (0, 30))
    assert (few.lowest("kendall") == 1).all() and (many.lowest("kendall") < 1).all()
    curve = many.curves["squares", "kendall"]
    assert curve.shape == (8, 30) and (np.diff(curve, axis=1) <= 0).all()
    assert np.array_equal(np.argmax(network(many.least["kendall"].x_adv), axis=1), y)


def test_squares_shrink_and_each_image_draws_its_own(given):
    attack = Squares(0.3, 100)
    sides = [attack.side(query, (28, 28, 1)) for query in range(100)]
    assert sides[0] == 15 and sides[-1] == 1 and sides == sorted(sides, reverse=True)
    network, x, y = given
    ready = attack.on_maps(network, MAP, OF)
    same = np.repeat(x[:1], 2, axis=0)
    one = replace(attack, steps=1).on_maps(network, MAP, OF)(same, np.repeat(y[:1], 2), np.array([4, 5])).x_adv
    assert not np.array_equal(one[0], one[1])
    alone = replace(attack, steps=1).on_maps(network, MAP, OF)(same[:1], y[:1], np.array([5])).x_adv
    assert np.array_equal(alone[0], one[1]) and ready.attack is attack


def test_a_square_goes_from_one_side_of_the_ball_to_the_other(given, monkeypatch):
    """So that no query comes back to the image itself: the corners of the ball move maps farthest."""
    network, x, y = given
    module, moves = importlib.import_module("tfrobust.attacks.squares"), []

    def with_square(at, *more):
        moves.append((at.copy(), of_the_library(at, *more)))
        return moves[-1][1]

    monkeypatch.setattr(module, "with_square", with_square)
    Squares(0.3, 30).on_maps(network, MAP, OF)(x[:1], y[:1])
    low, high = np.clip(x[0] - 0.3, 0, 1), np.clip(x[0] + 0.3, 0, 1)
    assert len(moves) == 30 and any(np.any(at != x[0]) for at, _ in moves)
    for at, moved in moves:
        there = np.clip(moved, low, high)
        side = np.isclose(there, low) | np.isclose(there, high)
        assert np.any(moved != at) and side[moved != at].all()


@pytest.mark.parametrize("level", AUTO_LEVELS)
def test_every_level_of_auto_fits_its_ball_and_costs_more_than_the_one_before(level):
    own = auto_ensemble(0.1, 8, level, seed=3)
    assert all(part.eps == 0.1 and part.seed == 3 for part in own.parts.values())
    cheaper = AUTO_LEVELS[: AUTO_LEVELS.index(level)]
    assert all(auto_ensemble(0.1, 8, other).gradients < own.gradients for other in cheaper)
    own.check((8, 8, 1))


def test_a_beta_that_is_chosen_is_that_of_second_derivatives_alone():
    own = auto_ensemble(0.1, 8, "quick").with_beta(7.0)
    betas = {name: part.softplus_beta for name, part in own.parts.items() if part.gradients}
    smooth = {"rank, smooth": 10.0, "rank, smoother": 3.0, "top-k, smooth": 10.0}
    assert betas == {"rank": 7.0, "top-k": 7.0, **smooth}
    assert not own.parts["rank, smooth"].curvature_only and own.parts["rank"].curvature_only


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="at least one attack"):
        Ensemble(0.3, {})
    with pytest.raises(InputError, match=r"rank: .* one ball"):
        Ensemble(0.2, {"rank": climb(SoftKendall())})
    with pytest.raises(InputError, match="level of auto"):
        auto_ensemble(0.3, 8, "endless")
    with pytest.raises(InputError, match="target map"):
        Squares(0.3, 5, criterion="target")
    with pytest.raises(InputError, match="area"):
        Squares(0.3, 5, area=1.5)


if __name__ == "__main__":
    run_tests(__file__)

"""Attacks on maps: agreement with the released code, bounds, criteria, goals."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import (
    images,
    linear_network,
    reference,
    reference_batch,
    reference_network,
    run_tests,
    shallow_network,
    small_network,
)
from tfrobust import similarity
from tfrobust.attacks import Ifia, Manipulation, MassCenter, Noise, Pgd, RandomSigns, Target, TopK, ifia
from tfrobust.attacks.best_iterate import BestIterate, unlikeness
from tfrobust.attacks.goals import center_of_mass
from tfrobust.attacks.ifia import IfiaOnNetwork
from tfrobust.attacks.returns import Returns
from tfrobust.attributions import make_map
from tfrobust.evaluation import MapTask
from tfrobust.names import GOALS
from tfrobust.similarity import Comparison
from tfrobust.similarity.ranking import mass_center, top_k_mask
from tfrobust.spec_values import names_of
from tfrobust.types import InputError

METHODS = [("integrated_gradients", "ig"), ("gradient", "simple_gradient")]
PAPER_GOALS = [(TopK(50), "topK"), (MassCenter(), "mass_center")]
MAP, OF = make_map(steps=10), Comparison(k=8)


def attack(eps=0.3, **options):
    return Ifia(eps, **{"steps": 5, "step_size": 0.05, "goal": TopK(8), **options})


def run(network, attack, spec=MAP):
    """The attack on the network's map."""
    return attack.on_maps(network, spec, OF)


@functools.cache
def made():
    """A network for all tests, so that they share what is traced for it: attacks leave its weights alone."""
    return shallow_network()


def predicted(n=12):
    x, _ = images(n)
    network = made()
    return network, x, tf.argmax(network(x), axis=1)


# In `make test` each map and each goal once, of one image.
FIGURES = [
    pytest.param(*method, *goal, n, marks=[pytest.mark.exhaustive] * (n > 1 or i != j), id=f"{method[1]}-{goal[1]}-{n}")
    for i, method in enumerate(METHODS)
    for j, goal in enumerate(PAPER_GOALS)
    for n in (1, 6)
]


@pytest.mark.parametrize("method, name, goal, goal_name, n", FIGURES)
def test_figures_agree_with_the_released_code(method, name, goal, goal_name, n):
    x, y, _ = reference_batch()
    own = Ifia(0.3, 20, 0.01, goal=goal)
    outcome = own.on_maps(reference_network(), make_map(method), Comparison(k=100))(x[:n], y[:n])
    assert outcome.moved.all() and outcome.kept_label.all()
    a, b = outcome.a, outcome.a_adv
    got = np.stack([similarity.top_k_intersection(a, b, 100), similarity.spearman(a, b), similarity.kendall(a, b)], 1)
    want = np.stack([reference()[f"ifia_{name}_{goal_name}_{i}"] for i in range(n)])
    np.testing.assert_allclose(got, want, atol=0.03)


@pytest.mark.parametrize(
    "none", [attack(0.0, steps=2), attack(0.0, steps=2, goal=MassCenter()), Noise(0.0)], ids=lambda a: a.name
)
def test_eps_zero_changes_nothing(none, eagerly):
    network, x, y = predicted()
    outcome = run(network, none)(x, y)
    assert np.array_equal(outcome.x_adv, x) and np.array_equal(outcome.a_adv, outcome.a)
    assert not outcome.moved.any() and outcome.kept_label.all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("some", [attack(), Noise(0.3)], ids=lambda a: a.name)
def test_what_is_kept_is_in_the_ball_keeps_the_label_and_has_that_map(some, norm):
    network, x, y = predicted()
    outcome = run(network, dataclasses.replace(some, norm=norm))(x, y)
    v = (outcome.x_adv - x).numpy().reshape(len(x), -1)
    assert (np.abs(v).max() if norm == "linf" else np.linalg.norm(v, axis=1).max()) <= 0.3 + 1e-6
    assert np.array_equal(tf.argmax(network(outcome.x_adv), axis=1), y)
    again = run(network, attack(eps=0.0))(outcome.x_adv, y).a
    np.testing.assert_allclose(outcome.a_adv, again, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("criterion", ["kendall", "spearman", "intersection", "center"])
def test_more_steps_and_restarts_never_find_a_more_robust_network(criterion):
    network, x, y = predicted()

    def found(**options):
        outcome = run(network, attack(criterion=criterion, **{"steps": 3, **options}))(x, y)
        return unlikeness(criterion, outcome.a, outcome.a_adv, 8, "exact")

    few = found()
    assert few.max() > 0
    assert (found(steps=6) >= few - 1e-9).all()
    assert (found(restarts=2) >= few - 1e-9).all()


def test_the_attack_beats_noise():
    network, x, y = predicted()
    attacked = run(network, attack(steps=15))(x, y)
    noise = run(network, Noise(0.3))(x, y)
    assert similarity.kendall(attacked.a, attacked.a_adv).mean() < similarity.kendall(noise.a, noise.a_adv).mean()


def test_without_the_twin_an_attack_on_the_gradient_never_moves_and_says_so(eagerly):
    network, x, y = predicted()
    spec = make_map("gradient")
    assert not run(network, attack(softplus_beta=None), spec)(x, y).moved.any()
    assert run(network, attack(softplus_beta=1.0), spec)(x, y).moved.all()


def test_a_label_that_never_holds_is_counted_and_keeps_the_image():
    network = linear_network(np.ones((8, 8, 1, 10)))
    x, _ = images()
    wrong = tf.fill([6], 9)  # All logits are equal: the prediction is class 0.
    outcome = run(network, Noise(0.3))(x, wrong)
    assert outcome.moved.all() and not outcome.kept_label.any() and np.array_equal(outcome.x_adv, x)


def test_a_normalised_top_k_sum_that_holds_everything_cannot_fall():
    # With no more non-zero pixels than k the normalised top-k sum is at its maximum, its gradient zero or rounding
    # noise: what makes the paper's k = 200 useless on most MNIST images.
    w = np.zeros((8, 8, 1, 10))
    w[0, :4, 0, 0] = [1, 2, 3, 4]
    network = linear_network(w)
    x, _ = images()
    y = tf.zeros([6], tf.int32)

    def moved(k):
        ready = run(network, attack(goal=TopK(k), step_size=0.01, steps=1))
        mask = top_k_mask(ready._judge.maps(x, y), k).reshape(6, 8, 8).astype(np.float32)
        with tf.GradientTape() as tape:
            tape.watch(x)
            goal = ready._goal.value(x, x, y, tf.constant(mask))
        return np.abs(tape.gradient(goal, x)).max(), goal.numpy()

    gradient, goal = moved(4)
    np.testing.assert_allclose(goal, -64, rtol=1e-5)
    assert gradient < 1e-3 < moved(2)[0]


def test_every_image_draws_its_own_noise_whatever_its_batch():
    network, x, y = predicted(4)
    same = tf.repeat(x[:1], 4, axis=0)
    ready = run(network, Noise(0.3))
    whole = ready(same, tf.repeat(y[:1], 4), np.arange(4)).x_adv
    assert len(np.unique(whole.reshape(4, -1), axis=0)) > 1
    for i in range(4):
        np.testing.assert_allclose(ready(same[i : i + 1], y[:1], [i]).x_adv[0], whole[i], atol=1e-6)
    start = run(network, attack(random_start=True, steps=1, step_size=0.0))
    assert np.abs(start(same[:1], y[:1], [0]).x_adv - whole[:1]).max() > 0.01  # Another attack draws other noise.


def test_attacks_of_other_budgets_share_what_was_traced():
    (_, x, y), network = predicted(4), shallow_network()
    spec = make_map("gradient")
    runs = [run(network, attack(eps=eps, steps=steps), spec) for eps, steps in ((0.1, 1), (0.2, 3))]
    for each in runs:
        each(x, y)
    assert runs[0]._goal is runs[1]._goal and runs[0]._judge is runs[1]._judge
    assert runs[0]._goal.slope.experimental_get_tracing_count() == 1
    assert run(network, attack(softplus_beta=9.0), spec)._goal is not runs[0]._goal


def test_center_of_mass_agrees_with_the_measure():
    a = np.random.RandomState(0).rand(3, 8, 8).astype(np.float32)
    normalised = a / a.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(center_of_mass(tf.constant(normalised)), mass_center(a), rtol=1e-5)


def test_best_iterate_keeps_the_least_alike_of_those_that_keep_the_label():
    class Judge:
        """The map is the image; the label is 1 where its first pixel is above a half."""

        def maps(self, x, y):
            return np.asarray(x)[..., 0]

        def labels(self, x):
            return (np.asarray(x)[:, 0, 0, 0] > 0.5).astype(int)

    x = np.full((1, 2, 2, 1), 0.6)
    x[0, :, 1, 0] = [0.1, 0.2]
    best = BestIterate(Judge(), x, np.array([1]), ["kendall"], Comparison(k=1))
    mild, strong, wrong = x.copy(), x.copy(), x.copy()
    mild[0, 1, 1] = 0.05
    strong[0, :, 1, 0] = [0.9, 0.8]
    wrong[0] = 1 - wrong[0]
    wrong[0, 0, 0] = 0.1
    for candidate in (wrong, strong, mild):
        best.offer(candidate)
    outcome = best.found_maps()
    assert np.array_equal(outcome.x_adv, strong) and outcome.moved[0] and outcome.kept_label[0] and outcome.counted[0]
    nothing = BestIterate(Judge(), x, np.array([1]), ["kendall"], Comparison(k=1))
    for candidate in (x, wrong):  # The one keeps the label and has not moved, the other the reverse.
        nothing.offer(candidate)
    outcome = nothing.found_maps()
    assert outcome.moved[0] and outcome.kept_label[0] and not outcome.counted[0]


def test_ticks_once_an_iteration():
    network, x, y = predicted(2)
    ticks = []
    run(network, attack(restarts=2))(x, y, tick=lambda: ticks.append(1))
    assert len(ticks) == 10


def targets(network, x, y):
    """The maps of the images in reverse order."""
    a = run(network, attack(eps=0.0))(x, y).a
    return a[::-1].copy()


TARGETED = {
    goal.name: attack(goal=goal, steps=5, step_size=0.1, criterion="target") for goal in (Target(8), Manipulation())
}


@pytest.mark.parametrize("name", TARGETED)
def test_targeted_attacks_bring_the_map_nearer_to_its_target_than_noise_does(name, eagerly):
    network, x, y = predicted()
    target = targets(network, x, y)
    got = run(network, TARGETED[name])(x, y, target=target)
    noise = run(network, Noise(0.3))(x, y)

    def distance(a):
        return ((a - target) ** 2).mean()

    assert distance(got.a_adv) < min(distance(got.a), distance(noise.a_adv))
    assert np.array_equal(tf.argmax(network(got.x_adv), axis=1), y) and got.goal_rose.all() and got.had_gradient.all()


def test_manipulation_holds_the_output_the_more_the_more_it_weighs(eagerly):
    network, x, y = predicted()
    target = targets(network, x, y)

    def change(weight):
        spec = attack(goal=Manipulation(weight), steps=3, step_size=0.05, criterion="target")
        x_adv = run(network, spec)(x, y, target=target).x_adv
        return float(tf.reduce_mean((network(x_adv) - network(x)) ** 2))

    assert change(1000.0) < 0.5 * change(0.0)


def test_a_target_that_is_missing_is_named():
    network, x, y = predicted()
    with pytest.raises(InputError, match="needs target maps"):
        run(network, attack(goal=Manipulation()))(x, y)
    with pytest.raises(InputError, match="no attack on maps"):
        MapTask(MAP, Pgd(0.3, 5, 0.05))


def goal_of(name):
    """The goal of that name, of 8 pixels where it has a set of them."""
    kind = GOALS[name]
    return kind(k=8) if "k" in names_of(kind) else kind()


@pytest.mark.parametrize("name", GOALS)
def test_every_attack_on_maps_moves_within_its_ball_keeps_the_label_and_changes_the_map(name, eagerly):
    network, x, y = predicted()
    goal = goal_of(name)
    target = targets(network, x, y) if goal.targeted else None
    outcome = run(network, attack(goal=goal, steps=2))(x, y, target=target)
    assert outcome.moved.any() and np.abs(outcome.x_adv - x).max() <= 0.3 + 1e-6
    assert outcome.x_adv.min() >= 0 and outcome.x_adv.max() <= 1
    assert np.array_equal(tf.argmax(network(outcome.x_adv), axis=1), y)
    assert outcome.counted.any() and (similarity.kendall(outcome.a, outcome.a_adv)[outcome.counted] < 1).all()
    still = run(network, attack(0.0, goal=goal, steps=1))(x, y, target=target)
    assert outcome.goal_rose.any() and np.array_equal(still.x_adv, x) and not still.moved.any()


def test_random_directions_stay_in_the_ball_and_differ_by_example_and_seed():
    network, x, y = predicted()
    one = run(network, attack(goal=RandomSigns()))(x, y)
    assert one.moved.all() and np.abs(one.x_adv - x).max() <= 0.3 + 1e-6
    again = run(network, attack(goal=RandomSigns()))(x[4:], y[4:], examples=np.arange(4, 12))
    np.testing.assert_allclose(again.x_adv, one.x_adv[4:], atol=1e-6)
    other = run(network, attack(goal=RandomSigns(), seed=1))(x, y)
    assert np.abs(other.x_adv - one.x_adv).max() > 0


def test_the_label_keeping_variant_never_leaves_the_class_and_finds_what_the_plain_one_loses(eagerly):
    network, (x, _) = small_network(), images(20)
    y = tf.argmax(network(x), axis=1)
    plain = run(network, attack(steps=3, step_size=0.25))(x, y)
    outcome = run(network, attack(steps=3, step_size=0.25, keep_label=True))(x, y)
    assert not plain.kept_label.all()
    assert outcome.kept_label.all() and outcome.counted.mean() >= plain.counted.mean()
    assert np.array_equal(tf.argmax(network(outcome.x_adv), axis=1), y)


def test_second_derivatives_alone_attack_the_networks_own_map(eagerly):
    network, x, y = predicted()
    ready = run(network, attack(curvature_only=True))
    outcome = ready(x, y)
    np.testing.assert_allclose(ready.surrogate_maps(x, y), outcome.a, atol=1e-4)
    assert outcome.counted.any() and outcome.had_gradient.all()


def test_a_plain_gradient_without_a_twin_has_no_gradient_and_says_so(eagerly):
    network, x, y = predicted()
    none = run(network, attack(softplus_beta=None), make_map("gradient"))(x, y)
    assert not none.had_gradient.any() and not none.goal_rose.any() and not none.moved.any()
    assert run(network, attack())(x, y).had_gradient.all()


class Never(Returns):
    """Has every image go on to the last step."""

    def note(self, x_adv, rows):
        super().note(x_adv, rows)
        return np.ones(len(rows), bool)


def with_and_without_leaving(monkeypatch, some, n=8, spec=MAP):
    """(what is found, what is found when no image leaves, sizes of the batches that were differentiated)."""
    network, x, y = predicted(n)
    x = np.array(x)
    x[: n // 2] = 0.0  # IG of black images is zero wherever they go with their gradient, which is zero.
    y = tf.argmax(network(x), axis=1)
    sizes = []
    slope = IfiaOnNetwork._slope
    monkeypatch.setattr(
        IfiaOnNetwork, "_slope", lambda self, z, *a, **k: sizes.append(len(z)) or slope(self, z, *a, **k)
    )
    found = run(network, some, spec)(x, y)
    at_work = list(sizes)
    monkeypatch.setattr(ifia, "Returns", Never)
    return found, run(network, some, spec)(x, y), at_work


@pytest.mark.parametrize("options", [{}, {"random_start": True}, {"restarts": 2}, {"norm": "l2"}], ids=str)
def test_images_that_go_round_in_a_circle_leave_with_the_same_result(options, monkeypatch):
    some = attack(eps=0.1, steps=12, step_size=0.1, **options)
    found, plain, sizes = with_and_without_leaving(monkeypatch, some)
    assert sizes[-1] < 8
    for name, array in plain.arrays().items():
        np.testing.assert_allclose(found.arrays()[name], array, atol=1e-5, err_msg=name)


def test_an_attack_that_is_over_ends_with_as_long_a_history(monkeypatch):
    network, x, y = predicted(3)
    x = np.zeros_like(x)
    y = tf.argmax(network(x), axis=1)
    on = run(network, attack(steps=9))
    best, ticks = on.keeper(x, y, ("kendall",)), []
    fates = on.search(best, tick=lambda: ticks.append(1))
    assert len(ticks) < 9 and len(best.history) == 9 and not np.any(fates)


@pytest.mark.parametrize("options", [{"keep_label": True}, {"adaptive": True}, {"goal": RandomSigns()}], ids=str)
def test_attacks_whose_step_depends_on_more_than_the_iterate_go_on(options, monkeypatch):
    _, _, sizes = with_and_without_leaving(monkeypatch, attack(steps=4, **options))
    assert sizes == [8] * 4


def test_an_iterate_that_returns_is_found():
    x = np.random.RandomState(0).rand(8, 2, 2, 1).astype(np.float32)
    returns, rows = Returns(x), np.arange(8)
    assert returns.note(x + 1, rows).all()
    one = x + 2
    one[3] = x[3] + 1
    assert returns.note(one, rows).all()  # One of eight is too few to leave.
    two = x + 3
    two[5] = x[5]
    assert returns.note(two, rows).tolist() == [i not in (3, 5) for i in rows]
    left = np.array([0, 1])
    assert returns.note(np.stack([x[0], x[1] + 9]), left).tolist() == [False, True]


OWN_MAPS = {"curvature_only": True, "softplus_beta": 5.0}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"adaptive": True, "keep_label": True, "random_start": True},
        {"restarts": 2, "steps": 3},
        {"adaptive": True, "steps": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("spec", [MAP, make_map("gradient")], ids=["ig", "gradient"])
def test_a_map_that_gave_the_step_judges_the_iterate_with_the_same_result(spec, options, monkeypatch):
    network, x, y = predicted(6)
    some = attack(steps=4) if not options else attack(**options)
    some = dataclasses.replace(some, **OWN_MAPS)
    results = []
    for shared in (True, False):
        on = run(network, some, spec)
        assert on._follows_measured
        on._follows_measured = shared
        asked = []
        with monkeypatch.context() as patch:
            maps = on._judge.maps
            patch.setattr(on._judge, "maps", lambda *args, maps=maps, asked=asked: asked.append(1) or maps(*args))
            best = on.keeper(x, y, ("kendall",))
            fates = on.search(best)
        results.append((best, fates, len(asked)))
    (one, fates, few), (two, plain, many) = results
    np.testing.assert_array_equal(fates, plain)
    for name in ("x_adv", "map_adv", "found", "latest"):
        np.testing.assert_allclose(
            getattr(one, name)["kendall"], getattr(two, name)["kendall"], atol=1e-5, err_msg=name
        )
    assert len(one.history) == len(two.history) and few == min(many, 1 + some.restarts)


@pytest.mark.parametrize(
    "options",
    [{}, {**OWN_MAPS, "path_points": 3}, {**OWN_MAPS, "goal": RandomSigns()}],
    ids=["softplus", "few", "none"],
)
def test_other_maps_do_not_judge(options):
    assert not run(predicted()[0], attack(**options))._follows_measured


if __name__ == "__main__":
    run_tests(__file__)

"""Suites: what they record and say; nothing about batches matters; what is kept is not done again."""

import functools
import json
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tests.helpers import (
    InterruptedKeep,
    Told,
    convolutional_network,
    linear_network,
    run_tests,
    shallow_network,
    without_graphs,
)
from tfrobust.attacks import Ifia, Manipulation, Noise, Pgd, RandomSigns, Spsa, TopK, TradesAttack
from tfrobust.attacks.squares import Squares
from tfrobust.attributions import make_map
from tfrobust.evaluation import MapTask, Suite, evaluate, run_suite
from tfrobust.evaluation.diagnosis import (
    FLAGS,
    OF_AUTOATTACK,
    OF_CERTIFICATES,
    OF_ENSEMBLES,
    OF_FAITHFULNESS,
    certificate_flag,
    tied,
)
from tfrobust.names import SUITES
from tfrobust.papers.suites import BUDGETS, make_suite
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

X = np.random.RandomState(0).rand(30, 8, 8, 1).astype(np.float32)
MAP = make_map(steps=8)
PGD = Pgd(0.1, 3, 0.05, random_start=True)
IFIA = Ifia(0.1, 3, 0.05, goal=TopK(10))
BRIEF = replace(IFIA, steps=1)  # Where one step shows what the others would.


@functools.cache
def sound():
    """A network whose weights stay as they are: what was made of it for one test is there for the others."""
    return shallow_network()


def task(attack=IFIA, spec=MAP):
    return MapTask(spec, attack, Comparison(k=10))


def labelled(network, wrong=6):
    y = np.argmax(network(X), axis=1).astype(np.int32)
    y[:wrong] = (y[:wrong] + 1) % 10
    return y


def small_suite(**options):
    options = {"predictions": {"PGD": PGD}, "attributions": {"IFIA": task(BRIEF)}, "doubled": 5, **options}
    return Suite("small", **options)


def whole_suite():
    """It measures whatever a suite can."""
    own = {"IFIA": task(replace(BRIEF, goal=Manipulation()), make_map(steps=4))}
    return small_suite(attributions=own, transfer={"gradient": make_map("gradient")})


@pytest.fixture(scope="module")
def measured():
    """(the result of a suite that measures whatever it can, the bars that it told of)"""
    told = Told()
    with without_graphs():
        return evaluate(sound(), X, labelled(sound()), whole_suite(), batch_size=16, progress=told), told.bars


def test_records_and_summary_follow_from_each_other(measured):
    result, _ = measured
    assert result.summary["natural"]["accuracy"]["mean"] == 24 / 30
    records = {name: [r for r in result.records if r["task"] == name] for name in ("natural", "PGD", "IFIA")}
    assert [len(part) for part in records.values()] == [30, 30, 24]
    right = {r["index"] for r in records["natural"] if r["prediction"] == r["label"]}
    assert {r["index"] for r in records["IFIA"]} == right
    held = [r["prediction"] == r["label"] and r["index"] in right for r in records["PGD"]]
    assert result.summary["PGD"]["accuracy"]["mean"] == pytest.approx(np.mean(held))
    for key in ("kendall", "noise_spearman", "lens_recall", "top_k_div", "pearson", "gradient_kendall"):
        values, got = [r[key] for r in records["IFIA"]], result.summary["IFIA"][key]
        assert got["mean"] == pytest.approx(np.mean(values)) and got["median"] == pytest.approx(np.median(values))
        assert got["low"] <= got["mean"] <= got["high"]
    assert {"faithfulness of integrated_gradients", "alignment"} <= set(result.summary)
    json.dumps([result.records, result.summary])


def test_an_attack_on_maps_may_follow_no_gradient(eagerly):
    """It has no surrogate whose maps could differ."""
    network = sound()
    suite = small_suite(attributions={"searched": task(Squares(0.1, 4))}, predictions={}, faithful=False, aligned=False)
    result = evaluate(network, X, labelled(network), suite)
    names = {flag.name for flag in result.flags["searched"]}
    assert {"random_beats_attack", "not_converged"} <= names and not names & {"surrogate_differs", "no_relu_exchanged"}


def test_the_evaluator_of_version_0_1_warns_with_its_new_name(eagerly):
    network = sound()
    suite = small_suite(attributions={}, aligned=False, faithful=False)
    with pytest.warns(DeprecationWarning, match="write evaluate"):
        result = run_suite(network, X, labelled(network), suite)
    assert result.summary == evaluate(network, X, labelled(network), suite).summary


def test_a_second_network_is_compared_with_and_attacked_in_its_place(eagerly):
    network, natural = sound(), shallow_network(1)
    y, suite = labelled(network), small_suite(faithful=False, doubled=0)
    result = evaluate(network, X, y, suite, natural=natural)
    assert (
        result.summary["PGD made on the natural network"]["accuracy"]["mean"]
        >= result.summary["PGD"]["accuracy"]["mean"]
    )
    assert result.summary["alignment"]["integrated_gradients_as_natural"]["mean"] < 0.99
    same = evaluate(network, X, y, suite, natural=network)
    assert same.summary["PGD made on the natural network"] == same.summary["PGD"]
    assert same.summary["alignment"]["integrated_gradients_as_natural"]["mean"] == 1


def test_no_budget_leaves_every_score_at_one_and_every_accuracy_at_natural(eagerly):
    network = sound()
    none = 0.0, 1, 0.1
    predictions = Pgd(*none), TradesAttack(*none), Spsa(*none), Noise(0.0)
    on_maps = [Ifia(*none, goal=goal) for goal in (TopK(10), RandomSigns(), Manipulation())]
    suite = small_suite(
        predictions={attack.name: attack for attack in predictions},
        attributions={attack.name: task(attack) for attack in on_maps},
        doubled=0,
        faithful=False,
        aligned=False,
    )
    result = evaluate(network, X, labelled(network), suite)
    for name in suite.predictions:
        assert result.summary[name]["accuracy"] == result.summary["natural"]["accuracy"]
    for name in suite.attributions:
        for key, values in result.summary[name].items():
            if isinstance(values, dict) and "deletion" not in key:
                assert values["mean"] == pytest.approx(1.0), (name, key)


def test_batches_chunks_and_what_was_kept_change_nothing(measured, eagerly):
    network = sound()
    y, suite = labelled(network), whole_suite()
    keep = InterruptedKeep(after=0)  # Never interrupted.
    parts = evaluate(network, X, y, suite, batch_size=20, chunk=3, keep=keep)
    assert [r["index"] for r in measured[0].records] == [r["index"] for r in parts.records]
    for a, b in zip(measured[0].records, parts.records):
        for key, value in a.items():
            assert b[key] == pytest.approx(value, abs=2e-2), key
    left, again = keep.done[-4:], InterruptedKeep(after=1)
    again.kept = {key: keep.kept[key] for key in keep.done[:-4]}
    with pytest.raises(KeyboardInterrupt):
        evaluate(network, X, y, suite, batch_size=20, chunk=3, keep=again)
    resumed = evaluate(network, X, y, suite, batch_size=20, chunk=3, keep=again)
    assert again.done == left and len(keep.done) == len(set(keep.done)) > 6
    assert resumed.records == parts.records and resumed.summary == parts.summary


def test_every_bar_ends_where_it_said(measured):
    _, bars = measured
    assert len(bars) > 5 and all(bar.n == bar.total > 0 for bar in bars)


def flags_of(spec=MAP, attack=BRIEF, network=None, x=X, y=None, **options):
    network = network or sound()
    y = labelled(network, 0) if y is None else y
    only = {"predictions": {}, "attributions": {"t": task(attack, spec)}}
    unread = {"faithful": False, "aligned": False, "doubled": 0}
    result = evaluate(network, x, y, small_suite(**{**only, **unread, **options}))
    return {flag.name: flag for own in result.flags.values() for flag in own}


def lift():
    """A linear network whose largest weights speak against its class: what its gradient ranks highest does not help."""
    w = np.full((8, 8, 1, 10), 0.1)
    w[:4, :, :, 0] = -0.5
    network = linear_network(w, 0.0)
    network.layers[-1].bias.assign(100.0 * np.eye(10)[0])
    return network


BLACK = X * (np.arange(8) < 1)[:, None, None].astype(np.float32)  # Eight pixels of 64 are not zero.
DOTS = X * (np.indices((8, 8)).sum(axis=0) < 2)[:, :, None].astype(np.float32)  # Three pixels are not zero.
W = np.random.RandomState(1).rand(8, 8, 1, 10)


def beaten():
    """Scores of three images, of which the last is further below its bound than an estimate may be wrong."""
    scores = {"smoothed_cosine": np.array([0.9, 0.78, 0.7]), "certified_cosine": np.full(3, 0.8)}
    return SimpleNamespace(scores=scores)


PROVOKED = {
    "already_wrong": lambda: flags_of(y=(labelled(sound(), 0) + (np.arange(30) < 20)) % 10, attributions={}),
    "no_gradient": lambda: flags_of(make_map("gradient"), replace(BRIEF, softplus_beta=None)),
    "never_moved": lambda: flags_of(attack=replace(BRIEF, step_size=0.0)),
    "label_never_kept": lambda: flags_of(
        attack=replace(BRIEF, eps=0.6, step_size=0.6), network=convolutional_network("relu")
    ),
    "goal_did_not_rise": lambda: flags_of(attack=replace(BRIEF, eps=0.0)),
    "k_above_nonzero": lambda: flags_of(x=BLACK, y=np.argmax(sound()(BLACK), axis=1)),
    "ties": lambda: flags_of(x=BLACK, y=np.argmax(sound()(BLACK), axis=1)),
    "random_beats_attack": lambda: flags_of(attack=replace(BRIEF, step_size=1e-6)),
    "surrogate_differs": lambda: flags_of(make_map("gradient"), replace(BRIEF, softplus_beta=0.1)),
    "no_relu_exchanged": lambda: flags_of(network=convolutional_network(keras.layers.PReLU())),
    "not_converged": lambda: flags_of(attack=replace(BRIEF, eps=0.3, step_size=0.02), doubled=5),
    "nearly_empty_map": lambda: flags_of(x=DOTS, y=np.argmax(sound()(DOTS), axis=1)),
    "deletes_no_better": lambda: flags_of(make_map("gradient"), network=lift(), faithful=True),
    "ignores_weights": lambda: flags_of(
        make_map(steps=4), network=linear_network(np.ones((8, 8, 1, 10))), faithful=True
    ),
    "constant_map": lambda: flags_of(make_map("gradient"), network=linear_network(W, 0.0)),
    "certificate_beaten": lambda: {"certificate_beaten": certificate_flag(beaten())},
}


@pytest.mark.parametrize("name", sorted(FLAGS.keys() - OF_ENSEMBLES - OF_AUTOATTACK))
def test_each_flag_is_raised_where_it_is_provoked(name, eagerly):
    flag = PROVOKED[name]()[name]
    assert flag.raised and 0 < flag.count <= flag.of and flag.text == FLAGS[name][1]


def test_a_sound_attack_raises_none():
    """A linear network with an offset: its map is dense, its surrogate is itself, its labels hold."""
    network = linear_network(W, 0.0)
    network.layers[-1].bias.assign(100.0 * np.eye(10)[0])
    attack = replace(IFIA, steps=10, step_size=0.04, goal=TopK(32))
    flags = flags_of(attack=attack, network=network, doubled=5)
    assert set(flags) == set(FLAGS) - OF_ENSEMBLES - OF_FAITHFULNESS - OF_AUTOATTACK - OF_CERTIFICATES
    assert [name for name, flag in flags.items() if flag.raised] == []


SMOOTH = [pytest.param(name, marks=pytest.mark.exhaustive) for name in ("swish", "tanh")]


@pytest.mark.parametrize("activation", ["gelu", *SMOOTH, "relu"])
def test_a_smooth_network_needs_no_surrogate(activation, eagerly):
    network = sound() if activation == "relu" else convolutional_network(keras.layers.Activation(activation))
    flag = flags_of(network=network)["no_relu_exchanged"]
    assert not flag.raised and flag.count == 0


def test_probabilities_are_refused_before_anything_runs():
    network = sound()
    softmax = keras.Model(network.input, keras.layers.Softmax()(network.output))
    with pytest.raises(InputError, match="remove its final softmax"):
        evaluate(softmax, X, labelled(network), small_suite())


def test_what_does_not_fit_is_refused_before_anything_runs():
    network = sound()
    y = labelled(network)
    for wrong in ({"examples": -1}, {"attribution_examples": -1}, {"noise_draws": 0}, {"seed": -1}):
        with pytest.raises(InputError):
            small_suite(**wrong)
    with pytest.raises(InputError, match="no attack on maps"):
        task(PGD)
    with pytest.raises(InputError, match=r"IFIA: .* no attack on predictions"):
        small_suite(predictions={"IFIA": IFIA})
    inputs = keras.Input((8, 8, 1))
    other = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    with pytest.raises(InputError, match="knows 3 classes"):
        evaluate(network, X, y, small_suite(), natural=other)
    flat = linear_network(np.ones((8, 8, 1, 10)))
    with pytest.raises(InputError, match="no feature maps"):
        evaluate(flat, X, np.zeros(30, np.int32), small_suite(transfer={"cam": make_map("grad_cam")}))
    full = make_suite("full", "digits", (8, 8, 1))
    assert set(full.transfer) - set(full.for_network(flat).transfer) == {"grad_cam_plus_plus", "guided_backpropagation"}


def test_the_share_of_ties():
    a = np.array([[[0.0, 0.0], [1.0, 2.0]], [[1.0, 1.0], [2.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]]])
    assert np.array_equal(tied(a), [0.5, 1.0, 0.0])


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_has_the_settings_of_its_data_set_and_runs(name):
    suite = make_suite(name, "digits", (8, 8, 1))
    suite.check(sound(), (8, 8, 1))
    tasks = len(suite.predictions) + len(suite.attributions)
    assert (tasks > 1 or name == "autoattack") and suite.name == name
    with pytest.raises(InputError, match="give --eps"):
        make_suite(name, "unknown", (8, 8, 1))
    make_suite(name, "unknown", (8, 8, 1), 0.1).check(sound(), (8, 8, 1))
    make_suite(name, "digits", (8, 8, 1), 0.9)  # No part of a suite leaves the range of eps.
    with pytest.raises(InputError, match="eps"):
        make_suite(name, "digits", (8, 8, 1), -0.1)


def test_the_papers_settings():
    """RAR App. C.1.1, C.1.2; ART App. A.3; FAR Table 2 of its appendix."""
    ifia = make_suite("rar", "mnist", (28, 28, 1)).attributions["IFIA on IG"]
    attack = ifia.attack
    assert (attack.eps, attack.steps, attack.step_size, attack.k) == (0.3, 100, 0.01, 200)
    assert (attack.softplus_beta, attack.random_start) == (1.0, False)
    assert (ifia.comparison.k, ifia.map.attribution.steps) == (100, 100)
    pgd = make_suite("rar", "fashion_mnist", (28, 28, 1)).predictions["PGD-100"]
    assert (pgd.eps, pgd.steps, pgd.step_size, pgd.random_start) == (0.1, 100, 0.01, True)
    art = make_suite("art", "cifar10", (32, 32, 3)).attributions["IFIA on IG"].attack
    assert (art.eps, art.steps, art.step_size, art.k) == (8 / 255, 50, 1 / 255, 100) and art.softplus_beta == 50
    far = make_suite("far", "mnist", (28, 28, 1)).attributions["IFIA on IG"].attack
    assert (far.eps, far.steps, far.k, far.restarts, far.curvature_only) == (0.3, 7, 50, 3, True)
    assert far.step_size == pytest.approx(1.2 / 7 * 0.3)
    assert make_suite("er", "mnist", (28, 28, 1)).first_task.map.attribution.steps == 50
    halved = make_suite("rar", "mnist", (28, 28, 1), 0.15)
    assert halved.predictions["PGD-100"].step_size == pytest.approx(0.005)
    assert make_suite("far", "cifar10", (32, 32, 3), 0.03).predictions["PGD-40"].eps == 0.03
    assert make_suite("art", "cifar10", (32, 32, 3)).predictions["PGD-40 l2"].eps == pytest.approx(1.0)
    assert make_suite("art", "cifar10", (32, 32, 3), 4 / 255).predictions["PGD-40 l2"].eps == pytest.approx(0.5)
    assert all(b.eps <= 0.3 and b.k <= b.k_attack for b in BUDGETS.values())


def test_the_papers_suites_take_last_iterates_and_one_draw_and_full_what_is_worst():
    kept = {}
    for name in SUITES:
        attacks = make_suite(name, "cifar10", (32, 32, 3)).predictions.values()
        kept[name] = {attack.keep for attack in attacks if hasattr(attack, "keep") and getattr(attack, "steps", 2) > 1}
    last = {name: {"last"} for name in ("rar", "art", "er", "far", "sat")}
    best = {name: {"best"} for name in ("full", "auto", "certified")}
    assert kept == {**last, **best, "autoattack": set()}


def test_an_attack_on_few_images_leaves_the_others_to_the_rest(eagerly):
    network = sound()
    y = labelled(network)
    suite = small_suite(
        predictions={"PGD": PGD, "few": PGD}, prediction_examples={"few": 9}, attributions={}, aligned=False
    )
    result = evaluate(network, X, y, suite, batch_size=7)
    assert {row["task"]: row["examples"] for row in result.accuracies} == {"natural": 30, "PGD": 30, "few": 9}
    first = [r["prediction"] == r["label"] for r in result.records_of("PGD")[:9]]
    right = [r["prediction"] == r["label"] for r in result.records_of("natural")[:9]]
    assert result.summary["few"]["accuracy"]["mean"] == pytest.approx(np.mean(np.logical_and(first, right)))
    for wrong in ({"x": 3}, {"PGD": 0}):
        with pytest.raises(InputError):
            small_suite(prediction_examples=wrong)


if __name__ == "__main__":
    run_tests(__file__)

"""An ensemble in an evaluation: minima, parts, curves, what is kept, and the flags that broken networks raise."""

import contextlib
import functools
import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import (
    InterruptedKeep,
    convolutional_network,
    linear_network,
    run_tests,
    shallow_network,
    small_network,
    without_graphs,
)
from tfrobust.attacks import (
    Ensemble,
    Ifia,
    Noise,
    Pgd,
    SoftKendall,
    Squares,
    TopKPairs,
    auto_ensemble,
    surrogate_choice,
)
from tfrobust.attacks.ensemble import CRITERIA
from tfrobust.attributions import make_map
from tfrobust.evaluation import MapTask, Suite, ensembles, evaluate
from tfrobust.evaluation.diagnosis import OF_ENSEMBLES
from tfrobust.similarity import Comparison

X = np.random.RandomState(0).rand(14, 8, 8, 1).astype(np.float32)
MAP = make_map(steps=5)


def climb(goal, steps=4, **options):
    settings = {"random_start": True, "adaptive": True, "keep_label": True, "curvature_only": True, "path_points": 3}
    return Ifia(0.2, steps, 0.4, goal=goal, softplus_beta=30.0, **{**settings, **options})


def ensemble(steps=4, **options):
    parts = {
        "noise": Noise(0.2, restarts=2),
        "rank": climb(SoftKendall(), steps),
        "top-k": climb(TopKPairs(k=8), steps, criterion="intersection"),
        "squares": Squares(0.2, 3),
    }
    return Ensemble(0.2, parts, **options)


def few_parts(steps, **options):
    """One part that follows a gradient and one that does not, where more of them show nothing else."""
    return ensemble(steps, **options).only("rank", "squares")


@functools.cache
def sound():
    """A network whose weights stay as they are: what was made of it for one test is there for the others."""
    return shallow_network()


def run(network, attack=None, spec=MAP, x=X, doubled=0, k=8, **options):
    task = MapTask(spec, attack or ensemble(), Comparison(k=k))
    suite = Suite("s", {}, {"auto": task}, doubled=doubled, faithful=False, aligned=False)
    y = np.argmax(network(x), axis=1).astype(np.int32)
    return evaluate(network, x, y, suite, **options)


@pytest.fixture(scope="module")
def result():
    """Without graphs, as most here: tests/attacks has an ensemble in them."""
    with without_graphs():
        return run(sound())


def test_summary_and_records_hold_the_minima_over_the_parts(result):
    records = result.records_of("auto")
    assert len(records) == 14
    for measure in ("kendall", "spearman", "top_k_intersection"):
        parts = np.array([[r[f"{measure} of {part}"] for part in ensemble().parts] for r in records])
        minima = np.array([r[measure] for r in records])
        np.testing.assert_allclose(minima, np.minimum(parts.min(axis=1), 1.0), atol=1e-9)
        own = result.summary["auto"][measure]
        assert own["mean"] == pytest.approx(minima.mean()) and own["low"] <= own["mean"] <= own["high"]
        assert result.summary["auto"][f"share_above_half_{measure}"] == pytest.approx(np.mean(minima > 0.5))
        won = [list(ensemble().parts)[i] for i in parts.argmin(axis=1)]
        assert [r[f"part with the least {measure}"] for r in records] == won
    assert all("noise_kendall" in r for r in records)
    json.dumps(result.as_dict(), allow_nan=False)


def test_rows_of_the_parts_say_who_won_what_is_left_without_them_and_what_they_cost(result):
    rows = {row["part"]: row for row in result.ensembles["auto"].parts()}
    assert [rows[part]["gradients"] for part in ("noise", "rank", "top-k", "squares")] == [0, 4, 4, 0]
    assert all(row["seconds"] > 0 for row in rows.values())
    least = result.summary["auto"]["kendall"]["mean"]
    assert sum(row["won_kendall"] for row in rows.values()) == pytest.approx(1)
    assert all(row["kendall_without"] >= least - 1e-9 for row in rows.values())
    assert max(row["kendall_without"] for row in rows.values()) > least


def test_a_batch_whose_images_are_settled_early_is_joined_to_the_others(result):
    """Its last parts tried nothing and have no curve."""
    whole = [r for r in result.records_of("auto") if r["index"] < 2]
    least = np.max([[r[measure] for r in whole] for measure in CRITERIA.values()], axis=0)
    with without_graphs():
        again = run(sound(), ensemble(floor=float(np.median(least))), x=X[:2], batch_size=1)
    left = [r["kendall of squares"] is None for r in again.records_of("auto")]
    assert any(left) and not all(left)
    curves = again.ensembles["auto"].curves()["kendall"]
    assert all(points[-1][0] == 4 for points in curves.values())


def test_an_evaluation_whose_images_are_all_settled_says_so_in_numbers():
    with without_graphs():
        none = run(sound(), ensemble(floor=1.0), batch_size=5, doubled=14)
    auto = none.ensembles["auto"]
    assert none.summary["auto"]["kendall"]["mean"] == 1 and not any(auto.curves().values())
    assert all(row["kendall"] is None and row["gradients"] == 0 for row in auto.parts())
    json.dumps(none.as_dict(), allow_nan=False)


def test_curves_fall_over_the_gradients_spent_and_end_at_the_score_of_the_part(result):
    curves = result.ensembles["auto"].curves()["kendall"]
    assert list(curves) == ["rank", "top-k"]
    for part, points in curves.items():
        spent, means = np.array(points).T
        assert spent[0] == 0 and spent[-1] == 4 and (np.diff(means) <= 1e-12).all()
        row = next(row for row in result.ensembles["auto"].parts() if row["part"] == part)
        assert means[-1] == pytest.approx(row["kendall"])


def test_batches_and_a_stop_on_the_way_change_nothing(eagerly):
    """With few parts: the draws of the others are those of an image whatever its batch (tests/attacks)."""
    network, keep, few = sound(), InterruptedKeep(after=3), few_parts(2)
    whole = run(network, few)
    with pytest.raises(KeyboardInterrupt):
        run(network, few, batch_size=7, keep=keep)
    resumed = run(network, few, batch_size=7, keep=keep)
    assert len(keep.done) == len(set(keep.done)) > 3
    for a, b in zip(whole.records_of("auto"), resumed.records_of("auto"), strict=True):
        assert b["kendall"] == pytest.approx(a["kendall"], abs=2e-2)


def test_lens_of_the_line_is_that_of_the_task(result):
    row, own = result.table_row(), result.summary["auto"]["lens_precision"]
    assert (row["lens_precision"], row["lens_precision_low"]) == (own["mean"], own["low"])


def test_a_line_of_a_table_has_the_ensemble_beside_its_attack(result, eagerly):
    assert not any(name.startswith("auto") for name in result.table_row())  # Where it is the only one.
    network, attacks = sound(), {"first": Ifia(0.2, 1, 0.2, goal=TopKPairs(k=8)), "auto": few_parts(1)}
    tasks = {name: MapTask(MAP, attack, Comparison(k=8)) for name, attack in attacks.items()}
    suite = Suite.of_one(Pgd(0.1, 1, 0.1), tasks["first"], attributions=tasks)
    y = np.argmax(network(X), axis=1).astype(np.int32)
    result = evaluate(network, X, y, suite)
    row = result.table_row()
    assert row["auto_kendall"] == result.summary["auto"]["kendall"]["mean"] < row["kendall"]
    assert "floor" not in row and "deletion" not in row
    assert row["auto_spearman_low"] <= row["auto_spearman"] <= row["auto_spearman_high"]


def test_a_line_of_a_table_says_what_is_wrong_with_the_maps_themselves(eagerly):
    """A network whose map is the same for all images is as still as can be, and named."""
    constant = linear_network(np.ones((8, 8, 1, 10)) * np.arange(1, 11))
    task = MapTask(make_map("gradient"), Ifia(0.1, 2, 0.1, goal=TopKPairs(k=8)), Comparison(k=8))
    y = np.argmax(constant(X), axis=1).astype(np.int32)
    result = evaluate(constant, X, y, Suite.of_one(Pgd(0.1, 1, 0.1), task, faithful=True))
    row, own = result.table_row(), result.summary["faithfulness of gradient"]
    assert "constant map" in result.below_floor and row["floor"] == ", ".join(result.below_floor)
    assert row["deletion"] == own["deletion"]["mean"] and row["randomised_low"] == own["randomised"]["low"]


def raised(network, attack, **options):
    result = run(network, attack, **options)
    return {flag.name for flag in result.flags["auto"] if flag.raised}


class Quantised(keras.layers.Layer):
    """Grey levels in steps of a quarter, which have no derivative."""

    def call(self, x):
        return tf.round(4 * x) / 4

    def compute_output_shape(self, shape):
        return shape


class Saturated(keras.layers.Layer):
    """Logits that have reached their ceiling."""

    def call(self, x):
        return tf.tanh(1e4 * x + 1e4 * tf.sign(x))

    def compute_output_shape(self, shape):
        return shape


class Unsteady(keras.layers.Layer):
    """Noise in inference."""

    def call(self, x):
        return x + tf.random.uniform(tf.shape(x), -0.3, 0.3)

    def compute_output_shape(self, shape):
        return shape


@tf.custom_gradient
def no_gradient(x):
    return tf.nn.relu(x), lambda dy: tf.zeros_like(dy)


@tf.custom_gradient
def _misleading_slope(x):
    """The derivative of softplus, with the wrong sign for its own: who follows it makes maps more alike."""
    s = tf.sigmoid(4 * x)
    return s, lambda dy: -4 * dy * s * (1 - s)


@tf.custom_gradient
def misleading(x):
    return tf.nn.softplus(4 * x) / 4, lambda dy: dy * _misleading_slope(x)


BROKEN = {
    "quantised input": (
        lambda: convolutional_network("relu", before=Quantised()),
        {},
        {"no_gradient", "nearly_empty_map"},
    ),
    "zero custom gradient": (lambda: convolutional_network(no_gradient), {}, {"constant_map", "nearly_empty_map"}),
    "saturated logits": (
        lambda: convolutional_network("relu", after=Saturated()),
        {},
        {"no_gradient", "nearly_empty_map"},
    ),
    "constant map": (
        lambda: linear_network(np.random.RandomState(1).rand(8, 8, 1, 10), 0.0),
        {"spec": make_map("gradient")},
        {"constant_map"},
    ),
    "random map": (lambda: convolutional_network("relu", before=Unsteady()), {}, {"random_map"}),
    "masked gradient": (
        lambda: convolutional_network(misleading),
        {"attack": replace(few_parts(4), parts={**few_parts(4).parts, "squares": Squares(0.2, 100)}), "x": X[:4]},
        {"masked_gradient"},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_network_broken_on_purpose_raises_its_flags(name):
    make, options, want = BROKEN[name]
    many = name == "masked gradient"  # Squares, which a graph is through with sooner.
    with contextlib.nullcontext() if many else without_graphs():
        assert want <= raised(make(), **{"attack": few_parts(1).only("rank"), **options})


def test_too_small_a_budget_and_a_wrong_beta_say_so(eagerly):
    few = replace(ensemble(), parts={"noise": Noise(0.2)})
    assert "more_budget_lowers" in raised(shallow_network(1), attack=few, doubled=6)
    flat = replace(ensemble(), parts={"rank": climb(SoftKendall(), steps=1)}, betas=(30.0,))
    result = run(sound(), flat, x=X[:2])
    assert "other_beta_lowers" in {flag.name for flag in result.flags["auto"]} and result.ensembles["auto"].beta == 30.0


def test_of_one_beta_none_is_chosen_by_an_attack():
    """There is no network that it could attack."""
    given = {"x": X, "y": np.zeros(len(X), np.int32)}
    assert surrogate_choice.choose_beta(None, MAP, Comparison(k=8), climb(SoftKendall()), (7.0,), **given) == 7.0


@pytest.mark.parametrize("gains, want", [([0.2] + [0.0] * 7, False), ([0.03] * 8, True), ([0.01] * 8, False)])
def test_the_budget_is_too_small_where_the_interval_of_the_gain_says_so(gains, want, monkeypatch):
    """The first mean gain is 0.025, made by one image of eight."""

    class Found:
        def __init__(self, scores):
            self.lowest = lambda criterion: np.asarray(scores)

    monkeypatch.setattr(ensembles, "_found", lambda *args, **how: Found(0.5 - np.array(gains)))
    result = ensembles.EnsembleResult(Found(np.full(8, 0.5)), None, None, [])
    task = MapTask(MAP, Ensemble(0.2, {"noise": Noise(0.2)}), Comparison(k=8))
    how = {"examples": np.arange(8), "batched": None, "chunk": None, "doubled": 8}
    raised = ensembles._more_budget(result, None, X[:8], np.zeros(8), task, **how).raised
    assert raised == want


SOUND = {
    "shallow": shallow_network,
    "deeper": small_network,
    "batch normalization": lambda: small_network(batch_norm=True),
    "gelu": lambda: convolutional_network("gelu"),
    "tanh": lambda: convolutional_network("tanh"),
    "swish": lambda: convolutional_network("swish"),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_network_raises_none(name):
    quick = auto_ensemble(0.1, 16, "quick")
    assert raised(SOUND[name](), attack=quick, x=X[:8], doubled=8, k=16) == set()


def test_a_sound_network_raises_none_under_a_part_of_auto(eagerly):
    few = auto_ensemble(0.1, 16, "quick").only("noise", "rank").with_options(steps=8, restarts=1)
    assert raised(SOUND["gelu"](), attack=few, x=X[:6], k=16) == set()


def test_flags_that_only_an_ensemble_has_are_all_asked(eagerly, monkeypatch):
    monkeypatch.setattr(surrogate_choice, "STEPS", 1)
    few = few_parts(1, betas=(30.0, 100.0))
    few = replace(few, parts={**few.parts, "squares": Squares(0.2, 1)})
    assert OF_ENSEMBLES <= {flag.name for flag in run(sound(), few, doubled=2, x=X[:2]).flags["auto"]}


if __name__ == "__main__":
    run_tests(__file__)

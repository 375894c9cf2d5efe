"""Evaluations of one attack on predictions and one on maps: their table, closed forms, batches, refusals."""

import functools
import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from tests.helpers import Told, linear_network, run_tests, shallow_network, without_graphs
from tfrobust.attacks import AttackedMaps, Ifia, Pgd, TopK
from tfrobust.attributions import make_map
from tfrobust.evaluation import MapTask, Suite, evaluate
from tfrobust.evaluation.predictions import predict_attacked
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

X = np.random.RandomState(0).rand(40, 8, 8, 1).astype(np.float32)


@functools.cache
def sound():
    """A network whose weights stay as they are: what was made of it for one test is there for the others."""
    return shallow_network()


def labelled(network, wrong=8):
    """The network's own predictions as labels, all but the first `wrong` of them."""
    y = np.argmax(network(X), axis=1).astype(np.int32)
    y[:wrong] = (y[:wrong] + 1) % 10
    return y


def suite(eps=0.1, steps=4, **options):
    ifia = Ifia(eps, steps, 0.05, goal=TopK(10))
    task = MapTask(make_map(steps=8), ifia, Comparison(k=10))
    return Suite.of_one(Pgd(eps, steps, 0.05, random_start=True), task, **options)


@pytest.fixture(scope="module")
def measured():
    """(the result of an evaluation, the bars that it told of)"""
    told = Told()
    with without_graphs():
        return evaluate(sound(), X, labelled(sound()), suite(), batch_size=24, progress=told), told.bars


def test_the_row_of_a_table_follows_from_the_records(measured):
    result, _ = measured
    row = result.table_row()
    natural, pgd, attacked = (result.records_of(task) for task in ("natural", "PGD", "IFIA top-k"))
    assert len(natural) == len(pgd) == 40 == row["examples"] and len(attacked) == 32 == row["attribution_examples"]
    right = {r["index"] for r in natural if r["prediction"] == r["label"]}
    assert row["natural_accuracy"] == len(right) / 40 == 32 / 40 and right == {r["index"] for r in attacked}
    held = [r["prediction"] == r["label"] and r["index"] in right for r in pgd]
    assert row["adversarial_accuracy"] == pytest.approx(np.mean(held))
    for name in ("kendall", "spearman", "top_k_intersection", "noise_kendall"):
        assert row[name] == pytest.approx(np.mean([r[name] for r in attacked]))
        assert row[name + "_low"] < row[name] < row[name + "_high"]
    assert row["share_not_counted"] == np.mean([not r["counted"] for r in attacked])
    json.dumps([result.as_dict(), row, result.suite.as_dict()])
    kinds = result.suite.as_dict()["attributions"]["IFIA top-k"]
    assert (kinds["attack"]["kind"], kinds["attack"]["eps"], kinds["attack"]["goal"]["kind"]) == ("Ifia", 0.1, "TopK")


def test_eps_zero_leaves_every_score_at_one_and_every_accuracy_at_natural(eagerly):
    network = sound()
    row = evaluate(network, X, labelled(network), suite(eps=0.0)).table_row()
    assert row["adversarial_accuracy"] == row["natural_accuracy"]
    assert all(row[p + m] == 1 for p in ("", "noise_") for m in ("kendall", "spearman", "top_k_intersection"))
    assert row["share_not_moved"] == 1 and row["share_not_kept_label"] == 0


def test_the_attack_is_below_its_control(measured):
    row = measured[0].table_row()
    assert row["kendall"] < row["noise_kendall"] < 1


def test_pgd_with_margin_on_a_linear_network_is_the_closed_form(eagerly):
    w = np.random.RandomState(1).randn(8, 8, 1, 2) * 0.3
    network = linear_network(w)
    x = 0.3 + 0.4 * X
    f = network(x).numpy()
    y = np.argmax(f, axis=1).astype(np.int32)
    eps = float(np.median(np.abs(f[:, 0] - f[:, 1])) / np.abs(w[..., 0] - w[..., 1]).sum())
    want = np.abs(f[:, 0] - f[:, 1]) > eps * np.abs(w[..., 0] - w[..., 1]).sum()
    attack = Pgd(eps, 10, eps / 4, loss="margin", random_start=True)
    assert 0.4 < want.mean() < 0.6
    assert np.mean((predict_attacked(network, x, y, attack, 24) == y) == want) > 0.95


def test_examples_are_a_seeded_choice_without_repetition(eagerly):
    network = sound()
    y = labelled(network)

    def chosen(seed):
        result = evaluate(network, X, y, suite(steps=1, examples=20, attribution_examples=5, seed=seed))
        assert result.table_row()["attribution_examples"] == 5 == len(result.maps["IFIA top-k"])
        return [r["index"] for r in result.records_of("natural")]

    first = chosen(0)
    assert len(set(first)) == 20 and chosen(0) == first != chosen(1)


def test_a_network_that_is_always_wrong_has_no_maps():
    network = sound()
    y = (labelled(network, 0) + 1) % 10
    result = evaluate(network, X, y, suite(steps=1))
    row = result.table_row()
    assert row["natural_accuracy"] == 0 == row["attribution_examples"] and not result.maps and "kendall" not in row


def test_progress_is_told(measured):
    _, bars = measured
    assert len(bars) > 3 and all(bar.n == bar.total > 0 for bar in bars)


def test_what_does_not_fit_is_refused():
    network = sound()
    y = labelled(network)
    with pytest.raises(InputError, match=r"must lie in 0..9, .*; found 10 \(image 0\)"):
        evaluate(network, X, np.full(40, 10, np.int32), suite())
    with pytest.raises(InputError, match="softmax"):
        evaluate(keras.Model(network.input, keras.layers.Softmax()(network.output)), X, y, suite())
    with pytest.raises(InputError, match="divide by 255"):
        evaluate(network, X * 255, y, suite())
    with pytest.raises(InputError, match="65"):
        too_large = replace(suite().first_task, attack=Ifia(0.1, 1, 0.05, goal=TopK(65)))
        evaluate(network, X, y, Suite("s", attributions={"t": too_large}))
    for wrong_y in (y[:5], np.concatenate([y, y]), y + 0.5):
        with pytest.raises(InputError, match="one per image"):
            evaluate(network, X, wrong_y, suite())
    for wrong in ({"seed": -1}, {"examples": -1}, {"noise_draws": 0}):
        with pytest.raises(InputError):
            suite(**wrong)
    with pytest.raises(InputError, match="no attack on predictions"):
        Suite.of_one(suite().first_task.attack, suite().first_task)
    with pytest.raises(InputError, match="noise is the control"):
        Suite.of_one(suite().first_prediction, suite().first_task.control(1))


def test_chunk_and_batch_size_do_not_change_the_maps(eagerly):
    network = sound()
    x, y = X[:20], labelled(network)[:20]
    ifia = Ifia(0.1, 2, 0.05, goal=TopK(10), random_start=True)
    task = MapTask(make_map(steps=4), ifia, Comparison(k=10))
    s = Suite.of_one(Pgd(0.1, 2, 0.05, random_start=True, restarts=2), task)
    one = evaluate(network, x.astype(np.float64), y.tolist(), s)
    two = evaluate(network, x, y, s, batch_size=12, chunk=3)
    np.testing.assert_allclose(one.maps["IFIA top-k"].a_adv, two.maps["IFIA top-k"].a_adv, rtol=1e-3, atol=1e-4)
    for name, value in one.table_row().items():
        assert two.table_row()[name] == pytest.approx(value, abs=1e-3), name


def test_attacked_maps_are_the_same_in_batches_and_as_arrays(measured):
    maps = measured[0].maps["IFIA top-k"]
    parts = [maps.batch(slice(0, 7)), maps.batch(np.arange(7, len(maps)))]
    assert [len(part) for part in parts] == [7, 25]
    for same in (AttackedMaps.join(parts), AttackedMaps.from_arrays(maps.arrays())):
        for name, array in maps.arrays().items():
            assert np.array_equal(same.arrays()[name], array), name
    records = AttackedMaps.join(parts).records()
    assert [r["kendall"] for r in records] == list(maps.scores["kendall"])
    assert [r["moved"] for r in records] == list(maps.moved) and len(records) == 32


if __name__ == "__main__":
    run_tests(__file__)

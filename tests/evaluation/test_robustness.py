"""AutoAttack in an evaluation: what is recorded, that it resumes, and the flags that say when not to trust it."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import InterruptedKeep, Told, linear_network, run_tests, shallow_network, without_graphs
from tfrobust.attacks import AutoAttack, Pgd
from tfrobust.evaluation import Suite, evaluate
from tfrobust.evaluation.diagnosis import FLAGS, OF_AUTOATTACK
from tfrobust.papers.suites import make_suite
from tfrobust.types import InputError

X = np.random.RandomState(0).rand(20, 8, 8, 1).astype(np.float32)
W = np.random.RandomState(1).randn(8, 8, 1, 10)
CHEAP = AutoAttack(0.02, 4, queries=10, targets=2)
CHEAPEST = AutoAttack(0.02, 1, queries=3, targets=1)  # Where no more than its parts is asked for.


def suite_of(attack=CHEAP, **more):
    return Suite("s", {"AutoAttack": attack, **more}, doubled=0, faithful=False, aligned=False)


def labelled(network, wrong=3):
    y = np.argmax(network(X), axis=1).astype(np.int32)
    y[:wrong] = (y[:wrong] + 1) % network.output_shape[-1]
    return y


@pytest.fixture(scope="module")
def measured():
    """(the result of an evaluation of a linear network, the bars that it told of)"""
    network, told = linear_network(W), Told()
    suite = suite_of(pgd=Pgd(0.02, 4, 0.01))
    with without_graphs():
        return evaluate(network, X, labelled(network), suite, batch_size=12, progress=told), told.bars


def test_accuracy_after_each_part_and_who_fooled_each_image(measured):
    result, bars = measured
    rows, records = result.robustness["AutoAttack"].rows(), result.records_of("AutoAttack")
    assert [row["part"] for row in rows] == list(CHEAP.parts)
    assert rows[0]["attacked"] == 17 and sum(row["fooled"] for row in rows) > 0
    for row, after in itertools.pairwise(rows):
        assert after["attacked"] == row["attacked"] - row["fooled"] and after["accuracy"] <= row["accuracy"]
    for row in rows:
        assert row["low"] <= row["accuracy"] <= row["high"]
        assert row["fooled"] == sum(record["fooled_by"] == row["part"] for record in records)
    held = [record["prediction"] == record["label"] for record in records]
    assert result.summary["AutoAttack"]["accuracy"]["mean"] == rows[-1]["accuracy"] == np.mean(held)
    assert rows[-1]["accuracy"] <= result.summary["pgd"]["accuracy"]["mean"]
    assert rows[0]["gradients"] > 0 and rows[0]["seconds"] > 0 and rows[-1]["queries"] > 0
    assert all(bar.n == bar.total > 0 for bar in bars)
    json.dumps(result.as_dict())


def test_batches_change_nothing_and_what_was_done_is_not_done_again(eagerly):
    network = shallow_network()
    y, suite = labelled(network), suite_of(CHEAPEST)
    keep = InterruptedKeep(after=5)
    with pytest.raises(KeyboardInterrupt):
        evaluate(network, X, y, suite, batch_size=7, keep=keep)
    resumed = evaluate(network, X, y, suite, batch_size=7, keep=keep)
    assert len(keep.done) == len(set(keep.done)) == 6
    assert resumed.records == evaluate(network, X, y, suite).records


def test_it_is_shown_to_another_network_too(eagerly):
    network, natural = shallow_network(), shallow_network(1)
    result = evaluate(network, X, labelled(network), suite_of(CHEAPEST), natural=natural)
    assert "AutoAttack made on the natural network" in result.summary


class Rounding(layers.Layer):
    def call(self, x):
        return tf.round(8 * x) / 8


class Noisy(layers.Layer):
    def call(self, x):
        return x + 0.1 * tf.random.normal(tf.shape(x))


def through(layer, eps=0.02):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, linear_network(W)(layer(inputs))), CHEAP.__class__(eps, 2, queries=20, targets=2)


PROVOKED = {
    "random_network": lambda: through(Noisy()),
    "zero_gradient": lambda: through(Rounding()),
    "few_classes": lambda: (linear_network(W[..., :3]), CHEAP),
    "square_beats_gradients": lambda: through(Rounding(), 0.3),
}


@pytest.mark.parametrize("name", sorted(OF_AUTOATTACK))
def test_each_flag_is_raised_where_it_is_provoked(name, eagerly):
    network, attack = PROVOKED[name]()
    flags = {flag.name: flag for flag in evaluate(network, X, labelled(network), suite_of(attack)).flags["AutoAttack"]}
    assert set(flags) == OF_AUTOATTACK and flags[name].raised and flags[name].text == FLAGS[name][1]


def test_a_sound_network_raises_none(measured):
    flags = measured[0].flags["AutoAttack"]
    assert [flag.name for flag in flags if flag.raised] == []


def test_the_suite_has_a_version_and_a_norm_of_its_own():
    suite = make_suite("autoattack", "mnist", (28, 28, 1))
    assert suite.predictions == {"AutoAttack": AutoAttack(0.3)} and not suite.attributions
    l2 = make_suite("autoattack", "mnist", (28, 28, 1), 2.0, version="plus", norm="l2")
    assert l2.first_prediction == AutoAttack(2.0, version="plus", norm="l2")
    assert make_suite("full", "mnist", (28, 28, 1)).predictions["AutoAttack"] == AutoAttack(0.3)
    for wrong, words in (
        ({"name": "autoattack", "norm": "l2"}, "give --eps with --norm=l2"),
        ({"name": "rar", "version": "plus"}, "suite rar has no version: only autoattack has"),
        ({"name": "autoattack", "level": "plus"}, "suite autoattack has no level: only auto has"),
    ):
        with pytest.raises(InputError, match=words):
            make_suite(dataset="mnist", shape=(28, 28, 1), **wrong)


if __name__ == "__main__":
    run_tests(__file__)

"""Chunks that fit a budget: what is counted, and that a verb takes them without another result."""

import json
import os

import keras
import numpy as np
import pytest

from launch import evaluate, train
from tests.helpers import ROOT, run_tests, without_graphs
from tfrobust import report
from tfrobust.memory_budget import COPIES, GIB, activations, chunk_for, free_memory
from tfrobust.models import make_model


def network():
    inner = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(5, 3), keras.layers.ReLU()])
    i = keras.Input((8, 8, 1))
    x = inner(keras.layers.MaxPooling2D(2)(keras.layers.Conv2D(3, 1)(i)))
    return keras.Model(i, keras.layers.Dense(10)(keras.layers.Flatten()(x)))


def test_activations_are_those_of_every_layer():
    assert activations(network()) == 8 * 8 * 3 + 4 * 4 * 3 + 2 * (2 * 2 * 5) + 2 * 2 * 5 + 10


def test_a_chunk_is_what_fits():
    each = COPIES * 4 * activations(network()) * 7
    assert [chunk_for(network(), 7, 50, budget) for budget in (0, each, 9.5 * each, 1e12)] == [1, 1, 9, 50]
    assert free_memory() > GIB / 64


TRAIN = ["train", "--flagfile=flags/digits/ig_norm.flags", "--steps=2", "--attack_steps=1", "--ig_steps=3"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder, here = tmp_path_factory.mktemp("run"), os.getcwd()
    os.chdir(ROOT)
    with without_graphs():
        assert train.main([*TRAIN, f"--output={folder}/all"]) == 0
    os.chdir(here)
    return folder


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def weights(path):
    return keras.models.load_model(path / "network.keras").get_weights()


def test_training_with_chunks_that_fit_ends_with_the_same_weights(run, capsys, eagerly):
    each = COPIES * 4 * activations(make_model("digits_cnn", (8, 8, 1), 10)) * 50
    assert train.main([*TRAIN, "--chunk=auto", f"--memory_gb={2.5 * each / GIB}", f"--output={run}/two"]) == 0
    assert "2 points of a path at once" in capsys.readouterr().err
    for a, b in zip(weights(run / "all"), weights(run / "two")):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_an_evaluation_with_chunks_that_fit_is_the_same(run, eagerly, monkeypatch):
    monkeypatch.setattr(report, "draw_panels", lambda *given: None)
    argv = ["evaluate", f"--network={run}/all/network.keras", "--flagfile=flags/digits/evaluate.flags"]
    argv += ["--examples=20", "--attribution_examples=4", "--ifia_steps=1", "--map_steps=3", "--pgd_steps=1"]
    means = []
    for name, more in (("all", []), ("auto", ["--map_chunk=auto", "--memory_gb=0.001"])):
        assert evaluate.main([*argv, *more, f"--output={run}/{name}"]) == 0
        with open(run / name / "evaluation.json", encoding="utf-8") as file:
            means.append(json.load(file)["rows"][0]["kendall"])
    assert means[0] == pytest.approx(means[1], abs=1e-3)


def test_a_chunk_that_is_none_is_refused(tmp_path, capsys):
    argv = ["train", "--flagfile=flags/digits/ig_norm.flags", f"--output={tmp_path}/x"]
    for bad in ("0", "-3", "some", "1.5"):
        assert train.main([*argv, f"--chunk={bad}"]) == 2
        assert "neither a number of points" in capsys.readouterr().err
    assert train.main([*argv, "--method=natural", "--chunk=auto"]) == 2


if __name__ == "__main__":
    run_tests(__file__)

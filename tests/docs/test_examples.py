"""Every example runs, shorter than for a person, and leaves or says what it promises."""

import glob
import importlib.util
import json
import os
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

import tfrobust
from tests.docs.shortened import hurry
from tests.helpers import ROOT, linear_network, run_tests, shallow_network
from tests.shallow import be_shallow
from tfrobust.attacks import auto
from tfrobust.attributions import make_map
from tfrobust.data import FACTS, load, to_unit
from tfrobust.experiments import comparison
from tfrobust.networks import load_network
from tfrobust.papers.suites import BUDGETS

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(autouse=True)
def at_work(tmp_path, monkeypatch):
    """The examples read flagfiles of the repository and write where they are told."""
    monkeypatch.chdir(ROOT)


@pytest.fixture
def shallow(monkeypatch):
    """What an example makes anew has one convolution."""
    be_shallow(monkeypatch.setattr)


def example(name):
    """The main function of an example."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(ROOT, "examples", f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def of_one_step(objective):
    """The objective with one step of its attack."""
    return replace(objective, attack_steps=1) if hasattr(objective, "attack_steps") else objective


def test_train_a_recipe(tmp_path, capsys, monkeypatch, shallow):
    main = example("train_a_recipe")
    monkeypatch.setitem(main.__globals__, "IG_NORM", of_one_step(main.__globals__["IG_NORM"]))
    main(str(tmp_path), steps=2)
    assert (tmp_path / "ig_norm" / "network.keras").exists() and "2 steps" in capsys.readouterr().out
    assert "--method=ig_norm" in (tmp_path / "ig_norm" / "run.flags").read_text().splitlines()
    main(str(tmp_path), steps=2)  # It is there already.


def test_compare_methods(tmp_path, capsys, monkeypatch, shallow):
    hurry(monkeypatch)
    main = example("compare_methods")
    methods = {name: of_one_step(method) for name, method in main.__globals__["METHODS"].items()}
    monkeypatch.setitem(main.__globals__, "METHODS", methods)
    costs = {"natural": 1.0, "madry": 2.0, "trades": 4.0}
    monkeypatch.setattr(comparison, "step_seconds", lambda *_: costs)
    main(str(tmp_path), steps=1, examples=8, attack_steps=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["natural", "madry", "trades"]
    assert len(lines) == 4 and lines[3].startswith("madry, time of trades")


def test_compare_maps(tmp_path, capsys, monkeypatch, shallow):
    few = {"integrated_gradients": make_map(steps=2), "occlusion": make_map("occlusion")}
    main = example("compare_maps")
    monkeypatch.setitem(main.__globals__, "maps", lambda masks, layer: few)
    main(output=str(tmp_path), images=2, steps=1)
    lines = capsys.readouterr().out.splitlines()
    for name in few:
        assert sum(line.startswith(f"{name}: ") for line in lines) == 2  # Squares and IFIA.
        assert any(line.startswith(f"{name} with white: top_k_intersection") for line in lines)
    assert (tmp_path / "maps.png").exists()


def test_reproduce_a_table(tmp_path, capsys):
    x, y = np.random.RandomState(0).randint(0, 256, (40, 28, 28, 1)).astype(np.uint8), np.arange(40) % 10
    np.savez(tmp_path / "part.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    assert FACTS["mnist"].shape == x.shape[1:]
    example("reproduce_a_table")(str(tmp_path), source=str(tmp_path / "part.npz"))
    out = capsys.readouterr().out
    assert "| madry" in out and "Budget smoke" in out
    with open(tmp_path / "reproduced" / "tables" / "rar_T2_mnist_smoke.json", encoding="utf-8") as file:
        assert any(cell["measured"] is not None for cell in json.load(file)["cells"])


def test_compare_attacks(capsys):
    example("compare_attacks")(images=3, steps=2, pixels=2, points=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9 and "universal, on other images" in lines[6] and "map_cosine" in lines[8]


def test_manipulate_explanations(tmp_path, capsys):
    """No probability changes, and the maps are in the corner."""
    before, digits = shallow_network(), load("digits")
    before.save(tmp_path / "before.keras")
    x = to_unit(digits.x_test[:64])
    np.savez(tmp_path / "images.npz", x=x)
    files = (str(tmp_path / name) for name in ("before.keras", "images.npz", "after.keras"))
    example("manipulate_explanations")(*files, 30)
    assert "step 29: share of the map outside the corner 0." in capsys.readouterr().out
    after = load_network(str(tmp_path / "after.keras"))
    chances = [tf.nn.softmax(network(x)).numpy() for network in (before, after)]
    np.testing.assert_allclose(*chances, atol=1e-5)
    maps = [tfrobust.attribute(network, x[:8], method="gradient") for network in (before, after)]
    shares = [a[:, :2, :2].sum() / a.sum() for a in maps]
    assert shares[1] > 2 * shares[0]


def test_rank_networks(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(auto.LEVELS, "quick", auto.LEVELS["quick"]._replace(steps=1, squares=1, noise=1))
    monkeypatch.setattr(auto, "RUNS", {"rank": (1, 1, 1), "top-k": (1, 1, 1)})
    monkeypatch.setitem(BUDGETS, "digits", BUDGETS["digits"]._replace(pgd=(1, 0.03), ifia=(1, 0.03)))
    for name, seed in (("0", 2), ("1", 0)):  # One of the three images is predicted correctly, and none.
        shallow_network(seed).save(tmp_path / f"{name}.keras")
    digits = load("digits")
    label = digits.y_test[np.random.RandomState(0).permutation(len(digits.y_test))[0]]  # Of the first image drawn.
    flat = linear_network(np.zeros((8, 8, 1, 10)))  # It says the same of every image, and its map is zero.
    flat.set_weights([flat.get_weights()[0], np.float32(np.arange(10) == label)])
    flat.save(tmp_path / "flat.keras")
    networks = [f"one={tmp_path}/0.keras", f"other={tmp_path}/0.keras=far", f"wrong={tmp_path}/1.keras"]
    networks.append(f"flat={tmp_path}/flat.keras")
    main = example("rank_networks")
    monkeypatch.setitem(main.__globals__, "RESAMPLES", 20)
    main(str(tmp_path), "digits", "-", *networks, images=3, path_points=2)
    out = capsys.readouterr().out
    assert "wrong: left out" in out and "flat: measured, but not ranked" in out
    assert "one, auto: kendall" in out and "kendall: orders agree with tau" in out
    ranking = json.loads((tmp_path / "ranking.json").read_text())
    assert set(ranking["rows"]) == {"one", "other", "flat"} and set(ranking["orders"]) == {
        "kendall",
        "spearman",
        "top_k_intersection",
    }
    assert "constant map" in ranking["rows"]["flat"]["floor"] and ranking["rows"]["one"]["floor"] == []
    assert all(row["auto"]["kendall"]["mean"] <= 1 for row in ranking["rows"].values())


def test_sweep_a_setting(tmp_path, capsys, monkeypatch, shallow):
    main = example("sweep_a_setting")
    make = main.__globals__["make_objective"]
    monkeypatch.setitem(main.__globals__, "make_objective", lambda *of, **options: of_one_step(make(*of, **options)))
    main(str(tmp_path), steps=1)
    assert "6 runs: 6 done" in capsys.readouterr().out
    assert (tmp_path / "sweep" / "seed1" / "eps=0.3" / "network.keras").exists()


def test_corrupt_images(tmp_path, capsys, monkeypatch):
    hurry(monkeypatch)
    example("corrupt_images")(str(tmp_path), examples=2)
    out = capsys.readouterr().out
    assert "fog" in out and "narrow" in out and (tmp_path / "corruptions.png").stat().st_size > 1000


def test_evaluate_by_suite(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(BUDGETS, "digits", BUDGETS["digits"]._replace(pgd=(1, 0.03), ifia=(1, 0.03)))
    shallow_network(2).save(tmp_path / "n.keras")  # It predicts one of the two images correctly.
    example("evaluate_by_suite")(str(tmp_path / "n.keras"), "er", examples=2)
    out = capsys.readouterr().out
    assert out.startswith("natural: accuracy") and "IFIA on IG" in out


def test_load_a_downloaded_network(tmp_path, capsys):
    shallow_network().save(tmp_path / "n.keras")
    assert example("load_a_downloaded_network")(str(tmp_path / "n.keras")) == 0
    assert "predicted classes" in capsys.readouterr().out
    (tmp_path / "torn.keras").write_bytes(b"PK\x03\x04")
    assert example("load_a_downloaded_network")(str(tmp_path / "torn.keras")) == 2
    assert capsys.readouterr().out.count("\n") == 1


def test_every_example_has_its_test():
    names = {os.path.basename(path).removesuffix(".py") for path in glob.glob(os.path.join(ROOT, "examples", "*.py"))}
    names.discard("__init__")  # Bazel puts one there.
    assert len(names) == 11 and {f"test_{name}" for name in names} <= set(globals())


if __name__ == "__main__":
    run_tests(__file__)

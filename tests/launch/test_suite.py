"""launch.evaluate --suite as people meet it: what it leaves, that it can be killed, what it refuses."""

import importlib
import json
import os
import shutil
import signal
import time
from dataclasses import replace

import keras
import numpy as np
import pytest

import launch.suite
from launch import evaluate
from tests import processes
from tests.helpers import ROOT, linear_network, run_tests
from tfrobust import data, report
from tfrobust.attacks import auto
from tfrobust.evaluation import certificate
from tfrobust.evaluation.batch_cache import BatchCache
from tfrobust.evaluation.result import IN_TABLES
from tfrobust.models import make_model
from tfrobust.papers.suites import make_suite

CHEAP = [
    "--dataset=digits",
    "--examples=10",
    "--attribution_examples=2",
    "--pgd_steps=1",
    "--ifia_steps=1",
    "--map_steps=2",
    "--evaluation_batch=10",
]

CURVES = {"art": ("_eps_maps.png",), "certified": ("_eps_maps.png",), "sat": ("_eps.png",)}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    """At the root, with a thirtieth of the grid of the spatial attack and a fifth of the draws of a certificate."""
    monkeypatch.chdir(ROOT)
    for name in ("ROTATIONS", "SHIFTS"):
        monkeypatch.setattr(importlib.import_module("tfrobust.attacks.spatial"), name, 3)
    monkeypatch.setattr(certificate, "DRAWS", 200)


def network_of(seed=0, activation="relu"):
    """The least that has feature maps and ReLUs."""
    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Activation(activation)(keras.layers.Conv2D(4, 3, strides=2)(x))
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(x)))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Networks, and digits with labels and with the labels that the first network gives them."""
    path = tmp_path_factory.mktemp("saved")
    network = network_of()
    network.save(path / "any.keras")
    bytes_network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 255), network])
    bytes_network.save(path / "bytes.keras")
    network_of(1).save(path / "natural.keras")
    make_model("digits_cnn", (8, 8, 1), 3, 0.5).save(path / "few.keras")
    digits = data.load("digits")
    x, y = data.to_unit(digits.x_test[:40]), np.arange(40) % 10
    for name, labels in (("own", y), ("as_predicted", np.argmax(network(x), axis=1))):
        np.savez(path / f"{name}.npz", x_train=x, y_train=y, x_test=x, y_test=labels)
    return path


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of its own of them."""
    return shutil.copytree(saved, tmp_path, dirs_exist_ok=True)


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures take as long as a cheap suite, and are looked at in the test of every suite."""
    monkeypatch.setattr(launch.suite, "draw", lambda path, result: None)


def measure_less(monkeypatch, **changes):
    """Suites are made with these fields in the place of their own."""
    make = lambda *given, **options: replace(make_suite(*given, **options), **changes)  # noqa: E731
    monkeypatch.setattr("tfrobust.papers.suites.make_suite", make)


def call(folder, suite, *more, output="out"):
    base = [f"--network={folder}/any.keras", f"--suite={suite}", *CHEAP, f"--output={folder}/{output}"]
    return evaluate.main(["evaluate", *base, *(flag.replace("DIR", str(folder)) for flag in more)])


@pytest.mark.parametrize("suite, more", [("full", []), ("rar", ["--map_references"]), ("full", ["--nomap_references"])])
def test_other_references_are_said_where_a_map_has_one(folder, capsys, suite, more, eagerly, undrawn, monkeypatch):
    own = {"name": suite, "predictions": {}, "faithful": False, "aligned": False, "doubled": 0}
    one = replace(make_suite("rar", "digits", (8, 8, 1)), **own, referenced=suite == "full")
    monkeypatch.setattr("tfrobust.papers.suites.make_suite", lambda *_, **__: one)
    given = ["--dataset=DIR/as_predicted.npz", "--eps=0.1", *more]
    assert call(folder, suite, *given) == 0
    out, asked = capsys.readouterr().out, "--nomap_references" not in more
    assert ("beside the same map with" in out) == asked == ("left out: other references of gradient" in out)
    summary = json.loads((folder / "out" / f"{suite}.json").read_text())
    assert set(summary.get("references", {})) == ({"integrated_gradients"} if asked else set())
    assert ("references of integrated_gradients" in summary["summary"]) == asked


SUITES = ("art", "sat", "full", "auto", "certified", "rar", "er", "far")
# What is left out of each in make test, as another one has it.
LEFT_OUT = {"full": {"doubled": 0}, "er": {}}
PICTURED = "art"  # And the curves of others.
UNDRAWN = ("rar", "er", "far")  # Whose pictures are some of those of "full".


@pytest.mark.parametrize(
    "suite, whole",
    [(suite, False) for suite in SUITES]
    + [pytest.param(suite, True, marks=pytest.mark.exhaustive) for suite in SUITES],
)
def test_every_suite_leaves_its_tables_records_and_pictures(folder, capsys, suite, whole, eagerly, monkeypatch):
    draw_pages, drawn = report.draw_pages, whole or suite not in UNDRAWN
    if not whole:
        measure_less(monkeypatch, **LEFT_OUT.get(suite, {"doubled": 0, "faithful": False}))
        monkeypatch.setattr(auto, "LEVELS", {"quick": auto.LEVELS["quick"]._replace(steps=5, squares=5)})
        # Of the panels of all attacks, those of one.
        monkeypatch.setattr(report, "draw_pages", lambda panels, *given: draw_pages(panels[:3], *given))
    if not whole and suite != PICTURED:
        for name in ("draw_pages", "draw_boxes"):
            monkeypatch.setattr(report, name, lambda of, path, *_: report.write_text(path, "a picture"))
    if not drawn:
        monkeypatch.setattr(launch.suite, "draw", lambda path, result: None)
    given = ["--dataset=DIR/as_predicted.npz", "--eps=0.1", "--natural=DIR/natural.keras"]  # So that all are right.
    given += ["--auto_level=quick", "--autoattack_queries=5"]
    assert call(folder, suite, *given) == 0
    out = capsys.readouterr().out
    assert "| natural" in out and "Diagnosis:" in out and "already_wrong" in out
    files = set(os.listdir(folder / "out"))
    assert {f"{suite}.md", f"{suite}.json", f"{suite}_records.jsonl", "batches"} <= files
    records = [json.loads(line) for line in (folder / "out" / f"{suite}_records.jsonl").read_text().splitlines()]
    assert len([r for r in records if r["task"] == "natural"]) == 10
    summary = json.loads((folder / "out" / f"{suite}.json").read_text())
    assert summary["summary"]["natural"]["accuracy"]["mean"] == 1
    maps = [task for task, own in summary["summary"].items() if "kendall" in own]
    assert {record["task"] for record in records if "kendall" in record} == set(maps) != set()
    assert {"natural", *maps} <= set(summary["flags"])
    method = "uniformly_smoothed" if suite == "certified" else "integrated_gradients"
    assert f"{method}_as_natural" in summary["summary"]["alignment"]
    if drawn:
        assert {f"{suite}_panels.png", f"{suite}_kendall.png", f"{suite}_top_k_intersection.png"} <= files
        assert {name.removeprefix(suite) for name in files if "_eps" in name} == set(CURVES.get(suite, ()))
    assert summary["about"]["attributions"] and summary["about"]["versions"]
    if suite == "full":
        assert "map_cosine" in summary["summary"]["dual"] and "| map_cosine" in out
    if suite == "certified":
        assert "certified_certified.png" in files and "certified cosine" in out
        own = [summary["summary"][task] for task in maps]
        bounds = [each["certified_cosine"]["mean"] for each in own]
        assert bounds == sorted(bounds, reverse=True) and bounds[0] > 0
        assert all(each["certified_cosine"]["mean"] <= each["smoothed_cosine"]["mean"] for each in own)
    if suite == "auto":
        assert {f"auto_auto_{measure}_spent.png" for measure in IN_TABLES} <= files
        assert "| parts of" in out and "stays above 0.5" in out
        assert [row["part"] for row in summary["ensembles"]["auto"]["parts"]] == [
            "noise",
            "rank",
            "rank, smooth",
            "rank, smoother",
            "top-k",
            "top-k, smooth",
            "squares",
        ]


def test_autoattack_says_what_each_of_its_parts_fooled(folder, capsys, eagerly):
    given = ["--dataset=DIR/as_predicted.npz", "--eps=0.5", "--norm=l2", "--autoattack_queries=5"]
    assert call(folder, "autoattack", *given, "--autoattack_version=plus") == 0
    out = capsys.readouterr().out
    assert "| AutoAttack" in out and "accuracy after it" in out and "random_network" not in out
    summary = json.loads((folder / "out" / "autoattack.json").read_text())
    rows = summary["robustness"]["AutoAttack"]
    parts = ["APGD-CE", "APGD-DLR", "FAB", "Square", "APGD-DLR, targeted", "FAB, targeted"]
    assert [row["part"] for row in rows] == parts and rows[0]["attacked"] == 10
    attack = summary["about"]["predictions"]["AutoAttack"]
    asked = {"eps": 0.5, "norm": "l2", "version": "plus", "steps": 1, "queries": 5}
    assert {name: attack[name] for name in asked} == asked and not summary["about"]["attributions"]
    records = [json.loads(line) for line in (folder / "out" / "autoattack_records.jsonl").read_text().splitlines()]
    fooled = [record["fooled_by"] for record in records if record["task"] == "AutoAttack"]
    assert [fooled.count(part) for part in parts] == [row["fooled"] for row in rows]


@pytest.mark.parametrize(
    "suite, more, words",
    [
        ("autoattack", ["--norm=l2"], "give --eps with --norm=l2"),
        ("autoattack", ["--autoattack_version=most"], "autoattack_version"),
        ("autoattack", ["--autoattack_queries=-1"], "queries"),
        ("autoattack", ["--map_k=5"], "leave out --map_k"),
        ("autoattack", ["--dataset=DIR/own.npz"], "give --eps"),
    ],
)
def test_what_autoattack_cannot_have_is_refused_in_one_line(folder, capsys, suite, more, words):
    assert call(folder, suite, *more) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if "it/s" not in line]
    assert len(err) == 1 and words in err[0]


EAGERLY = """
import sys, tensorflow
from launch import evaluate
tensorflow.config.run_functions_eagerly(True)
sys.exit(evaluate.main(["evaluate", *sys.argv[1:]]))
"""


def test_a_suite_that_was_killed_goes_on_and_ends_with_the_same_numbers(folder, undrawn, eagerly):
    flags = [f"--network={folder}/any.keras", "--suite=rar", *CHEAP, "--examples=20", "--evaluation_batch=5"]
    process = processes.start(["-c", EAGERLY, *flags, f"--output={folder}/killed"])
    until = time.monotonic() + 120
    batches = folder / "killed" / "batches"
    while not (batches.exists() and len(os.listdir(batches)) >= 6):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    process.kill()
    assert process.wait(timeout=60) == -signal.SIGKILL
    before = {name: (batches / name).stat().st_mtime_ns for name in os.listdir(batches) if name.endswith(".npz")}
    assert not (folder / "killed" / "rar.json").exists()
    for output in ("killed", "whole"):
        assert evaluate.main(["evaluate", *flags, f"--output={folder}/{output}"]) == 0
    assert all((batches / name).stat().st_mtime_ns == stamp for name, stamp in before.items())
    one, other = ((folder / output / "rar_records.jsonl").read_text() for output in ("killed", "whole"))
    assert one == other


def test_kept_batches_are_found_by_what_they_depend_on_and_torn_ones_are_made_again(tmp_path):
    made = []

    def work():
        made.append(1)
        return {"a": np.arange(3)}

    keep = BatchCache(str(tmp_path), {"eps": 0.1})
    for _ in range(2):
        assert np.array_equal(keep("x 0", work)["a"], np.arange(3))
    assert len(made) == 1 and keep.found == 1
    BatchCache(str(tmp_path), {"eps": 0.2})("x 0", work)
    keep("x 1", work)
    assert len(made) == 3
    for name in os.listdir(tmp_path):
        (tmp_path / name).write_bytes(b"torn")
    keep("x 0", work)
    assert len(made) == 4


@pytest.mark.parametrize(
    "more, words",
    [
        (["--suite=magic"], "magic"),
        (["--dataset=DIR/own.npz"], "give --eps"),
        (["--natural=DIR/none.keras"], "no network at"),
        (["--eps=-1"], "eps"),
        (["--suite=art", "--eps=-1"], "eps"),
        (["--examples=-5"], "examples"),
        (["--noise_draws=0"], "noise_draws"),
        (["--norm=l2", "--map_k=5"], "leave out --norm, --map_k"),
        (["--natural=DIR/few.keras"], "knows 3 classes"),
        (["--map_window=-1"], "window"),
        (["--network=DIR/none.keras"], "no network at"),
        (["--network=DIR/bytes.keras"], "--pixels=0..255"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(folder, capsys, more, words):
    assert call(folder, "rar", *more) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if "it/s" not in line]
    assert len(err) == 1 and words in err[0]


def test_another_network_with_the_same_weights_is_another_evaluation(folder, capsys, undrawn, eagerly, monkeypatch):
    measure_less(monkeypatch, doubled=0, faithful=False)
    other = network_of(activation="tanh")
    other.set_weights(keras.models.load_model(folder / "any.keras", compile=False).get_weights())
    assert call(folder, "rar") == 0
    other.save(folder / "any.keras")
    capsys.readouterr()
    assert call(folder, "rar") == 0
    assert "were there already" not in capsys.readouterr().out
    assert call(folder, "rar") == 0
    assert "were there already" in capsys.readouterr().out


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_a_network_without_feature_maps_has_every_other_map(folder, capsys, undrawn, eagerly, monkeypatch, whole):
    """An attack on each map alone, and the whole of the suite."""
    full = make_suite("full", "digits", (8, 8, 1))
    of_each_map = {task.map.method: (name, task) for name, task in full.attributions.items()}
    own = {"predictions": {}, "attributions": dict(of_each_map.values())}
    on_maps = replace(full, **own, faithful=False, aligned=False, doubled=0)
    monkeypatch.setattr("tfrobust.papers.suites.make_suite", lambda *_, **__: full if whole else on_maps)
    linear_network(np.random.RandomState(0).randn(8, 8, 1, 10)).save(folder / "any.keras")
    assert call(folder, "full") == 0
    assert "left out: grad_cam_plus_plus" in capsys.readouterr().out


@pytest.mark.parametrize(
    "more", [["--map_method=grad_cam", "--map_layer=nosuch"], ["--map_method=smoothgrad", "--map_deviation=-1"]]
)
def test_a_map_that_cannot_be_is_refused_without_a_suite_too(folder, capsys, more):
    flags = ["--flagfile=flags/demo/evaluate.flags", f"--network={folder}/any.keras", f"--output={folder}/out"]
    assert evaluate.main(["evaluate", *flags, *more]) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if "it/s" not in line]
    assert len(err) == 1 and err[0].startswith("evaluate: ")


def test_without_a_suite_what_is_missing_is_named(folder, capsys):
    flags = [f"--network={folder}/any.keras", "--dataset=digits", "--eps=0.1", f"--output={folder}/out"]
    assert evaluate.main(["evaluate", *flags]) == 2
    assert "--pgd_steps" in capsys.readouterr().err


if __name__ == "__main__":
    run_tests(__file__)

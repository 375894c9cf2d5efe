"""launch.verify as people call it: on images of their own, and against what an evaluation kept."""

import json
import os

import keras
import numpy as np
import pytest

from launch import evaluate, verify
from tests.helpers import ROOT, run_tests, shallow_network, without_graphs
from tfrobust import data, report


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network, and what an evaluation of it kept."""
    path = tmp_path_factory.mktemp("verify")
    network, digits = shallow_network(), data.load("digits")
    network.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with without_graphs():
        network.fit(data.to_unit(digits.x_train[:640]), digits.y_train[:640], batch_size=64, epochs=2, verbose=0)
    network.save(path / "a.keras")
    given = [
        "--pgd_steps=1",
        "--pgd_step_size=0.1",
        "--ifia_steps=3",
        "--ifia_step_size=0.1",
        "--ifia_k=8",
        "--map_k=8",
    ]
    given += [
        "--dataset=digits",
        "--examples=40",
        "--eps=0.3",
        "--attribution_examples=6",
        "--map_steps=4",
        "--keep_images",
    ]
    with pytest.MonkeyPatch.context() as patch, without_graphs():
        patch.chdir(ROOT)
        patch.setattr(report, "draw_panels", lambda *given: None)
        assert evaluate.main(["evaluate", f"--network={path}/a.keras", *given, f"--output={path}/out"]) == 0
    return path


def call(folder, *more):
    return verify.main(["verify", f"--network={folder}/a.keras", *(flag.replace("DIR", str(folder)) for flag in more)])


KEPT = "DIR/out/attacked/IFIA_top-k.npz"


def test_what_an_evaluation_kept_lowers_its_own_bound_by_nothing(folder, capsys):
    assert os.listdir(folder / "out" / "attacked") == ["IFIA_top-k.npz"]
    assert call(folder, f"--attacked={KEPT}", f"--against={KEPT}", "--output=DIR/verified") == 0
    out = capsys.readouterr().out
    assert "6 images, all within the linf ball of eps 0.3" in out
    said = json.loads((folder / "verified" / "verified.json").read_text())
    assert said["counted"] == 6 and all(abs(row["lowered"]) < 1e-3 for row in said["measures"])
    assert said["about"]["map"]["steps"] == 4 and said["about"]["k"] == 8
    assert len((folder / "verified" / "verified_records.jsonl").read_text().splitlines()) == 6


def test_images_of_ones_own_need_no_evaluation(folder, capsys):
    with np.load(folder / "out" / "attacked" / "IFIA_top-k.npz") as file:
        np.savez(folder / "own.npz", **{name: file[name] for name in ("x", "y", "x_adv")})
    assert call(folder, "--attacked=DIR/own.npz", "--eps=0.3", "--map_method=gradient") == 0
    out = capsys.readouterr().out
    assert "They lower the bound on" in out and "gradient, k 8" in out


def refused(folder, capsys, words, *flags):
    assert call(folder, *flags) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1


def test_what_cannot_be_used_is_one_line(folder, capsys):
    with np.load(folder / "out" / "attacked" / "IFIA_top-k.npz") as file:
        arrays = {name: file[name] for name in ("x", "y", "x_adv")}
    np.savez(folder / "bare.npz", x_adv=arrays["x_adv"])
    np.savez(folder / "few.npz", x_adv=arrays["x_adv"][1:])
    np.savez(folder / "others.npz", **{**arrays, "x": 1 - arrays["x"]})
    np.savez(folder / "nan.npz", **{**arrays, "x_adv": arrays["x_adv"] * np.nan})
    np.savez(folder / "far.npz", **{**arrays, "x_adv": 1 - arrays["x_adv"]})
    np.savez(folder / "own.npz", **arrays)
    shallow_network(1).save(folder / "b.keras")
    refused(folder, capsys, "no network at", "--network=DIR/none.keras", "--attacked=DIR/own.npz", "--eps=0.3")
    refused(folder, capsys, "give --eps", "--attacked=DIR/own.npz")
    refused(
        folder,
        capsys,
        "leave out --eps, --map_steps",
        f"--against={KEPT}",
        "--attacked=DIR/own.npz",
        "--eps=1",
        "--map_steps=2",
    )
    refused(folder, capsys, "no file at", "--attacked=DIR/none.npz", "--eps=0.3")
    refused(folder, capsys, "lacks x and y", "--attacked=DIR/bare.npz", "--eps=0.3")
    refused(folder, capsys, "one attacked image for each", "--attacked=DIR/few.npz", f"--against={KEPT}")
    refused(folder, capsys, "holds other images x", "--attacked=DIR/others.npz", f"--against={KEPT}")
    refused(folder, capsys, "NaN", "--attacked=DIR/nan.npz", f"--against={KEPT}")
    refused(folder, capsys, "outside the linf ball", "--attacked=DIR/far.npz", f"--against={KEPT}")
    refused(folder, capsys, "no file of an evaluation", "--attacked=DIR/own.npz", "--against=DIR/own.npz")
    refused(folder, capsys, "another network", "--network=DIR/b.keras", "--attacked=DIR/own.npz", f"--against={KEPT}")


if __name__ == "__main__":
    run_tests(__file__)

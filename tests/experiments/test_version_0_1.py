"""What version 0.1 left is read, and the same settings still make the same weights and the same records."""

import json
import os
import shutil

import keras
import numpy as np
import pytest

from flags import recipe_flags
from launch import audit, evaluate, train
from tests.helpers import ROOT, run_tests
from tfrobust import report
from tfrobust.auditing.inputs import MOST_IMAGES
from tfrobust.data import load_labelled
from tfrobust.errors import InputError
from tfrobust.evaluation.records import read_records
from tfrobust.experiments import training_run
from tfrobust.experiments.fingerprints import fingerprint_arrays, fingerprint_network
from tfrobust.experiments.settings_file import different_lines
from tfrobust.networks import load_network

OLD = os.path.join(ROOT, "tests", "golden", "version_0_1", f"keras{keras.__version__[0]}")
RUN = os.path.join(OLD, "run")
MEASURED = ["--flagfile=flags/digits/evaluate.flags", "--examples=40", "--attribution_examples=10"]
MEASURED += ["--ifia_steps=5", "--pgd_steps=5", "--map_steps=5"]


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def old_run(tmp_path):
    return shutil.copytree(RUN, tmp_path / "run")


def same(flags):
    return train.main(["train", *flags])


def weights(folder):
    return load_network(os.path.join(folder, "network.keras")).get_weights()


def by_task(records):
    """task -> its records, without their task."""
    out = {}
    for record in records:
        out.setdefault(record["task"], []).append({key: value for key, value in record.items() if key != "task"})
    return out


def test_its_settings_are_those_of_the_recipe_that_they_are_read_as():
    path = os.path.join(RUN, "run.flags")
    recipe = recipe_flags.read(path)
    with open(path, encoding="utf-8") as file:
        assert (
            different_lines(file.read(), training_run.settings_of(recipe, recipe.data.read()), recipe.defaults()) == []
        )


def test_its_finished_run_is_finished(old_run, capsys):
    assert same([f"--flagfile={old_run}/run.flags", f"--output={old_run}"]) == 0
    assert "was finished already" in capsys.readouterr().out
    assert all(map(np.array_equal, weights(RUN), weights(old_run)))


def test_its_run_with_other_settings_is_refused_as_before(old_run, capsys):
    assert same([f"--flagfile={old_run}/run.flags", "--eps=0.2", f"--output={old_run}"]) == 2
    assert "--eps=0.2 --eps=0.3" in capsys.readouterr().err


def test_the_same_settings_make_the_same_weights(tmp_path):
    assert same([f"--flagfile={RUN}/run.flags", f"--output={tmp_path}/run"]) == 0
    for now, before in zip(weights(tmp_path / "run"), weights(RUN)):
        np.testing.assert_allclose(now, before, atol=2e-3)  # Signed steps: what rounds otherwise moves by their length.
    assert json.loads((tmp_path / "run" / "run.json").read_text())["steps"] == 6


def test_its_network_has_the_records_that_it_had(tmp_path, monkeypatch, eagerly):
    monkeypatch.setattr(report, "draw_panels", lambda *given: None)  # Nobody looks at the picture.
    assert evaluate.main(["evaluate", f"--network={RUN}/network.keras", *MEASURED, f"--output={tmp_path}"]) == 0
    now, before = (
        by_task(read_records(os.path.join(folder, "records.jsonl")))
        for folder in (tmp_path, os.path.join(OLD, "evaluation"))
    )
    natural, _, maps = before.values()
    assert list(before) == ["natural", "PGD", "IFIA"] and list(now) == ["natural", "PGD", "IFIA top-k"]
    assert natural == now["natural"] and len(natural) == 40
    for old, new in zip(maps, now["IFIA top-k"]):
        assert (old["index"], old["label"]) == (new["index"], new["label"])
        assert old["kendall"] == pytest.approx(new["kendall"], abs=0.05)
    assert len(maps) == len(now["IFIA top-k"]) == 4
    with open(tmp_path / "evaluation.json", encoding="utf-8") as file:
        mean = json.load(file)["rows"][0]
    with open(os.path.join(OLD, "evaluation", "summary.json"), encoding="utf-8") as file:
        before = json.load(file)
    shared = before.keys() & mean.keys()
    assert {"natural_accuracy", "adversarial_accuracy", "kendall", "noise_kendall", "spearman"} <= shared
    for key in shared:
        assert mean[key] == pytest.approx(before[key], abs=0.05), key


def test_its_audit_is_told_from_that_of_another_network_and_of_other_images():
    data = load_labelled("digits", MOST_IMAGES)
    network = load_network(os.path.join(RUN, "network.keras"))
    own = {"network": fingerprint_network(network), "images": fingerprint_arrays(data.x, data.y)}
    folder = os.path.join(OLD, "audit")
    audit._check_same(folder, own)
    network.set_weights([2 * w for w in network.get_weights()])
    with pytest.raises(InputError, match="holds the audit of other network"):
        audit._check_same(folder, {**own, "network": fingerprint_network(network)})
    with pytest.raises(InputError, match="holds the audit of other images"):
        audit._check_same(folder, {**own, "images": fingerprint_arrays(data.x[1:], data.y[1:])})


if __name__ == "__main__":
    run_tests(__file__)

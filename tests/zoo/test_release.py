"""Finished runs become a release: what is kept of them, what is left out, and that the same again changes nothing."""

import json
import os
import shutil

import pytest

from tests.helpers import run_tests
from tests.zoo import made
from tfrobust import zoo
from tfrobust.errors import InputError
from tfrobust.experiments.fingerprints import fingerprint_network
from tfrobust.networks import load_network
from tfrobust.zoo import fetch, runs


@pytest.fixture
def compared(tmp_path):
    return made.comparison(tmp_path)


def contents(folder) -> dict[str, bytes]:
    out = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            out[name] = file.read()
    return out


def test_a_release_has_what_repeats_a_network(tmp_path):
    release = made.release(tmp_path)
    network = zoo.fetch_index(release).named(made.NAME)
    assert fetch.sha256_of(os.path.join(release, network.file)) == network.sha256
    assert (network.method, network.steps, network.seed, network.commit) == ("madry", 7, 0, "abc1234")
    assert network.step_cost == 2.0 and network.licence == "apache-2.0"
    assert network.row == "flags/digits/madry.flags --steps=7" and f"--flagfile={network.flags}" in network.command
    (record,) = network.evaluations
    assert record.name == "auto" and record.suite == json.loads(json.dumps(made.suite().as_dict()))
    assert {"accuracy"} <= record.scores["PGD"].keys() and record.scores["auto"]["kendall"].keys() >= {"low", "high"}
    with open(os.path.join(release, network.card), encoding="utf-8") as file:
        card = file.read()
    assert 'license: "apache-2.0"' in card and network.sha256 in card and network.command in card


def test_the_same_runs_again_change_no_byte(compared, tmp_path):
    release = made.release(tmp_path)
    before = contents(release)
    built = zoo.add_runs(compared, release, rows=made.ROWS, licence="apache-2.0")
    assert contents(release) == before and built.added == ["digits-madry-seed0", "digits-natural-seed0"]


def test_other_runs_are_added_and_a_taken_name_is_refused(compared, tmp_path):
    release = made.release(tmp_path)
    path = os.path.join(compared, "seed0", "natural", "network.keras")
    made.other_network(path)
    with pytest.raises(InputError, match="has another network named digits-natural-seed0: give --prefix"):
        zoo.add_runs(compared, release, rows=made.ROWS)
    built = zoo.add_runs(compared, release, rows={}, prefix="mine")
    assert len(built.index.networks) == 4 and zoo.fetch_index(release) == built.index
    own = built.index.named("mine-natural-seed0")
    assert own.evaluations == [] and own.row == "" and own.steps == 7
    (sentence,) = built.left_out
    assert sentence.endswith("auto.json is of another network than network.keras beside it")


def test_a_run_that_did_not_end_is_no_network_and_a_folder_without_runs_is_refused(compared, tmp_path):
    os.remove(os.path.join(compared, "seed0", "madry", "run.json"))
    built = zoo.add_runs(compared, str(tmp_path / "out"), rows=made.ROWS)
    assert built.added == ["digits-natural-seed0"]
    shutil.rmtree(os.path.join(compared, "seed0"))
    with pytest.raises(InputError, match="holds no finished run"):
        zoo.add_runs(compared, str(tmp_path / "out"), rows=made.ROWS)
    with pytest.raises(InputError, match="no folder of runs at"):
        zoo.add_runs(str(tmp_path / "none"), str(tmp_path / "out"), rows={})


def test_two_runs_of_one_name_are_refused(compared, tmp_path):
    seed = os.path.join(compared, "seed0")
    shutil.copytree(seed, os.path.join(compared, "more", "seed0"))
    with pytest.raises(InputError, match="would both be digits-madry-seed0"):
        zoo.add_runs(compared, str(tmp_path / "out"), rows={})


def test_what_launch_evaluate_leaves_is_an_evaluation_too(compared):
    folder = os.path.join(compared, "seed0", "madry")
    with open(os.path.join(folder, "auto.json"), encoding="utf-8") as file:
        stored = json.load(file)
    for where, values in (
        ("rar/rar.json", {name: stored[name] for name in ("summary", "flags", "about")}),
        ("mine/evaluation.json", {"rows": [], "about": {**stored["about"], "summary": stored["summary"]}}),
    ):
        path = os.path.join(folder, where)
        os.makedirs(os.path.dirname(path))
        made.write(path, json.dumps(values))
    network, left_out = runs.read_run(folder, "x", None)
    assert [record.name for record in network.evaluations] == ["auto", "mine", "rar"] and left_out == []
    assert all(record.scores == network.evaluations[0].scores for record in network.evaluations)


def test_a_row_of_a_paper_has_its_numbers_at_whatever_budget(compared):
    folder = os.path.join(compared, "seed0", "madry")
    for flagfile in ("flags/rar/mnist/madry.flags", "flags/rar/mnist/madry_cpu.flags"):
        network, _ = runs.read_run(folder, "x", zoo.Row(flagfile))
        numbers = {(each.metric, each.attribution): each.value for each in network.reported}
        assert network.paper == "rar" and numbers["adversarial_accuracy", ""] == 0.9247
        assert numbers["kendall", "ig"] == 0.2422
    network, _ = runs.read_run(folder, "x", zoo.Row("flags/fast/mnist/ig_norm.flags"))
    assert network.paper == "" and network.reported == []


def test_paths_of_the_machine_stay_there(compared):
    folder = os.path.join(compared, "seed0", "madry")
    made.write(os.path.join(folder, "run.flags"), "--dataset=/home/me/secret/birds.npz\n--method=madry\n--exif\n")
    row = zoo.Row("flags/demo/madry.flags", ("--steps=7", "--dataset=/home/me/secret/birds.npz"))
    network, _ = runs.read_run(folder, "x", row)
    assert network.row == "flags/demo/madry.flags --steps=7 --dataset=birds.npz"
    assert network.dataset == "birds.npz" and "secret" not in zoo.Index((network,)).as_text()
    assert network.evaluations[0].data["exif"] is True


def test_only_numbers_are_scores():
    summary = {"t": {"a": {"mean": 1.0, "low": 0.5, "high": 1.5, "std": 2.0}, "b": float("nan"), "c": "x", "d": 3}}
    summary["u"] = {"a": {"mean": float("inf"), "low": 0.0, "high": 1.0}, "b": {"mean": 1.0}}
    kept = {"t": {"a": {"mean": 1.0, "low": 0.5, "high": 1.5}, "d": 3}, "u": {"b": {"mean": 1.0}}}
    assert runs.scores_of(summary) == kept


def test_the_file_is_the_network_of_the_run(compared, tmp_path):
    release = made.release(tmp_path)
    there = load_network(os.path.join(release, f"{made.NAME}.keras"))
    own = load_network(os.path.join(compared, "seed0", "madry", "network.keras"))
    assert fingerprint_network(there) == fingerprint_network(own)


if __name__ == "__main__":
    run_tests(__file__)

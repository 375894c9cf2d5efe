"""Which versions of a folder are served while others write to it."""

import os
import shutil

import pytest
import tensorflow as tf

from tests.helpers import run_tests
from tests.serving.clients import Running
from tfrobust.serving import ServedModel, versions
from tfrobust.types import InputError

PREDICT = "/v1/models/x:predict"
ASK = {"instances": [1.0]}


class Times(tf.Module):
    """Its signature multiplies by a number that is a variable, so that it has all the files of a SavedModel."""

    def __init__(self, factor):
        super().__init__()
        self.factor = tf.Variable(float(factor))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "a")])
    def __call__(self, a):
        return {"out": self.factor * a}


def export(folder, factor):
    module = Times(factor)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.__call__})


@pytest.fixture
def x(tmp_path):
    """A folder with versions 1 and 2, which multiply by 1 and 2."""
    for number in 1, 2:
        export(tmp_path / "x" / str(number), number)
    return tmp_path / "x"


@pytest.fixture
def clock(monkeypatch):
    """Time, which passes as the test says."""

    class Clock:
        now = 0.0

    monkeypatch.setattr(versions.time, "monotonic", lambda: Clock.now)
    return Clock


def factor(model, number=None):
    version = model.newest if number is None else model.versions[number]
    return float(version.signatures["serving_default"](a=tf.constant([1.0]))["out"][0])


def states(model):
    return {number: state.state for number, state in model.states.items()}


def copy(source, target, *names):
    for name in names:
        os.makedirs(os.path.dirname(target / name), exist_ok=True)
        shutil.copyfile(source / name, target / name)


PB, INDEX, DATA = "saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"


@pytest.mark.parametrize("order", [(PB, INDEX, DATA), (PB, DATA, INDEX), (DATA, INDEX, PB), (INDEX, PB, DATA)])
def test_a_version_that_is_being_copied_is_served_once_it_is_whole(x, tmp_path, order):
    export(tmp_path / "3", 3)
    model = ServedModel("x", str(x))
    for i, name in enumerate(order):
        assert factor(model) == 2
        copy(tmp_path / "3", x / "3", name)
        model.refresh()
        assert factor(model) == (3 if i == 2 else 2)
    assert model.failed == {} and states(model) == {2: "END", 3: "AVAILABLE"}


def test_a_file_that_grows_is_waited_for(x, tmp_path):
    export(tmp_path / "3", 3)
    model = ServedModel("x", str(x))
    (x / "3").mkdir()
    whole = (tmp_path / "3" / PB).read_bytes()
    copy(tmp_path / "3", x / "3", INDEX, DATA)
    for part in (whole[: len(whole) // 3], whole[: len(whole) // 2], whole[:-1]):
        (x / "3" / PB).write_bytes(part)
        model.refresh()
        assert factor(model) == 2 and states(model)[3] == "END" and "cannot be loaded" in model.failed[3]
    (x / "3" / PB).write_bytes(whole)
    assert model.refresh().number == 3 and factor(model) == 3


def test_a_server_that_starts_while_the_newest_is_copied_takes_it_later(x, tmp_path):
    export(tmp_path / "3", 3)
    copy(tmp_path / "3", x / "3", PB)
    model = ServedModel("x", str(x))
    assert factor(model) == 2 and states(model) == {2: "AVAILABLE", 3: "END"}
    copy(tmp_path / "3", x / "3", INDEX, DATA)
    assert model.refresh().number == 3 and factor(model) == 3


def test_what_does_not_load_is_tried_ever_more_rarely(x, clock, monkeypatch):
    (x / "3").mkdir()
    (x / "3" / PB).write_bytes(b"broken")
    tried = []
    model = ServedModel("x", str(x), loaded=lambda path, error, seconds: tried.append((path, error)))
    tried.clear()
    for _ in range(600):
        clock.now += 1
        model.refresh()
    assert 10 < len(tried) < 20 and all(path.endswith("3") and error for path, error in tried)
    # What stood in the way may have been the machine: no file has changed.
    monkeypatch.setattr(model, "_load", lambda number, path, files: versions.Version(3, {"a": None}, None, files))
    clock.now += 60
    assert model.refresh().number == 3


def test_deleting_the_newest_rolls_back(x):
    model = ServedModel("x", str(x))
    shutil.rmtree(x / "2")
    assert model.refresh().number == 1 and factor(model) == 1 and states(model) == {1: "AVAILABLE", 2: "END"}
    export(x / "2", 5)
    assert model.refresh().number == 2 and factor(model) == 5
    os.rename(x / "2", x / "aside")  # As a person would do it.
    assert model.refresh().number == 1
    shutil.rmtree(x / "1")
    assert model.refresh() is None and factor(model) == 1  # The last one stays.


def test_a_version_that_is_overwritten_is_loaded_anew(x, tmp_path):
    export(tmp_path / "new", 7)
    model = ServedModel("x", str(x))
    for name in (INDEX, DATA):
        copy(tmp_path / "new", x / "2", name)
        model.refresh()
        assert factor(model) in (2, 7) and states(model)[2] == "AVAILABLE"
    copy(tmp_path / "new", x / "2", PB)
    model.refresh()
    assert factor(model) == 7 and model.failed == {} and model.refresh() is None


def test_a_broken_rewrite_keeps_what_is_in_memory(x):
    model = ServedModel("x", str(x))
    (x / "2" / PB).write_bytes(b"broken")
    assert model.refresh() is None and factor(model) == 2 and states(model) == {2: "AVAILABLE"} and model.failed[2]


def test_all_versions_or_some(x):
    model = ServedModel("x", str(x), "all")
    assert sorted(model.versions) == [1, 2] and factor(model, 1) == 1 and factor(model) == 2
    export(x / "9", 9)
    assert model.refresh().number == 9 and sorted(model.versions) == [1, 2, 9]
    shutil.rmtree(x / "1")
    model.refresh()
    assert sorted(model.versions) == [2, 9] and states(model)[1] == "END"
    model = ServedModel("x", str(x), (2, 4))
    assert sorted(model.versions) == [2]
    export(x / "4", 4)
    assert model.refresh().number == 4 and sorted(model.versions) == [2, 4]
    with pytest.raises(InputError, match="none of the versions 5"):
        ServedModel("x", str(x), (5,))


def test_versions_and_labels_over_http(x):
    export(x / "5", 5)
    flags = [f"--model=x={x}", "--versions=1,5", "--label=x:stable=1", "--label=x:gone=2"]
    with Running(*flags) as server:
        for path, want in ("", 5), ("/versions/1", 1), ("/versions/5", 5), ("/labels/stable", 1):
            assert server.ask(f"/v1/models/x{path}:predict", ASK) == (200, {"predictions": [want]})
            assert server.ask(f"/v1/models/x{path}/metadata")[0] == 200
        for path in (
            "/versions/2",
            "/versions/99999999999999999999999",
            "/labels/gone",
            "/labels/none",
            "/labels/",
            "/versions/-1",
        ):
            status, answer = server.ask(f"/v1/models/x{path}:predict", ASK)
            assert status == 404 and answer.keys() == {"error"}
            assert server.ask(f"/v1/models/x{path}")[0] == 404
        ok = {"error_code": "OK", "error_message": ""}
        want = [{"version": number, "state": "AVAILABLE", "status": ok} for number in ("5", "1")]
        assert server.ask("/v1/models/x") == (200, {"model_version_status": want})
        assert server.ask("/v1/models/x/labels/stable") == (200, {"model_version_status": want[1:]})
        (x / "5" / PB).write_bytes(b"broken")
        server.models["x"].refresh()
        status = server.ask("/v1/models/x/versions/5")[1]["model_version_status"][0]["status"]
        assert status["error_code"] != "OK" and "cannot be loaded" in status["error_message"]


@pytest.mark.parametrize(
    "flag", ["--versions=", "--versions=newest", "--versions=1,,2", "--versions=-1", "--versions=1.5"]
)
def test_versions_that_are_none_are_refused(x, flag):
    with pytest.raises(InputError, match="latest, all, or numbers"):
        Running(f"--model=x={x}", flag)


@pytest.mark.parametrize("flag", ["--label=stable=1", "--label=y:stable=1", "--label=x:stable=one", "--label=x:=1"])
def test_labels_that_are_none_are_refused(x, flag):
    with pytest.raises(InputError, match="NAME:LABEL=N"):
        Running(f"--model=x={x}", flag)


if __name__ == "__main__":
    run_tests(__file__)

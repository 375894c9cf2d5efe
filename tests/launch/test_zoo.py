"""launch.zoo as people call it: words in the place of flags, what it shows and leaves, how it ends."""

import json
import os

import pytest

from launch import zoo as verb
from tests.helpers import ROOT, run_tests
from tests.zoo import made
from tfrobust.evaluation.attacked_images import read_attacked


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return made.release(tmp_path_factory.mktemp("release"))


@pytest.fixture(autouse=True)
def at_work(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def call(*args) -> int:
    return verb.main(["zoo", *args])


def last_line(capsys) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_list_shows_the_networks_of_an_address_of_a_path_and_of_the_environment(release, capsys, monkeypatch):
    with made.served(release) as address:
        assert call("list", f"--index={address}/index.json") == 0
    shown = capsys.readouterr().out
    assert all(f"| {name} " in shown for name in ("digits-madry-seed0", "digits-natural-seed0", "auto"))
    monkeypatch.setenv("TFROBUST_ZOO", release)
    assert call("list") == 0 and capsys.readouterr().out == shown


def test_get_leaves_the_file_its_card_and_its_settings(release, tmp_path, capsys):
    with made.served(release) as address:
        assert call("get", made.NAME, f"--index={address}/") == 0
    assert f"written: zoo/{made.NAME}.keras" in capsys.readouterr().out
    for ending in ("keras", "md", "flags"):
        name = f"{made.NAME}.{ending}"
        assert (tmp_path / "zoo" / name).read_bytes() == open(os.path.join(release, name), "rb").read()


def test_evaluate_gives_the_recorded_numbers_again_and_goes_on(release, tmp_path, capsys, eagerly):
    with made.served(release) as address:
        given = "evaluate", made.NAME, f"--index={address}/index.json", "--keep_images"
        assert call(*given) == 0
    said = capsys.readouterr().out
    assert "numbers within their recorded intervals, largest difference 0.0e+00." in said and "| NO" not in said
    folder = tmp_path / "zoo" / made.NAME / "auto"
    attacked = read_attacked(str(folder / "attacked" / "auto.npz"))
    assert len(attacked.x_adv) == 3 and attacked.about["eps"] == made.EPS
    batches = {path: path.stat().st_mtime_ns for path in (folder / "batches").iterdir()}
    index = json.loads(made.index().as_text())
    index["networks"][0]["evaluations"][0]["scores"]["natural"]["accuracy"] = {"mean": 0.9, "low": 0.8, "high": 0.95}
    made.write(tmp_path / "index.json", json.dumps(index))
    assert call("evaluate", made.NAME, f"--index={tmp_path}", "--evaluations=auto") == 3
    output = capsys.readouterr()
    assert "| NO" in output.out and "outside the recorded interval: auto: natural: accuracy" in output.err
    assert batches == {path: path.stat().st_mtime_ns for path in (folder / "batches").iterdir()}


def test_build_knows_the_rows_of_a_comparison_and_board_shows_them(release, tmp_path, capsys, monkeypatch):
    made.comparison(tmp_path)
    monkeypatch.chdir(ROOT)  # Where the rows are.
    assert call("build", f"--runs={tmp_path}/runs", f"--output={tmp_path}/built", "--licence=apache-2.0") == 0
    assert "digits-madry-seed0, digits-natural-seed0" in capsys.readouterr().out
    built, there = ((path / "index.json").read_bytes() for path in (tmp_path / "built", type(tmp_path)(release)))
    assert built == there
    for output in ("a.html", "b.html"):
        assert call("board", f"--index={tmp_path}/built", f"--output={tmp_path}/{output}") == 0
    page = (tmp_path / "a.html").read_bytes()
    assert page == (tmp_path / "b.html").read_bytes() and made.NAME.encode() in page


@pytest.mark.parametrize(
    "args, why",
    [
        (["get", "digits-madri-seed0"], "did you mean digits-madry-seed0"),
        (["evaluate", made.NAME, "--evaluations=rar"], "has no evaluation 'rar': choose of auto"),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest(release, args, why, capsys):
    assert call(*args, f"--index={release}") == 2 and why in last_line(capsys)


def test_a_file_of_other_bytes_is_refused_and_nothing_is_left(tmp_path, capsys):
    release = made.release(tmp_path)
    with open(os.path.join(release, f"{made.NAME}.keras"), "r+b") as file:
        file.write(b"other")
    assert call("get", made.NAME, f"--index={release}") == 2
    assert "is not the file of the index: its SHA-256" in last_line(capsys) and os.listdir(tmp_path / "zoo") == []


if __name__ == "__main__":
    run_tests(__file__)

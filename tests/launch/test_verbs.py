"""The verbs as people meet them: what they leave, what they say, and how they end."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from flags import recipe_flags
from launch import compare, comparison_pages, demo, evaluate, single_evaluation, train
from launch.__main__ import verbs
from tests import processes
from tests.helpers import ROOT, hurry_costs, run_tests, shallow_network, shorten_auto, small_network, without_graphs
from tests.shallow import be_shallow
from tfrobust.experiments import comparison
from tfrobust.experiments.fingerprints import fingerprint_network
from tfrobust.models import make_model
from tfrobust.names import GOALS
from tfrobust.networks import load_network

VERBS = {"compare": compare, "demo": demo, "evaluate": evaluate, "train": train}
RUN = {"steps", "seconds", "versions", "commit", "date"}
FILES = {"network.keras", "run.flags", "run.json", "checkpoints", "tensorboard"}
TRAIN = ["--flagfile=flags/demo/madry.flags", "--steps=2", "--eps_ramp_steps=0", "--checkpoint_every=1"]
TRAIN += ["--attack_steps=1"]
EVALUATE = [
    "--flagfile=flags/demo/evaluate.flags",
    "--ifia_steps=1",
    "--pgd_steps=1",
    "--map_steps=3",
    "--examples=30",
    "--attribution_examples=8",
]


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    """At the root of the project, where a run has few layers."""
    monkeypatch.chdir(ROOT)
    be_shallow(monkeypatch.setattr)


def call(verb, *flags):
    return VERBS[verb].main([verb, *map(str, flags)])


def weights(folder):
    return keras.models.load_model(os.path.join(folder, "network.keras"), compile=False).get_weights()


def same(a, b):
    return all(np.array_equal(p, q) for p, q in zip(weights(a), weights(b)))


@pytest.mark.parametrize("verb", VERBS)
def test_help_explains_every_flag(verb, capsys):
    assert call(verb, "--help") == 0
    text = capsys.readouterr().out
    assert f"usage: python -m launch.{verb}" in text and "--output" in text and "python -m launch" in text
    assert all(len(line.split(None, 1)) == 2 for line in text.splitlines() if line.startswith("  --"))


def test_what_is_required_is_said_in_one_line(capsys):
    assert call("train") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("train: --") and "--dataset" in line and line.endswith("must be given: --help says what for")


def test_the_verbs_are_listed():
    with open(os.path.join(ROOT, "BUILD"), encoding="utf-8") as file:
        binaries = re.search(r"for verb in \[(.*?)\]", file.read(), re.DOTALL)[1]
    assert sorted(verbs()) == re.findall(r'"(\w+)"', binaries)
    done = subprocess.run([sys.executable, "-m", "launch"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and all(re.search(rf"^  {name} +\S", done.stdout, re.M) for name in verbs())


def test_whoever_reads_the_output_may_stop():
    command, pipe = [sys.executable, "-m", "launch.train", "--help"], subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
    process.stdout.close()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 141 and "Traceback" not in said and "Broken" not in said


def test_train_leaves_a_plain_network_and_what_repeats_it(tmp_path, capsys, eagerly):
    assert call("train", *TRAIN, f"--output={tmp_path}/a") == 0
    assert "2 steps" in capsys.readouterr().out
    assert FILES == {name for name in os.listdir(tmp_path / "a") if name != ".lock"}
    assert json.loads((tmp_path / "a" / "run.json").read_text()).keys() == RUN
    assert call("train", f"--flagfile={tmp_path}/a/run.flags", f"--output={tmp_path}/b") == 0
    assert same(tmp_path / "a", tmp_path / "b")
    assert call("train", *TRAIN, "--seed=1", f"--output={tmp_path}/c") == 0
    assert not same(tmp_path / "a", tmp_path / "c")
    capsys.readouterr()
    assert call("train", *TRAIN, f"--output={tmp_path}/a") == 0
    assert "finished already" in capsys.readouterr().out
    assert call("train", *TRAIN, "--eps=0.2", f"--output={tmp_path}/a") == 2
    assert "other settings (--eps=0.2 --eps=0.3)" in capsys.readouterr().err


def test_evaluate_takes_any_saved_network_and_with_pixels_one_of_bytes_as_what_is_in_it(
    tmp_path, capsys, monkeypatch, eagerly
):
    network = small_network()
    network.save(tmp_path / "any.keras")
    assert call("evaluate", *EVALUATE, f"--network={tmp_path}/any.keras", f"--output={tmp_path}/e") == 0
    out = capsys.readouterr().out
    assert "natural" in out and "Kendall" in out and "30 test images" in out
    assert "Diagnosis: 12 checks" in out and "already_wrong" in out
    files = {"evaluation.md", "evaluation.csv", "evaluation.json", "records.jsonl", "batches", ".lock"}
    assert files | {"panels.png"} >= set(os.listdir(tmp_path / "e")) >= files
    records = [json.loads(line) for line in (tmp_path / "e" / "records.jsonl").read_text().splitlines()]
    assert sum(record["task"] == "natural" for record in records) == 30
    about = json.loads((tmp_path / "e" / "evaluation.json").read_text())["about"]
    task = about["attributions"]["IFIA top-k"]
    assert task["attack"]["softplus_beta"] == 30 and task["comparison"]["k"] == 24
    assert about["networks"] == [fingerprint_network(load_network(str(tmp_path / "any.keras")))] and about["images"]
    monkeypatch.setattr(single_evaluation.report, "draw_panels", lambda *_: None)
    of_bytes(network).save(tmp_path / "bytes.keras")
    flags = [f"--network={tmp_path}/bytes.keras", f"--output={tmp_path}/bytes", "--pixels=0..255"]
    assert call("evaluate", *EVALUATE, *flags) == 0
    found = [json.loads((tmp_path / name / "evaluation.json").read_text())["rows"][0] for name in ("bytes", "e")]
    for key in ("natural_accuracy", "adversarial_accuracy", "kendall"):
        assert found[0][key] == pytest.approx(found[1][key], abs=0.02)


def test_without_maps_predictions_are_evaluated_alone(tmp_path, capsys, eagerly):
    small_network().save(tmp_path / "any.keras")
    flags = ["--nomaps", "--autoattack_version=quick", f"--network={tmp_path}/any.keras", f"--output={tmp_path}/e"]
    assert call("evaluate", *EVALUATE, *flags) == 0
    out = capsys.readouterr().out
    assert "natural, PGD, AutoAttack: accuracy on 30 test images" in out and "top-k" not in out
    assert {record["task"] for record in map(json.loads, open(tmp_path / "e" / "records.jsonl"))} == {
        "natural",
        "PGD",
        "AutoAttack",
    }
    assert not (tmp_path / "e" / "panels.png").exists()


@pytest.mark.parametrize("goal", ["target", "manipulation", "random"])
def test_evaluate_takes_every_goal(tmp_path, capsys, goal, monkeypatch, eagerly):
    monkeypatch.setattr(single_evaluation.report, "draw_panels", lambda *_: None)
    shallow_network().save(tmp_path / "any.keras")
    more = ["--ifia_keep_label", "--ifia_curvature_only"]
    more += [] if goal == "random" else ["--ifia_criterion=target"]
    flags = [*EVALUATE, f"--network={tmp_path}/any.keras", f"--output={tmp_path}/e", f"--ifia_goal={goal}", *more]
    assert call("evaluate", *flags) == 0
    (task,) = json.loads((tmp_path / "e" / "evaluation.json").read_text())["about"]["attributions"].values()
    attack = task["attack"]
    assert attack["goal"]["kind"] == GOALS[goal].__name__ and attack["keep_label"] and attack["curvature_only"]


STEPS = 2


def rows_of(tmp_path, **rows):
    for name, lines in rows.items():
        shared = f"--flagfile=flags/demo/common.flags\n--steps={STEPS}\n"
        (tmp_path / f"{name}.flags").write_text(shared + "".join(f"--{line}\n" for line in lines))
    return "--rows=" + ",".join(f"{tmp_path}/{name}.flags" for name in rows)


INNER = ["eps=0.1", "attack_steps=1", "step_size=0.1"]
IG = ["method=ig_norm", *INNER, "attribution_weight=1", "ig_steps=4", "ig_steps_attack=2"]


@pytest.mark.parametrize("seeds", [[0], pytest.param([0, 1], marks=pytest.mark.exhaustive)])
def test_compare_sets_each_robust_row_beside_its_controls_and_goes_on_where_it_was(
    seeds, tmp_path, capsys, monkeypatch, eagerly
):
    """The mean over two seeds is one of tests/launch/test_sweep.py, too."""
    hurry_costs(monkeypatch)
    rows = rows_of(tmp_path, madry=["method=madry", *INNER], robust=IG)
    flags = [*EVALUATE, rows, f"--seeds={','.join(map(str, seeds))}", f"--output={tmp_path}/out"]
    flags.append("--attribution_examples=3")
    assert call("compare", *flags) == 0
    table = json.loads((tmp_path / "out" / "comparison.json").read_text())
    rows = {row["network"]: row for row in table["rows"]}
    robust, control = rows["robust"], rows["madry, time of robust"]
    flagged = capsys.readouterr().out.split("Diagnosis:")[1]
    assert all(f" {name}: natural " in flagged for name in rows)
    assert list(rows) == ["madry", "robust", "madry, time of robust"]  # Madry itself has the equal steps.
    assert min(row["cost"] for row in rows.values()) == 1
    assert robust["beside"] == "madry, time of robust" and rows["madry"]["beside"] is None
    assert control["steps"] == round(STEPS * robust["cost"] / rows["madry"]["cost"])
    runs = table["about"]["runs"]["robust"]
    assert len(runs) == len(seeds) and np.size(robust["kendall"]) == len(seeds)
    assert np.ravel(robust["kendall"])[0] == pytest.approx(np.mean([run["kendall"] for run in runs]))
    assert (tmp_path / "out" / "comparison.png").stat().st_size > 10000
    assert (tmp_path / "out" / "comparison_scores.png").stat().st_size > 10000
    capsys.readouterr()
    monkeypatch.setattr(comparison_pages, "_draw", lambda *_: None)  # Its picture is looked at above.
    evaluated = tmp_path / "out" / f"seed{seeds[-1]}" / "robust" / "comparison.json"
    stamp = evaluated.stat().st_mtime_ns
    assert call("compare", *flags) == 0
    assert evaluated.stat().st_mtime_ns == stamp
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["rows"][1]["kendall"] == robust["kendall"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(flags of a comparison of one row, its folder)."""
    folder = tmp_path_factory.mktemp("compared")
    rows = rows_of(folder, natural=["method=natural", "hold_out=1000"])
    flags = [*EVALUATE, rows]
    with pytest.MonkeyPatch.context() as patch, without_graphs():
        patch.chdir(ROOT)
        be_shallow(patch.setattr)
        leave_out_costs_and_pictures(patch)
        assert call("compare", *flags, f"--output={folder}/out") == 0
    return flags, folder / "out"


@pytest.fixture
def compared(finished, tmp_path, monkeypatch):
    """(its flags for a copy of it, the folder of its run there)."""
    leave_out_costs_and_pictures(monkeypatch)
    flags, folder = finished
    out = shutil.copytree(folder, tmp_path / "out")
    return [*flags, f"--output={out}"], out / "seed0" / "natural"


def leave_out_costs_and_pictures(monkeypatch):
    monkeypatch.setattr(comparison, "step_seconds", lambda recipes, *_: {recipe.name: 1.0 for recipe in recipes})
    for name in ("_draw", "_draw_scores"):
        monkeypatch.setattr(comparison_pages, name, lambda *_: None)


def test_compare_trains_each_row_on_its_own_images_and_knows_on_which_it_evaluated(compared, tmp_path, eagerly):
    flags, run = compared
    command = ["--flagfile=flags/demo/common.flags", "--method=natural", f"--steps={STEPS}", "--hold_out=1000"]
    assert call("train", *command, f"--output={tmp_path}/alone") == 0
    assert same(run, tmp_path / "alone")

    def evaluated_on():
        return {r["index"]: r["label"] for r in json.loads((run / "comparison.json").read_text())["records"]}

    on_test = evaluated_on()
    assert call("compare", *flags, "--hold_out=1000", "--evaluate_on=held_out") == 0
    assert evaluated_on() != on_test


def test_compare_sets_auto_and_its_floor_beside_the_attack(tmp_path, capsys, monkeypatch, eagerly):
    leave_out_costs_and_pictures(monkeypatch)
    shorten_auto(monkeypatch, "top-k")
    rows = rows_of(tmp_path, natural=["method=natural"])
    given = [*EVALUATE, rows, "--auto_level=quick", "--attribution_examples=2", f"--output={tmp_path}/out"]
    assert call("compare", *given) == 0
    (row,) = json.loads((tmp_path / "out" / "comparison.json").read_text())["rows"]
    records = json.loads((tmp_path / "out" / "seed0" / "natural" / "comparison.json").read_text())["records"]
    for task, name in {"IFIA top-k": "kendall", "auto": "auto_kendall"}.items():
        scores = [record["kendall"] for record in records if record["task"] == task]
        assert len(scores) == 2 and row[name] == pytest.approx(np.mean(scores))
    assert row["auto_kendall"] < row["kendall"] and {"deletion", "randomised", "floor"} <= row.keys()
    assert "an ensemble of attacks" in capsys.readouterr().out


def test_a_torn_evaluation_is_made_again(compared, eagerly):
    flags, run = compared
    kept = sorted((run / "batches").iterdir())
    whole = [path.read_bytes() for path in kept]
    for path in kept:
        path.write_bytes(b"torn")
    assert call("compare", *flags) == 0
    assert [len(path.read_bytes()) for path in kept] == [len(each) for each in whole]


def test_after_a_refusal_the_corrected_command_runs(tmp_path, eagerly):
    assert call("train", *TRAIN, "--batch_size=5000", f"--output={tmp_path}/out") == 2
    assert call("train", *TRAIN, f"--output={tmp_path}/out") == 0


def test_the_rows_of_the_demo_are_there():
    assert [recipe_flags.read(f"{demo.FOLDER}/{name}.flags").method for name in demo.ROWS] == list(demo.ROWS)


def of_bytes(network):
    """The same with logits, made for pixels in 0..255."""
    return keras.Sequential([keras.Input(network.input_shape[1:]), keras.layers.Rescaling(1 / 255), network])


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A folder of files that no verb can use, and of a network that each can."""
    tmp_path = tmp_path_factory.mktemp("broken")
    r = np.random.RandomState(0)
    x, y = r.rand(30, 8, 8), np.arange(30) % 10
    good = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    nan = x.copy()
    nan[3, 0, 0] = np.nan
    np.savez(tmp_path / "nan.npz", **{**good, "x_train": nan})
    np.savez(tmp_path / "labels.npz", **{**good, "y_test": y + 5})
    np.savez(tmp_path / "large.npz", **{**good, "x_test": r.rand(30, 9, 9)})
    np.savez(tmp_path / "few.npz", **{**good})
    np.save(tmp_path / "array.npy", x)
    os.rename(tmp_path / "array.npy", tmp_path / "array.npz")
    np.savez(tmp_path / "tiny.npz", **{**good, "x_train": x[:, :3, :3], "x_test": x[:, :3, :3]})
    (tmp_path / "broken.keras").write_bytes(b"not a network")
    with zipfile.ZipFile(tmp_path / "foreign.keras", "w") as file:
        file.writestr("config.json", json.dumps({"module": "keras.src.none", "class_name": "None"}))
        file.writestr("metadata.json", json.dumps({"keras_version": "4.0"}))
    small_network().save(tmp_path / "any.keras")
    network = small_network()
    keras.Model(network.input, keras.layers.Softmax()(network.output)).save(tmp_path / "softmax.keras")
    of_bytes(network).save(tmp_path / "bytes.keras")
    return tmp_path


@pytest.mark.parametrize(
    "verb, flags, words",
    [
        ("train", ["--dataset=nope"], "no data set 'nope'"),
        ("train", ["--method=magic"], "unknown method 'magic'"),
        ("train", ["--model=magic"], "unknown model 'magic'"),
        ("train", ["--eps=-0.1"], "must be a number of at least 0; got -0.1"),
        ("train", ["--eps=8"], "write 8/255"),
        ("train", ["--attack_steps=-1"], "attack_steps"),
        ("train", ["--steps=0"], "steps"),
        ("train", ["--batch_size=5000"], "batch_size 5000 exceeds the 1400"),
        ("train", ["--flagfile=DIR/none.flags"], "none.flags"),
        ("train", ["--output=DIR/few.npz/x"], "cannot write to --output"),
        ("train", ["--dataset=DIR/nan.npz"], "x_train holds NaN"),
        ("train", ["--dataset=DIR/labels.npz"], "y_test must lie in 0..9"),
        ("train", ["--dataset=DIR/large.npz"], "differ in image shape"),
        ("train", ["--dataset=DIR/none.npz"], "no file"),
        ("train", ["--attribution_weight=1"], "no use for attribution_weight"),
        ("train", ["--flagfile=flags/demo/ig_norm.flags", "--rule=middle"], "rule"),
        ("train", ["--flagfile=flags/demo/ig_norm.flags", "--chunk=0"], "chunk"),
        ("train", ["--flagfile=flags/digits/cacr_wacr.flags", "--chunk=-1"], "chunk"),
        ("train", ["--dataset="], "name of a data set"),
        ("train", ["--dataset=my data!"], "no data set 'my data!'"),
        ("train", ["--dataset=DIR/array.npz"], "cannot be read as npz"),
        ("train", ["--dataset=DIR/tiny.npz", "--model=mnist_cnn", "--batch_size=5"], "cannot be built"),
        ("train", ["--learning_rates="], "learning"),
        ("train", ["positional"], "--name=value"),
        ("train", ["--epsilon=0.1"], "Unknown command line flag 'epsilon'"),
        ("evaluate", ["--ifia_k=65"], "k = 65"),
        ("evaluate", ["--map_k=65"], "k = 65"),
        ("evaluate", ["--eps=1.5"], "eps must be at most 1"),
        ("evaluate", ["--network=DIR/none.keras"], "no network at"),
        ("evaluate", ["--network=DIR/broken.keras"], "cannot be loaded"),
        ("evaluate", ["--network=DIR/foreign.keras"], "Keras 4.0 wrote it and this is Keras"),
        ("evaluate", ["--network=DIR/softmax.keras"], "remove its final softmax"),
        ("evaluate", ["--network=DIR/bytes.keras"], "--pixels=0..255"),
        ("evaluate", ["--network=DIR/bytes.keras", "--suite=rar"], "has its own settings: leave out --pgd_step_size"),
        ("evaluate", ["--network=DIR/bytes.keras", "--pixels=-1..1"], "0..255"),
        ("evaluate", ["--output=DIR/few.npz/x"], "cannot write to --output"),
        ("evaluate", ["--ifia_beta=-1"], "softplus_beta"),
        ("compare", ["--map_k=65", "--rows=flags/demo/natural.flags"], "k = 65"),
        ("compare", ["--rows="], "at least one"),
        ("compare", ["--rows=\0"], "no flagfile at"),
        ("compare", ["--rows=flags/demo/natural.flags", "--seeds="], "at least one"),
        ("compare", ["--rows=flags/demo/natural.flags", "--seeds=0,0"], "twice"),
        ("compare", ["--rows=flags/demo/natural.flags", "--name=a/b"], "--name"),
        ("compare", ["--rows=flags/demo/natural.flags", "--name=run"], "--name"),
        ("compare", ["--rows=flags/demo/natural.flags", "--overrides=--batch_size=9999"], "exceeds"),
        ("compare", ["--rows=flags/rar/mnist/natural.flags"], "trains on mnist"),
        ("compare", ["--rows=flags/demo/ig_norm.flags"], "(--controls) need"),
        ("compare", ["--rows=flags/demo/natural.flags", "--hold_out=9", "--evaluate_on=held_out"], "held out"),
        ("evaluate", ["--evaluation_seed=-1"], "seed"),
        ("compare", ["--rows=DIR/none.flags"], "none.flags"),
        ("compare", ["--rows=flags/demo/madry.flags,flags/demo/madry.flags"], "same file name"),
        ("compare", ["--seeds=one", "--rows=flags/demo/natural.flags"], "seed"),
        ("demo", ["--output=DIR/few.npz/x"], "cannot write to --output"),
    ],
)
def test_bad_input_is_refused_in_one_clear_line(broken, tmp_path, capsys, verb, flags, words):
    base = {
        "train": [*TRAIN, f"--output={tmp_path}/out"],
        "evaluate": [*EVALUATE, f"--network={broken}/any.keras", f"--output={tmp_path}/out"],
        "compare": [*EVALUATE, f"--output={tmp_path}/out"],
        "demo": [],
    }[verb]
    assert call(verb, *base, *[flag.replace("DIR", str(broken)) for flag in flags]) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if "it/s" not in line]
    assert len(err) == 1 and err[0].startswith(f"{verb}: ") and words in err[0]
    assert not (tmp_path / "out" / "run.flags").exists()  # The corrected command must find nothing in its way.


def test_a_suite_too_says_how_to_adopt_a_network(broken, tmp_path, capsys):
    flags = ["--suite=rar", "--dataset=digits", "--examples=30", f"--output={tmp_path}/out"]
    assert call("evaluate", f"--network={broken}/bytes.keras", *flags) == 2
    (err,) = capsys.readouterr().err.splitlines()
    assert err.startswith("evaluate: ") and "--pixels=0..255" in err


def test_a_run_that_diverges_ends_with_1_and_one_line(tmp_path, capsys, eagerly):
    assert call("train", *TRAIN, "--learning_rates=1e30", f"--output={tmp_path}/out") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("train: ") and "became NaN or infinite at step" in last


def test_a_network_with_a_layer_of_our_own_loads_in_a_process_that_never_made_one(tmp_path):
    make_model("rar_resnet3", (8, 8, 3), 4).save(tmp_path / "n.keras")
    code = f"from tfrobust.networks import load_network; print(load_network({str(tmp_path / 'n.keras')!r}).name)"
    done = processes.run(["-c", code])
    assert done.returncode == 0 and "rar_resnet3" in done.stdout, done.stderr


if __name__ == "__main__":
    run_tests(__file__)

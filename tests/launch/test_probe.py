"""What a probe writes to TensorBoard, and that the run does not notice it."""

import contextlib
import dataclasses
import glob
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.plugins.hparams import plugin_data_pb2

from flags import probe_flags, recipe_flags
from flags.parsing import parse
from launch import train
from tests.helpers import ROOT, run_tests, shallow_network, small_network, without_graphs
from tfrobust import data
from tfrobust.attacks import Ifia, Pgd, TopK
from tfrobust.attributions import make_map
from tfrobust.errors import InputError
from tfrobust.evaluation import MapTask, Suite, evaluate
from tfrobust.experiments import training_run
from tfrobust.memory_budget import Chunking
from tfrobust.monitoring import probe
from tfrobust.similarity import Comparison
from tfrobust.training import run

TRAIN = ["--flagfile=flags/demo/madry.flags", "--steps=12", "--eps_ramp_steps=0", "--checkpoint_every=5"]
PROBE = ["--probe_every=5", "--probe_examples=6"]
ONE_STEP = [*TRAIN, "--attack_steps=1"]  # Of the inner maximum: all that a test of probes needs.
CURVES = {"natural_accuracy", "adversarial_accuracy"}
CURVES |= {prefix + name for prefix in ("", "noise_") for name in ("top_k_intersection", "kendall")}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(autouse=True)
def one_convolution(monkeypatch):
    """In the place of a recipe's network, and not of the deeper one that a test here makes: probes of any are alike."""
    monkeypatch.setattr(training_run, "new_network", lambda recipe, data: shallow_network(recipe.training.seed))


@pytest.fixture
def two_steps(monkeypatch):
    """Probes without a flagfile attack in two steps, maps of three points: what they are compared in does not depend on
    how far they go."""
    monkeypatch.setattr(probe_flags, "STEPS", 2)
    monkeypatch.setattr(probe_flags, "MAP_STEPS", 3)


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures take longer than all else, and are looked at in the test of what a probe writes."""
    monkeypatch.setattr(probe, "pictures", lambda seen, y, title: tf.zeros([probe.PICTURED, 1, 1, 4], tf.uint8))


def flagfile(folder, *flags):
    """The demo's evaluation with attacks of two steps and maps of five points."""
    path = folder / "probe.flags"
    cheap = "--pgd_steps=2", "--ifia_steps=2", "--map_steps=5"
    path.write_text("\n".join(["--flagfile=flags/demo/evaluate.flags", *cheap, *flags]))
    return f"--probe={path}"


def call(*flags):
    return train.main(["train", *map(str, flags)])


def weights(folder):
    return keras.models.load_model(os.path.join(folder, "network.keras"), compile=False).get_weights()


def written(folder):
    """(tag, step, value) of everything in a run's TensorBoard files."""
    for path in glob.glob(os.path.join(folder, "tensorboard", "*")):
        for event in tf.compat.v1.train.summary_iterator(path):
            for value in event.summary.value:
                yield value.tag, event.step, value


@pytest.mark.parametrize("graphs", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_a_probe_changes_no_weight_and_no_identity(graphs, tmp_path, capsys, two_steps, undrawn):
    short, probes = (*ONE_STEP, "--steps=3"), ("--probe_every=2", "--probe_examples=6")
    with contextlib.nullcontext() if graphs else without_graphs():
        assert call(*short, f"--output={tmp_path}/plain") == 0
        assert call(*short, *probes, f"--output={tmp_path}/probed") == 0
    for a, b in zip(weights(tmp_path / "plain"), weights(tmp_path / "probed")):
        np.testing.assert_array_equal(a, b)
    assert (tmp_path / "plain" / "run.flags").read_text() == (tmp_path / "probed" / "run.flags").read_text()
    capsys.readouterr()
    assert call(*short, *probes, f"--output={tmp_path}/plain") == 0 and "finished already" in capsys.readouterr().out


def test_what_a_probe_writes(tmp_path, eagerly, monkeypatch):
    monkeypatch.setattr(probe, "PICTURED", 1)
    monkeypatch.setattr(run, "LOG_EVERY", 2)  # Steps between two points of the other curves.
    short = "--steps=4", "--probe_every=2", "--probe_examples=40"  # Of which some are right.
    assert call(*ONE_STEP, *short, flagfile(tmp_path), f"--output={tmp_path}/a") == 0
    steps, pictures, settings, session = {}, [], None, None
    for tag, step, value in written(tmp_path / "a"):
        steps.setdefault(tag, set()).add(step)
        if tag == "probe/maps":
            # Width, height, then a picture of each of the first images.
            shown = tf.make_ndarray(value.tensor)
            assert len(shown) == 2 + probe.PICTURED
            pictures.append((step, tf.io.decode_png(shown[2]).numpy()))
        elif tag == "probe/settings":
            settings = tf.make_ndarray(value.tensor).item().decode()
        elif value.metadata.plugin_data.plugin_name == "hparams" and "session_start" in tag:
            session = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
    assert {f"probe/{name}" for name in CURVES} | {"train/cross_entropy_adv", "train/loss"} <= steps.keys()
    assert steps["probe/natural_accuracy"] == steps["probe/maps"] == {0, 2, 4}
    # A colour map, and not the same at every step.
    # It fits into the card of an image, about 350 pixels wide, with text of 10 of them and more.
    pictures = [picture for _, picture in sorted(pictures, key=lambda each: each[0])]
    assert all(p.ndim == 3 and p.shape[1] < 800 and p[..., :3].std(axis=-1).max() > 20 for p in pictures)
    assert not np.array_equal(pictures[0], pictures[-1])
    assert '"kind": "TopK"' in settings and '"softplus_beta": 30.0' in settings and '"examples": 40' in settings
    assert session.session_start_info.group_name == str(tmp_path / "a")
    hparams = session.session_start_info.hparams
    assert hparams["method"].string_value == "madry" and hparams["eps"].number_value == 0.3
    assert hparams["steps"].number_value == 4 and not {"output", "probe", "probe_every"} & set(hparams)


def test_a_probe_measures_what_an_evaluation_measures(eagerly):
    digits = data.load("digits")
    x, y = data.to_unit(digits.x_test[:20]), digits.y_test[:20]
    network = shallow_network()
    y = np.where(np.arange(20) % 2, network(x).numpy().argmax(axis=1), y).astype(np.int32)  # Half of them right.
    task = MapTask(make_map(steps=5), Ifia(0.1, 2, 0.05, goal=TopK(8)), Comparison(k=8))
    suite = Suite.of_one(Pgd(0.1, 2, 0.05), task)
    seen = probe.look(network, x, y, probe.ProbePlan(suite, 1, held=Chunking(12)), 3)
    want = evaluate(network, x, y, suite).table_row()
    assert seen.values.keys() == CURVES and 0.5 <= want["natural_accuracy"] < 1
    for name in CURVES - {"noise_kendall", "noise_top_k_intersection"}:  # Noise is drawn by the number of the image.
        np.testing.assert_allclose(seen.values[name], want[name], atol=1e-6, err_msg=name)
    assert seen.values["kendall"] < seen.values["noise_kendall"] < 1
    wrong = probe.look(
        network, x, (network(x).numpy().argmax(axis=1) + 1) % 10, probe.ProbePlan(suite, 1, held=Chunking(20))
    )
    assert wrong.values == {"natural_accuracy": 0.0, "adversarial_accuracy": 0.0}


def test_a_probe_holds_as_many_points_at_once_as_fit(tmp_path, eagerly):
    digits, network, seen = data.load("digits"), small_network(), []
    for chunk, flags in ((None, ()), (2, ("--map_chunk=auto", "--memory_gb=0.002", "--evaluation_batch=24"))):
        fv = parse((*recipe_flags.ROOMS, probe_flags.define), ["train", *ONE_STEP, *PROBE, flagfile(tmp_path, *flags)])
        fv.probe_examples = 24  # Of which some are right.
        made = probe.Probe(
            network, digits, probe_flags.from_flags(fv, digits.name, digits.shape), str(tmp_path), start=0, steps=12
        )
        assert made.points == chunk  # Of five points.
        seen.append(probe.look(network, made.x, made.y, made.plan, made.points).values)
    assert seen[0].keys() == seen[1].keys() == CURVES
    for name, value in seen[0].items():
        np.testing.assert_allclose(seen[1][name], value, atol=0.02, err_msg=name)


def test_a_resumed_run_probes_on_at_the_steps_that_are_left(tmp_path, eagerly, two_steps, undrawn):
    short = *ONE_STEP[1:], "--steps=5", "--checkpoint_every=2"
    recipe = recipe_flags.read("flags/demo/madry.flags", short)
    digits = data.load("digits")

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch + 1 == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training_run.train(recipe, digits, str(tmp_path / "a"), callbacks=lambda network, start: [Stop()])
    probes = "--probe_every=2", "--probe_examples=6"
    assert call(ONE_STEP[0], *short, *probes, f"--output={tmp_path}/a") == 0
    assert {step for tag, step, _ in written(tmp_path / "a") if tag == "probe/maps"} == {4, 5}


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--probe=nosuch.flags"], "no such file"),
        (["--probe=flags/demo/madry.flags"], "Unknown command line flag"),
        (["--probe={}/large.flags"], "exceeds the 64 pixels"),
        (["--probe_examples=0"], "probe_examples"),
        (["--probe=flags/cross/mnist/evaluate_predictions.flags"], "a probe attacks maps"),
    ],
)
def test_a_probe_that_cannot_be_is_refused_before_the_run(tmp_path, capsys, flags, words):
    (tmp_path / "large.flags").write_text("--flagfile=flags/demo/evaluate.flags\n--map_k=65\n")
    given = [flag.format(tmp_path) for flag in flags]
    assert call(*TRAIN, "--probe_every=5", *given, f"--output={tmp_path}/a") == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not os.path.exists(tmp_path / "a" / "run.flags")


def test_images_that_no_paper_has_need_an_eps():
    fv = parse(
        (*recipe_flags.ROOMS, probe_flags.define), ["train", "--flagfile=flags/demo/natural.flags", "--probe_every=5"]
    )
    unknown = dataclasses.replace(data.load("digits"), name="faces")
    with pytest.raises(InputError, match="--probe=FLAGFILE"):
        probe_flags.from_flags(fv, unknown.name, unknown.shape)


if __name__ == "__main__":
    run_tests(__file__)

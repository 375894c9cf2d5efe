"""Runs that are killed, stopped, find torn checkpoints or a full disk: nothing is lost, and one line says what was."""

import contextlib
import json
import os
import resource
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from launch import train
from launch.command_line import verb
from tests import processes
from tests.helpers import ROOT, run_tests, without_graphs
from tests.launch import killed_runs
from tests.shallow import be_shallow
from tfrobust import failures
from tfrobust.experiments import training_run
from tfrobust.training.checkpoints import Checkpoints

# Five steps are over before the graph of one would be traced; runs that are killed have graphs.
pytestmark = pytest.mark.usefixtures("eagerly")
RUN = ["--flagfile=flags/demo/natural.flags", "--steps=5", "--checkpoint_every=2", "--width=4"]


@contextlib.contextmanager
def shallow_at_root():
    """At the root of the project, where a run has few layers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        be_shallow(patch.setattr)
        yield


@pytest.fixture(autouse=True)
def at_root():
    with shallow_at_root():
        yield


def call(folder, *flags):
    return train.main(["train", *RUN, f"--output={folder}", *flags])


def as_process(folder, *flags):
    """The code that `python -m launch.train` ends with."""
    with pytest.raises(SystemExit) as ended:
        verb.as_process(lambda: call(folder, *flags))
    return ended.value.code


def weights(folder):
    return keras.models.load_model(os.path.join(folder, "network.keras"), compile=False).get_weights()


def same(folder, wanted):
    return all(np.array_equal(p, q) for p, q in zip(weights(folder), wanted, strict=True))


def lines(capsys):
    """What was said on standard error, progress aside."""
    return [line for line in capsys.readouterr().err.splitlines() if "it/s" not in line and "s/it" not in line]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The weights of a run that was not stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with shallow_at_root(), without_graphs():
        assert call(folder) == 0
    return weights(folder)


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    """A run that was killed after its checkpoints of the steps 2 and 4, for others to copy."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with shallow_at_root(), without_graphs(), cut_short(at=4), pytest.raises(Killed):
        call(folder)
    assert {"ckpt-2.index", "ckpt-4.index"} <= set(os.listdir(folder / "checkpoints"))
    return folder


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """A copy of its own of that run."""
    return shutil.copytree(stopped_once, tmp_path / "run")


class Killed(BaseException):
    pass


@contextlib.contextmanager
def cut_short(at):
    """After the checkpoint of the given step, nothing more happens."""
    save = Checkpoints.save

    def saving(self, step, seconds):
        save(self, step, seconds)
        if step == at:
            raise Killed

    Checkpoints.save = saving
    try:
        yield
    finally:
        Checkpoints.save = save


@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.exhaustive)])
def test_a_run_killed_at_random_points_ends_with_the_weights_of_the_run_that_was_not(kills, tmp_path):
    done = processes.run(["-m", "tests.launch.killed_runs", tmp_path, kills])
    assert done.returncode == 0, done.stderr[-2000:]
    ends = [line.split(":") for line in done.stdout.splitlines() if ": -" in line]
    kinds = [name.split()[0] for name, _ in ends]
    assert {kind: kinds.count(kind) for kind in kinds} == killed_runs.TIMES[kills]
    assert all(end.split()[0] == str(-signal.SIGKILL) for _, end in ends) and len(ends) == kills
    assert any("unfinished.keras" in end for _, end in ends)  # One at least hit the writing of the network.
    assert same(tmp_path / "killed", weights(tmp_path / "whole"))
    assert json.loads((tmp_path / "killed" / "run.json").read_text())["steps"] == killed_runs.STEPS[kills]
    assert not (tmp_path / "killed" / "unfinished.keras").exists()


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


DATA, INDEX, SUMS = "ckpt-4.data-00000-of-00001", "ckpt-4.index", "ckpt-4.json"


def empty(path):
    path.write_bytes(b"")


# Each file and each way to tear it, and no checksums, of which TensorFlow has its own; all others: exhaustive.
FEW = {(DATA, truncate), (DATA, flip), (INDEX, os.remove), (INDEX, flip), (SUMS, os.remove), (SUMS, empty)}
TEARS = [(name, tear) for tear in (truncate, flip, os.remove, empty) for name in (DATA, INDEX, SUMS)]


@pytest.mark.parametrize(
    "name, tear", [pytest.param(*own, marks=() if own in FEW else pytest.mark.exhaustive) for own in TEARS]
)
def test_a_torn_checkpoint_gives_way_to_the_one_before(name, tear, stopped, whole, capsys):
    tear(stopped / "checkpoints" / name)
    capsys.readouterr()
    assert call(stopped) == 0
    said = lines(capsys)
    if (name, tear) == (SUMS, os.remove):  # Was not finished, as it seems; but TensorFlow finds it whole.
        assert said == []
    else:
        assert len(said) == 1 and "ckpt-4" in said[0] and "going on from the checkpoint of step 2" in said[0]
    assert same(stopped, whole)


def test_without_checksums_those_of_tensorflow_count(stopped, whole, capsys):
    for path in (stopped / "checkpoints").glob("*.json"):
        path.unlink()
    flip(stopped / "checkpoints" / DATA)
    capsys.readouterr()
    assert call(stopped) == 0
    assert "ckpt-4 is damaged" in lines(capsys)[0] and same(stopped, whole)


def test_where_every_checkpoint_is_torn_the_run_does_not_begin_anew_by_itself(stopped, whole, capsys):
    for path in (stopped / "checkpoints").glob("*.data*"):
        truncate(path)
    capsys.readouterr()
    assert call(stopped) == 2
    (said,) = lines(capsys)
    assert "ckpt-2" in said and "ckpt-4" in said and f"remove {stopped}/checkpoints to start from step 0" in said
    shutil.rmtree(stopped / "checkpoints")
    assert call(stopped) == 0 and same(stopped, whole)


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_the_next_step_and_ends_with_a_code_of_its_own(
    number, code, tmp_path, whole, capsys, monkeypatch
):
    update = training_run.TrainingBar.on_train_batch_end

    def at_step_2(self, batch, logs=None):
        update(self, batch, logs)
        if batch + 1 == 2:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(training_run.TrainingBar, "on_train_batch_end", at_step_2)
    assert as_process(tmp_path / "run") == code
    assert lines(capsys) == ["train: stopped after step 3, which is saved: the same command goes on from there"]
    assert (tmp_path / "run" / "checkpoints" / "ckpt-3.json").exists()
    monkeypatch.undo()
    assert call(tmp_path / "run") == 0 and same(tmp_path / "run", whole)


def test_a_signal_before_training_stops_at_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(train.recipe_flags, "from_flags", lambda fv: os.kill(os.getpid(), signal.SIGTERM))
    assert as_process(tmp_path / "run") == 143
    assert lines(capsys) == ["train: stopped"] and not (tmp_path / "run" / "run.flags").exists()


@contextlib.contextmanager
def files_up_to(size):
    """No file of this process may grow beyond so many bytes, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_one_line_and_what_was_saved_stays(stopped, whole, capsys):
    before = {p.name: p.read_bytes() for p in (stopped / "checkpoints").iterdir()}
    with files_up_to(60_000):  # Smaller than a checkpoint, larger than the small files.
        assert as_process(stopped) == 1
    said = lines(capsys)
    assert len(said) == 1 and "the disk is full" in said[0] and "ckpt-5" in said[0] and "make room" in said[0]
    assert {p.name: p.read_bytes() for p in (stopped / "checkpoints").iterdir()} == before
    assert call(stopped) == 0 and same(stopped, whole)


def test_a_disk_that_is_full_when_the_network_is_saved(whole, tmp_path, capsys, monkeypatch):
    def full(self, path, *args, **kwargs):
        with open(path, "wb") as file:
            file.write(b"half of it")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(keras.Model, "save", full)
    assert call(tmp_path / "run") == 1
    said = lines(capsys)
    assert len(said) == 1 and "the disk is full" in said[0] and "make room" in said[0]
    assert not {"unfinished.keras", "network.keras", "run.json"} & set(os.listdir(tmp_path / "run"))
    monkeypatch.undo()
    assert call(tmp_path / "run") == 0 and same(tmp_path / "run", whole)


def test_what_is_no_fault_of_the_program_is_told_in_one_line():
    for error, words in [
        (OSError(28, "No space left on device"), "the disk is full"),
        (tf.errors.UnknownError(None, None, "x; No space left on device"), "the disk is full"),
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"), "smaller batch"),
        (tf.errors.UnavailableError(None, None, "Socket closed"), "a worker or a device is gone"),
        (tf.errors.DataLossError(None, None, "truncated record"), "a file cannot be read"),
        (FileNotFoundError(2, "No such file", "mnist.npz"), "mnist.npz"),
    ]:
        assert words in failures.line(error)
    assert failures.line(tf.errors.InvalidArgumentError(None, None, "shapes")) is None  # Ours: its traceback is shown.


def test_a_lost_data_file_is_one_line_and_the_run_goes_on_once_it_is_back(tmp_path, capsys):
    r = np.random.RandomState(0)
    x, y = r.rand(60, 8, 8), np.arange(60) % 10
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    flags = [f"--dataset={tmp_path}/own.npz", "--hold_out=0", "--batch_size=20"]
    with cut_short(at=4), pytest.raises(Killed):
        call(tmp_path / "run", *flags)
    os.rename(tmp_path / "own.npz", tmp_path / "away.npz")
    capsys.readouterr()
    assert call(tmp_path / "run", *flags) == 2
    assert lines(capsys) == [f"train: no file at {tmp_path}/own.npz"]
    os.rename(tmp_path / "away.npz", tmp_path / "own.npz")
    assert call(tmp_path / "run", *flags) == 0


if __name__ == "__main__":
    run_tests(__file__)

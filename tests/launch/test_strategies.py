"""The verbs on two replicas, and in two processes that stand for two hosts, give what one device gives."""

import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from launch import audit, compare, comparison_pages, downstream, evaluate, reproduce, train
from tests import processes
from tests.helpers import ROOT, hurry_costs, run_tests, without_graphs
from tests.shallow import be_shallow
from tfrobust import data, report
from tfrobust.auditing import plan
from tfrobust.models import resnet

TWO = ["--strategy=mirrored", "--replicas=2"]
TRAIN = ["--flagfile=flags/demo/madry.flags", "--steps=3", "--eps_ramp_steps=0", "--checkpoint_every=2"]
TRAIN += ["--attack_steps=1"]
EVALUATE = ["--flagfile=flags/demo/evaluate.flags", "--ifia_steps=1", "--pgd_steps=1", "--map_steps=3"]
EVALUATE += ["--examples=22", "--attribution_examples=7", "--evaluation_batch=11"]


# Of two processes the other, which ends by SIGKILL when it has saved its first checkpoint.  The chief then asks it for
# its part of the next step and sees at once that it is gone; where it is killed in the middle of a step, the chief may
# wait for it to fetch something, and knows when TensorFlow misses ten seconds of heartbeats.
KILLED = """
import os, signal, sys
from launch import train
from tests.shallow import be_shallow
from tfrobust.training.checkpoints import Checkpoints
save = Checkpoints.save
Checkpoints.save = lambda *given: (save(*given), os.kill(os.getpid(), signal.SIGKILL))
be_shallow()
sys.exit(train.main(["train", *sys.argv[1:]]))
"""


# A verb in a process of its own, where what is trained and drawn is as in this one.
VERB = """
import sys
from launch import {0}
from tests.shallow import be_shallow
from tfrobust import report
be_shallow()
report.draw_panels = lambda *given, **options: None
sys.exit({0}.main(["{0}", *sys.argv[1:]]))
"""


@contextlib.contextmanager
def pictureless_at_root():
    """At the root of the project, without pictures, which nobody looks at here, where a network has few layers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        be_shallow(patch.setattr)
        patch.setattr(report, "draw_panels", lambda *given, **options: None)
        yield


@pytest.fixture(autouse=True)
def at_root():
    with pictureless_at_root():
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on one device."""
    folder = tmp_path_factory.mktemp("run")
    with pictureless_at_root(), without_graphs():
        assert train.main(["train", *TRAIN, f"--output={folder}"]) == 0
    return folder


@pytest.fixture(scope="module")
def evaluation(run, tmp_path_factory):
    """The flags of an evaluation of it, on images that are labelled as it predicts them: maps of others are not
    attacked."""
    path = str(tmp_path_factory.mktemp("images") / "digits.npz")
    digits, network = data.load("digits"), keras.models.load_model(run / "network.keras", compile=False)
    y = np.argmax(network(data.to_unit(digits.x_test)), axis=1)
    np.savez(path, x_train=digits.x_train, y_train=digits.y_train, x_test=digits.x_test, y_test=y)
    return [*EVALUATE, f"--dataset={path}", f"--network={run}/network.keras"]


@pytest.fixture(scope="module")
def evaluated(evaluation, tmp_path_factory):
    """That evaluation on one device."""
    folder = tmp_path_factory.mktemp("evaluated")
    with pictureless_at_root(), without_graphs():
        assert evaluate.main(["evaluate", *evaluation, f"--output={folder}"]) == 0
    return folder


def weights(folder):
    return keras.models.load_model(os.path.join(folder, "network.keras"), compile=False).get_weights()


def assert_same_weights(a, b):
    for p, q in zip(weights(a), weights(b)):
        np.testing.assert_allclose(p, q, atol=1e-5)


def assert_same_records(a, b):
    one, two = ([json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()] for folder in (a, b))
    assert sum("kendall" in record for record in one) > 3
    for p, q in zip(one, two):
        assert p == pytest.approx(q, abs=0.02)


def ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


def start(verb, flags, other=None):
    """Two processes of a verb, the chief first; `other`: the code of the second one, in the place of the verb."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports(2)]}
    started = []
    for index in range(2):
        config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        env = {**os.environ, "TF_CONFIG": json.dumps(config), "TF_CPP_MIN_LOG_LEVEL": "3"}
        code = other if other and index else VERB.format(verb)
        started.append(processes.start(["-c", code, "--strategy=multi_worker", *flags], env=env))
    return started


def finish(started):
    try:
        done = [process.finish(timeout=240) for process in started]
    finally:
        for process in started:
            process.kill()
    assert [each.returncode for each in done] == [0, 0], done
    return [each.stdout for each in done]


@pytest.fixture(params=["eagerly", "in graphs"])
def eagerly_or_not(request):
    """What is shared out to replicas is so in graphs, too: tests/distribution has them."""
    with without_graphs() if request.param == "eagerly" else contextlib.nullcontext():
        yield


@pytest.mark.exhaustive  # The comparison below trains and evaluates on as many.
def test_training_on_two_replicas_and_going_on_with_one(run, tmp_path, eagerly_or_not):
    assert train.main(["train", *TRAIN, *TWO, f"--output={tmp_path}"]) == 0
    assert_same_weights(run, tmp_path)
    # The same run: the strategy is no part of what it is.
    assert train.main(["train", *TRAIN, f"--output={tmp_path}"]) == 0


def normalized(shape, classes, width):
    """In the place of a model of twelve such layers."""
    x = inputs = keras.Input(shape)
    x = layers.BatchNormalization()(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(classes)(x))


def test_the_number_of_replicas_is_part_of_a_run_with_batch_norm(tmp_path, monkeypatch, capsys, eagerly):
    monkeypatch.setattr(resnet, "resnet10", normalized)
    flags = ["--dataset=digits", "--method=natural", "--model=resnet10", "--steps=1", "--batch_size=4"]
    flags += ["--learning_rates=0.001", f"--output={tmp_path}"]
    assert train.main(["train", *flags]) == 0
    assert train.main(["train", *flags, *TWO]) == 2
    assert "# 2 replicas" in capsys.readouterr().err


@pytest.mark.exhaustive  # As above, and two processes evaluate the same.
def test_an_evaluation_on_two_replicas_has_the_results_of_one(evaluation, evaluated, tmp_path, eagerly_or_not):
    assert evaluate.main(["evaluate", *evaluation, *TWO, f"--output={tmp_path}"]) == 0
    assert_same_records(evaluated, tmp_path)


def test_a_comparison_on_two_replicas_is_that_of_one_and_its_runs_go_on_with_one(tmp_path, monkeypatch, eagerly):
    hurry_costs(monkeypatch)
    for name in ("_draw", "_draw_scores"):
        monkeypatch.setattr(comparison_pages, name, lambda *_: None)
    (tmp_path / "madry.flags").write_text("--flagfile=flags/demo/madry.flags\n--steps=2\n--attack_steps=1\n")
    command = ["compare", *EVALUATE, f"--rows={tmp_path}/madry.flags", "--nocontrols"]
    for name, flags in (("one", []), ("two", TWO)):
        assert compare.main([*command, *flags, f"--output={tmp_path}/{name}"]) == 0
    one, two = (tmp_path / name / "seed0" / "madry" for name in ("one", "two"))
    assert_same_weights(one, two)
    records = [json.loads((folder / "comparison.json").read_text())["records"] for folder in (one, two)]
    assert sum("kendall" in record for record in records[0]) > 1
    assert records[0] == [pytest.approx(record, abs=0.02) for record in records[1]]
    # The same run: the strategy is no part of what it is.
    assert train.main(["train", f"--flagfile={two}/run.flags", f"--output={two}"]) == 0


def test_a_task_on_two_replicas_is_that_of_one(run, tmp_path, eagerly):
    command = [
        "downstream",
        "--task=alignment",
        f"--networks=n={run}/network.keras",
        "--dataset=digits",
        "--examples=11",
    ]
    rows = []
    for name, flags in (("one", []), ("two", TWO)):
        assert downstream.main([*command, *flags, f"--output={tmp_path}/{name}"]) == 0
        rows += json.loads((tmp_path / name / "alignment.json").read_text())["rows"]
    numbers = [{key: value for key, value in row.items() if isinstance(value, float)} for row in rows]
    assert numbers[0] and numbers[0] == pytest.approx(numbers[1], abs=1e-4)


@pytest.mark.exhaustive  # The task and the comparison go the same ways.
def test_an_audit_and_a_table_run_on_two_replicas(run, tmp_path, monkeypatch, eagerly):
    monkeypatch.setattr(plan, "LEVELS", ((2, 2),))
    flags = ["--data=digits", "--images=3", "--eps=0.1", "--pixels=0..1"]
    command = ["audit", f"--network={run}/network.keras", *flags, *TWO, f"--output={tmp_path}/audit"]
    assert audit.main(command) == 0 and (tmp_path / "audit" / "audit.html").exists()
    r = np.random.RandomState(0)
    images = {f"x_{split}": r.randint(0, 255, (40, 28, 28, 1), np.uint8) for split in ("train", "test")}
    np.savez(tmp_path / "mnist.npz", y_train=np.arange(40) % 10, y_test=np.arange(40) % 10, **images)
    table = ["--paper=rar", "--table=T2", "--dataset=mnist", "--methods=madry", "--budget=smoke"]
    command = ["reproduce", *table, *TWO, f"--source={tmp_path}/mnist.npz", f"--output={tmp_path}/out"]
    assert reproduce.main(command) == 0
    found = json.loads((tmp_path / "out" / "tables" / "rar_T2_mnist_smoke.json").read_text())
    assert any(cell["measured"] is not None for cell in found["cells"])


@pytest.mark.exhaustive  # The one that is killed below ends as one device does; this one has attacks, and ends at once.
def test_two_processes_train_as_one_device(run, tmp_path):
    chief, other = finish(start("train", [*TRAIN, f"--output={tmp_path}/run"]))
    assert_same_weights(run, tmp_path / "run")
    assert_one_wrote(tmp_path / "run", run, [chief, other], "3 steps")
    assert len(os.listdir(tmp_path / "run" / "tensorboard")) == len(os.listdir(run / "tensorboard"))


def assert_one_wrote(folder, of_one_device, said, words):
    """Of two processes the chief alone writes and says what a run on one device does."""
    assert set(os.listdir(folder)) == set(os.listdir(of_one_device))
    assert [words in each for each in said] == [True, False]


def test_two_processes_evaluate_as_one_device(evaluation, evaluated, tmp_path):
    finish(start("evaluate", [*evaluation, f"--output={tmp_path}/two"]))
    assert_same_records(evaluated, tmp_path / "two")


def killed_between_steps(flags):
    """Two processes, of which the other is killed when both have made so many steps; the chief first."""
    return start("train", flags, other=KILLED)


def killed_at_any_time(flags):
    """The same, killed whatever it is doing soon after the first checkpoint of the chief."""
    chief, other = start("train", flags)
    checkpoints = Path(flags[-1].removeprefix("--output="), "checkpoints")
    until = time.monotonic() + 120
    while not list(checkpoints.glob("ckpt-*.json")):
        assert chief.poll() is None and other.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    other.send_signal(signal.SIGKILL)
    return chief, other


@pytest.mark.parametrize(
    "killed, steps",
    [(killed_between_steps, 12), pytest.param(killed_at_any_time, 60, marks=pytest.mark.exhaustive)],
)
def test_of_two_processes_one_is_killed_and_both_go_on(killed, steps, tmp_path, eagerly):
    # Without an attack, through whose signs float noise would grow over so many steps.
    flags = ["--flagfile=flags/demo/natural.flags", f"--checkpoint_every={steps // 6}", f"--steps={steps}"]
    flags.append("--width=0.25")
    chief, other = killed([*flags, f"--output={tmp_path}/killed"])
    done = chief.finish(timeout=120)
    assert done.returncode == 1 and "start all of them again" in done.stderr
    assert other.wait(timeout=60) == -signal.SIGKILL
    checkpoints = tmp_path / "killed" / "checkpoints"
    assert list(checkpoints.glob("ckpt-*.json")) and not list(checkpoints.glob(f"ckpt-{steps}*"))
    said = finish(start("train", [*flags, f"--output={tmp_path}/killed"]))
    assert train.main(["train", *flags, f"--output={tmp_path}/one"]) == 0
    assert_one_wrote(tmp_path / "killed", tmp_path / "one", said, f"{steps} steps")
    for p, q in zip(weights(tmp_path / "one"), weights(tmp_path / "killed")):
        np.testing.assert_allclose(p, q, atol=1e-3)


if __name__ == "__main__":
    run_tests(__file__)

"""Many runs: listed, shared between processes, noted when they fail, and written for clusters."""

import csv
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import yaml

from launch import compare, comparison_pages, sweep, train
from launch.command_line import verb
from tests import processes
from tests.helpers import ROOT, run_tests
from tests.shallow import be_shallow
from tfrobust.experiments import comparison, training_run

SHORT = "--overrides=--steps=2,--width=0.25,--batch_size=20"
ROWS = "--rows=flags/demo/natural.flags,flags/demo/madry.flags"


# At the beginning of a process of its own: what it trains is as in this one.
PROCESS = """
import os, sys
import tensorflow as tf
from launch import sweep
from tests.shallow import be_shallow
be_shallow()
tf.config.run_functions_eagerly(True)
"""


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    """At the root of the project, where a run has few layers."""
    monkeypatch.chdir(ROOT)
    be_shallow(monkeypatch.setattr)


def call(folder, *flags):
    return sweep.main(["sweep", f"--output={folder}", *flags])


def table(folder):
    """state of each run, by name of its folder."""
    with open(os.path.join(folder, "sweep.csv"), encoding="utf-8", newline="") as file:
        return {os.path.relpath(line["folder"], folder): line for line in csv.DictReader(file)}


def states(folder):
    return {name: line["state"] for name, line in table(folder).items()}


def weights(folder):
    return keras.models.load_model(os.path.join(folder, "network.keras"), compile=False).get_weights()


def test_every_row_seed_and_value_is_a_run_of_its_own_and_is_what_train_makes_of_it(tmp_path, capsys, eagerly):
    flags = [ROWS, SHORT, "--seeds=0,3", "--set=learning_rates=1e-3,1e-2"]
    assert call(tmp_path, *flags, "--status") == 0
    assert set(states(tmp_path).values()) == {"left"} and len(states(tmp_path)) == 8
    assert call(tmp_path, *flags, "--only=5") == 0
    (done,) = [name for name, state in states(tmp_path).items() if state == "done"]
    assert done == "seed3/natural-learning_rates=1e-2"
    own = ["--steps=2", "--width=0.25", "--batch_size=20", "--learning_rates=1e-2", "--seed=3"]
    assert train.main(["train", "--flagfile=flags/demo/natural.flags", *own, f"--output={tmp_path}/alone"]) == 0
    assert all(map(np.array_equal, weights(tmp_path / done), weights(tmp_path / "alone")))
    said = capsys.readouterr()
    assert "[6/8] natural, learning_rates=1e-2, seed 3" in said.err
    assert "8 runs: 1 done, 0 running, 0 failed, 7 left" in said.out


def test_a_run_that_fails_is_noted_and_does_not_stop_the_others(tmp_path, capsys, eagerly):
    other = tmp_path / "other.flags"
    other.write_text("--flagfile=flags/demo/natural.flags\n--eps_ramp_steps=0\n")
    flags = [f"--rows=flags/demo/natural.flags,{other}", SHORT, "--set=learning_rates=1e30,1e-3"]
    assert call(tmp_path, *flags) == 1
    assert "failed" in capsys.readouterr().err.splitlines()[-1]
    found = table(tmp_path)
    assert {n: line["state"] for n, line in found.items() if "1e-3" in n} == {
        "seed0/natural-learning_rates=1e-3": "done",
        "seed0/other-learning_rates=1e-3": "done",
    }
    assert found["seed0/natural-learning_rates=1e30"]["state"] == "failed"
    assert "became NaN or infinite" in found["seed0/natural-learning_rates=1e30"]["note"]
    assert call(tmp_path, *flags) == 1  # Tried again, and the finished ones left alone.
    said = capsys.readouterr()
    assert "[1/4]" in said.err and "[2/4]" not in said.err
    assert said.err.splitlines()[-1].startswith("sweep: 2 of 4 runs failed (natural, learning_rates=1e30, seed 0; ")


def test_an_error_of_the_program_is_noted_with_its_traceback(tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(training_run, "train", broken)
    assert call(tmp_path, "--rows=flags/demo/natural.flags", SHORT) == 1
    text = (tmp_path / "seed0" / "natural" / "failed.txt").read_text()
    assert text.startswith("ZeroDivisionError: by zero\n") and "Traceback" in text


def test_several_processes_share_a_list_and_train_each_run_once(tmp_path):
    flags = ["--rows=flags/demo/natural.flags", SHORT, "--seeds=0,1,2", f"--output={tmp_path}"]
    code = f"{PROCESS}sys.exit(sweep.main(sys.argv))"
    workers = [processes.start(["-c", code, *flags]) for _ in range(2)]
    done = [worker.finish(timeout=240) for worker in workers]
    assert [each.returncode for each in done] == [0, 0]
    out = "\n".join(each.stderr for each in done)
    begun = re.findall(r"^\[\d/3\] natural, seed (\d)(?: \(\d left, .*)?$", out, re.MULTILINE)
    assert sorted(begun) == ["0", "1", "2"]
    assert call(tmp_path, *flags, "--status") == 0 and set(states(tmp_path).values()) == {"done"}
    curves = [os.listdir(tmp_path / f"seed{seed}" / "natural" / "tensorboard") for seed in range(3)]
    writers = [{name.split(".")[-3] for name in files} for files in curves]  # The id of a process is in the name.
    assert [len(ids) for ids in writers] == [1] * 3


def test_a_killed_worker_leaves_its_run_to_the_next(tmp_path, eagerly):
    code = (
        f"{PROCESS}from tfrobust.experiments import training_run\n"
        "training_run.TrainingBar.on_train_batch_end = lambda *_, **__: os.kill(os.getpid(), 9)\n"
        "sweep.main(sys.argv)"
    )
    flags = ["--rows=flags/demo/natural.flags", SHORT, f"--output={tmp_path}"]
    assert processes.run(["-c", code, *flags]).returncode == -9
    assert call(tmp_path, *flags, "--status") == 0 and states(tmp_path) == {"seed0/natural": "left"}
    assert call(tmp_path, *flags) == 0 and states(tmp_path) == {"seed0/natural": "done"}


def test_compare_finds_what_a_sweep_trained(tmp_path, capsys, monkeypatch, eagerly):
    """And has the mean over its seeds."""
    monkeypatch.setattr(comparison, "step_seconds", lambda recipes, *_: {recipe.name: 1.0 for recipe in recipes})
    for name in ("_draw", "_draw_scores"):
        monkeypatch.setattr(comparison_pages, name, lambda *_: None)
    rows = "--rows=flags/demo/natural.flags"
    assert call(tmp_path, rows, SHORT, "--seeds=0,1") == 0
    stamps = {s: (tmp_path / f"seed{s}" / "natural" / "network.keras").stat().st_mtime_ns for s in (0, 1)}
    flags = ["--flagfile=flags/demo/evaluate.flags", rows, SHORT, "--seeds=0,1", f"--output={tmp_path}"]
    more = ["--ifia_steps=1", "--pgd_steps=1", "--map_steps=2", "--examples=10", "--attribution_examples=2"]
    assert compare.main(["compare", *flags, *more]) == 0
    assert {s: (tmp_path / f"seed{s}" / "natural" / "network.keras").stat().st_mtime_ns for s in (0, 1)} == stamps
    table = json.loads((tmp_path / "comparison.json").read_text())
    (row,), runs = table["rows"], table["about"]["runs"]["natural"]
    assert len(runs) == len(row["kendall"]) == 2
    assert row["kendall"][0] == pytest.approx(np.mean([run["kendall"] for run in runs]))


def test_a_folder_with_another_run_is_not_taken_for_a_finished_one(tmp_path, eagerly):
    assert call(tmp_path, "--rows=flags/demo/natural.flags", SHORT) == 0
    assert call(tmp_path, "--rows=flags/demo/natural.flags", SHORT, "--overrides=--steps=2,--width=0.5") == 1
    assert "holds a run with other settings" in table(tmp_path)["seed0/natural"]["note"]


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--rows="], "at least one entry"),
        ([ROWS, "--seeds=0,0"], "would share"),
        ([ROWS, "--seeds=one"], "whole numbers"),
        ([ROWS, "--seeds=../x"], "whole numbers"),
        ([ROWS, "--set=eps"], "--set=eps: write NAME=VALUE,VALUE"),
        ([ROWS, "--set=seed=1,2"], "--seeds"),
        ([ROWS, "--set=nothing=1"], "nothing"),
        ([ROWS, "--set=steps=1/2,1_2"], "steps"),
        ([ROWS, "--overrides=--steps=0"], "steps"),
        (["--rows=none.flags"], "none.flags"),
        ([ROWS, "--only=2"], "the runs are 0 to 1"),
        ([ROWS, "--write=kubernetes"], "--image and --volume"),
        (["--rows=flags/demo/madry.flags", "--set=eps=0.1,0.1"], "would share"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(flags, words, tmp_path, capsys):
    assert call(tmp_path / "out", *flags) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("sweep: ") and words in said
    assert not [name for name in os.listdir(tmp_path / "out")] if (tmp_path / "out").exists() else True


def test_the_job_of_kubernetes_is_yaml_that_runs_each_index(tmp_path, capsys, eagerly):
    flags = [ROWS, SHORT, "--seeds=0,1,2", "--write=kubernetes", "--image=me/it:1", "--volume=runs", "--gpus=2"]
    assert call(tmp_path / "My_Sweep.1", *flags, "--parallel=4", "--workdir=/app") == 0
    assert "kubectl apply -f" in capsys.readouterr().out
    job = yaml.safe_load((tmp_path / "My_Sweep.1" / "sweep.yaml").read_text())
    assert (job["apiVersion"], job["kind"], job["metadata"]["name"]) == ("batch/v1", "Job", "sweep-my-sweep-1")
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert (spec["completions"], spec["parallelism"], spec["completionMode"]) == (6, 4, "Indexed")
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 2} and container["image"] == "me/it:1"
    assert container["workingDir"] == "/app" and pod["restartPolicy"] == "Never"
    assert container["volumeMounts"][0]["mountPath"] == str(tmp_path / "My_Sweep.1")
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "runs"
    # Its command, as the shell of a pod calls the image's interpreter, and then what that is asked to do.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{tmp_path}/asked\n")
    (tmp_path / "bin" / "python").chmod(stat.S_IRWXU)
    env = {"JOB_COMPLETION_INDEX": "4", "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    subprocess.run(container["command"], env=env, check=True)
    option, module, *asked = (tmp_path / "asked").read_text().splitlines()
    assert (option, module) == ("-m", "launch.sweep") and sweep.main(["sweep", *asked]) == 0
    assert [n for n, s in states(tmp_path / "My_Sweep.1").items() if s == "done"] == ["seed2/natural"]


def slurm_job(folder, *flags):
    """(options of the script that the sweep writes for two runs, the process of its second task, whose scontrol says
    what it is asked in a file of that folder)."""
    flags = ["--rows=flags/demo/natural.flags", *flags, "--seeds=0,1", "--write=slurm", "--parallel=1", "--gpus=1"]
    assert call(folder, *flags, "--sbatch=--time=04:00:00,--mem=16G") == 0
    script = folder / "sweep.sbatch"
    given = [line.removeprefix("#SBATCH ") for line in script.read_text().splitlines() if line.startswith("#SBATCH")]
    (folder / "scontrol").write_text(f"#!/bin/sh\necho $@ >{folder}/asked\n")
    (folder / "scontrol").chmod(stat.S_IRWXU)
    env = {**os.environ, "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_JOB_ID": "77", "TF_CPP_MIN_LOG_LEVEL": "3"}
    env["PATH"] = f"{folder}:{os.environ['PATH']}"
    with open(folder / "log", "w", encoding="utf-8") as log:
        return given, subprocess.Popen(["bash", script], env=env, stdout=log, stderr=log)


def wait_for(folder, files, task):
    while not list(folder.glob(files)):
        assert task.poll() is None, (folder / "log").read_text()
        time.sleep(0.05)


def test_the_slurm_script_calls_its_index_and_asks_for_another_turn_when_its_time_is_over(
    tmp_path, monkeypatch, capsys, eagerly
):
    """Of what the script calls a shell is there, which ends by the signal as the sweep does that is called here."""
    (tmp_path / "python").write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{tmp_path}/part\nmv {tmp_path}/part {tmp_path}/called\n"
        "trap 'exit 143' TERM\nwhile true; do sleep 0.05; done\n"
    )
    (tmp_path / "python").chmod(stat.S_IRWXU)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    given, task = slurm_job(tmp_path, "--overrides=--steps=5,--width=0.25")
    assert {"--array=0-1%1", "--requeue", "--time=04:00:00", "--mem=16G", "--gres=gpu:1"} <= set(given)
    assert json.dumps(f"--output={tmp_path}/logs/%a.log") in json.dumps(given)
    wait_for(tmp_path, "called", task)
    task.send_signal(signal.SIGUSR1)  # As --signal asks for.
    assert task.wait() == 143 and (tmp_path / "asked").read_text() == "requeue 77_1\n"
    option, module, *asked = (tmp_path / "called").read_text().splitlines()
    stop = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)  # noqa: E731
    monkeypatch.setattr(training_run.TrainingBar, "on_train_batch_end", stop)
    with pytest.raises(SystemExit) as ended:
        verb.as_process(lambda: sweep.main(["sweep", *asked]))
    assert (option, module, ended.value.code) == ("-m", "launch.sweep", 143)
    assert "which is saved" in capsys.readouterr().err
    assert list(tmp_path.glob("seed1/natural/checkpoints/*.json")) and not (tmp_path / "seed0").exists()


@pytest.mark.exhaustive  # The same with the sweep that the script calls.
def test_the_slurm_script_runs_its_index_to_the_signal(tmp_path):
    _, task = slurm_job(tmp_path, "--overrides=--steps=100000,--width=0.25,--checkpoint_every=20")
    wait_for(tmp_path, "seed1/natural/checkpoints/*.json", task)
    task.send_signal(signal.SIGUSR1)
    assert task.wait() == 143
    assert (tmp_path / "asked").read_text() == "requeue 77_1\n"
    assert "which is saved" in (tmp_path / "log").read_text()
    assert not (tmp_path / "seed0").exists()


def test_the_help_explains_every_flag(capsys):
    assert sweep.main(["sweep", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("--set", "--only", "sweep.sbatch", "launch.compare", "--status"))


if __name__ == "__main__":
    run_tests(__file__)

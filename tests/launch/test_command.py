"""The command `tfrobust VERB`: the verbs in any folder, called by that name in all that they say."""

import json
import os
import sys

import numpy as np
import pytest

from launch import audit, export, sweep
from launch.__main__ import run, verbs
from launch.command_line import program, verb
from tests import processes
from tests.helpers import ROOT, run_tests, shallow_network
from tfrobust import command, data
from tfrobust.errors import InputError

# What the script `tfrobust` of an installation does, on the sources of this repository.
CODE = """
import sys
sys.path.append(sys.argv.pop(1))
sys.argv[0] = "/usr/bin/tfrobust"
from tfrobust.command import main
main()
"""
CPU_SECONDS = 1.0  # TensorFlow alone takes more.


@pytest.fixture
def as_command(monkeypatch):
    """This process, as if it had been started as `tfrobust`."""
    monkeypatch.setattr(command, "_started", True)


def tfrobust(folder, *args, **options):
    return processes.run(["-c", CODE, ROOT, *args], cwd=folder, **options)


@pytest.mark.parametrize("asked", [[], ["--help"], ["-h"]])
def test_the_verbs_are_listed_at_once(asked, tmp_path):
    done = tfrobust(tmp_path, *asked, imported=processes.LIGHT)
    assert done.returncode == 0 and not done.stderr and done.seconds < CPU_SECONDS
    usage, _, *lines = done.stdout.splitlines()
    assert usage.startswith("usage: tfrobust VERB ") and [line.split()[0] for line in lines] == list(verbs())


def test_an_unknown_verb_is_one_line(tmp_path):
    for name, words in (("audti", "did you mean audit?"), ("xyzzy", "--help lists them"), ("--no", "--help lists")):
        done = tfrobust(tmp_path, name, "--help", imported=processes.LIGHT)
        assert done.returncode == 2 and not done.stdout and done.stderr.count("\n") == 1
        assert done.stderr.startswith(f"tfrobust: there is no verb {name!r}: ") and words in done.stderr


def test_a_verb_runs_in_an_empty_folder_on_tfrobusts_own_flagfiles(tmp_path):
    asked = ["train", "--flagfile=flags/digits/natural.flags", "--steps=1", "--width=0.25"]
    done = tfrobust(tmp_path, *asked, "--output=out")
    assert done.returncode == 0, done.stderr
    assert os.listdir(tmp_path) == ["out"] and json.loads((tmp_path / "out" / "run.json").read_text())


def test_a_verb_ends_with_its_own_exit_code_and_line(tmp_path):
    asked = ["sweep", "--rows=flags/digits/madry.flags,flags/none.flags", "--output=o"]
    done = tfrobust(tmp_path, *asked, imported=processes.LIGHT)
    assert (done.returncode, done.stderr) == (2, "sweep: no flagfile at flags/none.flags\n")


@pytest.mark.parametrize("name", verbs())
def test_the_help_of_a_verb_calls_every_verb_as_it_was_called(name, as_command, capsys):
    assert run(name, "--help") == 0
    text = capsys.readouterr().out
    assert f"usage: tfrobust {name} [" in text and f"    tfrobust {name}" in text
    assert "launch." not in text and "python -m" not in text


def test_without_the_command_help_is_that_of_a_clone(capsys):
    assert not command.started() and run("train", "--help") == 0
    assert "usage: python -m launch.train [" in capsys.readouterr().out


def test_what_is_refused_names_the_command(as_command, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    asked = ["sweep", "--rows=flags/digits/madry.flags", "--set=eps", "--output=o"]
    assert sweep.main(asked) == 2
    assert "a flag of tfrobust train" in capsys.readouterr().err


def test_the_name_of_a_file_is_no_verb(as_command):
    for text in ("no network at launch.keras", "runs/launch.train is there", "launch.train/x", "launch.trains"):
        assert program.spoken(text) == text
    assert program.spoken("see launch.train, launch.audit.") == "see tfrobust train, tfrobust audit."
    assert program.spoken("run python -m launch.VERB") == "run tfrobust VERB"


def test_a_report_says_the_command_that_repeats_it(as_command):
    given = ["--network=n.keras", "--data=digits", "--output=o"]
    parsed = verb.parse((audit.audit_flags.define,), ["audit", *given])
    assert audit._command(parsed) == " ".join(["tfrobust audit", *given])


def test_an_export_says_the_command_that_serves_it(as_command, tmp_path, capsys):
    shallow_network().save(tmp_path / "n.keras")
    asked = [f"--network={tmp_path}/n.keras", f"--output={tmp_path}/x/1", "--map_method=gradient"]
    assert export.main(["export", *asked]) == 0
    assert f"serve it: tfrobust serve --model={tmp_path}/x\n" in capsys.readouterr().out


def test_processes_and_job_files_start_the_command(as_command, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert program.words("memory") == [sys.executable, "-m", "tfrobust.command", "memory"]
    rows = ["--rows=flags/digits/madry.flags", f"--output={tmp_path}"]
    assert sweep.main(["sweep", *rows, "--write=slurm"]) == 0
    assert f"\n{sys.executable} -m tfrobust.command sweep --flagfile=" in (tmp_path / "sweep.sbatch").read_text()
    assert sweep.main(["sweep", *rows, "--write=kubernetes", "--image=i", "--volume=v"]) == 0
    assert "exec tfrobust sweep --flagfile=" in (tmp_path / "sweep.yaml").read_text()


@pytest.mark.parametrize("package", ["waitress", "werkzeug", "prometheus_client"])
def test_what_an_extra_would_bring_is_said_in_one_line(package, monkeypatch, capsys):
    def body(fv):
        __import__(package)

    monkeypatch.setitem(sys.modules, package, None)  # As if it were not installed.
    assert verb.run("serve", "", (), body, argv=["serve"]) == 2
    assert f"serve: {package} is not installed: it comes with tfrobust[serve]" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "something", None)
    with pytest.raises(ModuleNotFoundError):
        verb.run("serve", "", (), lambda fv: __import__("something"), argv=["serve"])


def test_data_sets_by_name_say_what_they_need(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(InputError, match=r"pip install 'tfrobust\[data\]'"):
        data.load("cifar10", str(tmp_path))
    np.savez(
        tmp_path / "own.npz",
        **{
            f"{k}_{s}": np.zeros((2, 4, 4), np.uint8)[(...,) + (0, 0) * (k == "y")]
            for k in "xy"
            for s in ("train", "test")
        },
    )
    assert data.load(str(tmp_path / "own.npz")).shape == (4, 4, 1) and data.load("digits").classes == 10


if __name__ == "__main__":
    run_tests(__file__)

"""What is written of the source: the commit of a clone, and no other repository's."""

import json
import os
import subprocess

import pytest

from tests.helpers import ROOT, run_tests
from tfrobust.experiments import provenance, training_run
from tfrobust.experiments.recipe import DataSpec, ModelSpec, Recipe
from tfrobust.objectives import make_objective
from tfrobust.training_spec import TrainingSpec


@pytest.fixture(autouse=True)
def not_asked_yet():
    """The commit, as in a new process."""
    provenance._commit.cache_clear()
    yield
    provenance._commit.cache_clear()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The module as it lies in an environment within somebody else's repository, which has a commit."""
    env = {"GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
    name = ["-c", "user.name=n", "-c", "user.email=e"]
    for args in (["init", "-q"], [*name, "commit", "-q", "--allow-empty", "-m", "theirs"]):
        subprocess.run(["git", *args], cwd=tmp_path, env=env, check=True)
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    (tmp_path / "provenance.py").touch()
    return tmp_path


@pytest.mark.skipif(not os.path.exists(os.path.join(ROOT, ".git")), reason="no clone")
def test_a_clone_says_its_commit():
    assert provenance.describe_source()["commit"]


def test_the_commit_of_the_repository_in_which_tfrobust_is_installed_is_not_its_own(elsewhere):
    assert provenance._git("describe", "--always") and provenance.describe_source()["commit"] is None


def test_a_machine_without_git_has_no_commit(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.describe_source()["commit"] is None


def test_a_process_says_the_commit_at_which_it_began(monkeypatch):
    """What it has imported stays the same when the clone goes to another."""
    monkeypatch.setattr(provenance, "_git", lambda *args: "first")
    assert provenance.describe_source()["commit"] == "first"
    monkeypatch.setattr(provenance, "_git", lambda *args: "later")
    assert provenance.describe_source()["commit"] == "first"


def test_a_run_says_the_commit_at_which_it_began(monkeypatch, tmp_path, eagerly):
    plan = TrainingSpec(steps=1, batch_size=8, learning_rates=[1e-3])
    recipe = Recipe("natural", DataSpec("digits"), ModelSpec("digits_cnn"), make_objective("natural"), plan)
    monkeypatch.setattr(provenance, "_git", lambda *args: "first")

    def another_commit(network, start):
        provenance._commit.cache_clear()
        monkeypatch.setattr(provenance, "_git", lambda *args: "later")
        return []

    training_run.train(recipe, recipe.data.read(), str(tmp_path), callbacks=another_commit)
    assert json.loads((tmp_path / "run.json").read_text())["commit"] == "first"


if __name__ == "__main__":
    run_tests(__file__)

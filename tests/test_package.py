"""What pip installs: the library, the command with all verbs and flagfiles, and nothing else at the top."""

import importlib.metadata
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.helpers import ROOT, run_tests, small_network

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no reader of pyproject.toml")
PROJECT = tomllib.loads(Path(ROOT, "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = ("tfrobust", "launch", "flags", "pyproject.toml", "setup.py", "README.md", "LICENSE")
# What the clone has and the package does without: what takes its place is a part of TensorFlow.
OF_THE_CLONE = {'tensorflow-addons>=0.23; python_version < "3.12"'}


def requirements(path):
    lines = Path(ROOT, path).read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def pinned(stack):
    """name -> version of the packages of a stack."""
    lines = requirements(f"constraints/{stack}.txt")
    return dict(re.fullmatch(r'([\w.-]+)==([\w.]+)(?:; python_version == "3\.\d+")?', line).groups() for line in lines)


def test_the_clone_needs_what_the_package_and_its_extras_need():
    extras = PROJECT["optional-dependencies"]
    wanted = {*PROJECT["dependencies"], *extras["serve"], *extras["data"]}
    assert requirements("requirements.txt") == wanted | OF_THE_CLONE
    assert requirements("tests/requirements.txt") == set(extras["dev"])


@pytest.mark.parametrize("stack, tensorflow, keras", [("keras2", "2.15.1", "2.15.0"), ("keras3", "2.21.0", "3.15.1")])
def test_every_requirement_has_one_tested_version_in_each_stack(stack, tensorflow, keras):
    versions = pinned(stack)
    assert (versions["tensorflow"], versions["keras"]) == (tensorflow, keras)
    for line in requirements("requirements.txt") | requirements("tests/requirements.txt"):
        requirement = re.match(r"[\w-]+", line)[0]
        if requirement != "tensorflow-addons" or stack == "keras2":
            assert requirement in versions, f"{requirement} has no version in constraints/{stack}.txt"


def test_these_tests_run_on_the_versions_of_their_stack():
    versions = pinned(f"keras{keras.__version__[0]}")
    for name in ("tensorflow", "keras"):
        assert importlib.metadata.version(name) == versions[name]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_says_that_an_interpreter_does_not_run(tmp_path):
    """As pyenv's shim of a version that is not chosen."""
    shim, environment = tmp_path / "python3.12", tmp_path / "environment"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    asked = ["make", "venv", f"PYTHON={shim}", f"VENV={environment}"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "choose a Python 3.10 or newer" in done.stdout and not environment.exists()


def test_the_version_is_one():
    import tfrobust

    citation = Path(ROOT, "CITATION.cff").read_text(encoding="utf-8")
    assert f'version = "{tfrobust.__version__}"' in Path(ROOT, "MODULE.bazel").read_text(encoding="utf-8")
    assert f"\nversion: {tfrobust.__version__}\n" in citation


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which a wheel of this repository was installed, without a word to the network."""
    pytest.importorskip("setuptools", reason="a wheel is built by setuptools")
    pytest.importorskip("pip", reason="a wheel is installed by pip")
    base = tmp_path_factory.mktemp("package")
    for name in SOURCES:  # A build leaves files beside its sources.
        source, ignored = Path(ROOT, name), shutil.ignore_patterns("__pycache__")
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, base / "clone" / name, **({"ignore": ignored} if source.is_dir() else {}))
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", base / "wheels", base / "clone")
    (wheel,) = (base / "wheels").glob("tfrobust-*.whl")
    pip("install", "--no-deps", "--no-index", "--target", base / "site", wheel)
    return base / "site"


def pip(*args):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def environment(site):
    """That of a user who has installed the wheel and has set nothing."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return {**env, "PYTHONPATH": str(site)}


def tfrobust(site, folder, *args):
    command = [sys.executable, site / "bin" / "tfrobust", *map(str, args)]
    return subprocess.run(command, cwd=folder, env=environment(site), capture_output=True, text=True, timeout=300)


@pytest.mark.exhaustive
def test_a_wheel_brings_the_library_and_the_command_and_no_other_name(installed, tmp_path):
    found = {path.name for path in installed.iterdir()}
    assert {name for name in found if not name.endswith(".dist-info")} == {"tfrobust", "bin"}
    assert (installed / "tfrobust" / "py.typed").exists()
    for suffix in ("*.flags", "*.py"):
        for top in ("flags", "launch"):
            own = installed / "tfrobust" / "_command_line" / top
            assert {p.relative_to(own) for p in own.rglob(suffix)} == {
                p.relative_to(Path(ROOT, top)) for p in Path(ROOT, top).rglob(suffix)
            }
    (about,) = importlib.metadata.distributions(name="tfrobust", path=[str(installed)])
    assert set(about.metadata.get_all("Provides-Extra")) == {"serve", "data", "dev"}
    assert not [line for line in about.requires if "extra" not in line and "==" in line]
    code = "import tfrobust, importlib.util as u; assert not u.find_spec('launch') and not u.find_spec('flags')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment(installed), check=True)


@pytest.mark.exhaustive
def test_the_command_audits_a_network_in_an_empty_folder(installed, tmp_path):
    small_network().save(tmp_path / "my.keras")
    x = np.random.RandomState(0).rand(20, 8, 8, 1).astype(np.float32)
    np.savez(tmp_path / "my.npz", x=x, y=np.arange(20) % 10)
    asked = ["--network=my.keras", "--data=my.npz", "--minutes=1", "--images=4", "--pixels=0..1", "--output=report"]
    done = tfrobust(installed, tmp_path, "audit", *asked)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report" / "audit.html").read_text(encoding="utf-8")
    assert "tfrobust audit --network=my.keras" in page and "python -m launch" not in page
    about = json.loads((tmp_path / "report" / "audit.json").read_text(encoding="utf-8"))["about"]
    assert about["commit"] is None, "an installation is no clone, whatever repository it lies in"
    if platform.machine().lower() in ("x86_64", "amd64"):
        assert about["versions"]["onednn"] is True


@pytest.mark.exhaustive
def test_the_command_sweeps_measures_and_is_stopped_in_an_empty_folder(installed, tmp_path):
    row = "--rows=flags/digits/natural.flags,flags/digits/sat.flags"
    swept = tfrobust(installed, tmp_path, "sweep", row, "--write=slurm", "--output=swept")
    script = (tmp_path / "swept" / "sweep.sbatch").read_text(encoding="utf-8")
    assert swept.returncode == 0 and " -m tfrobust.command sweep " in script
    small = ["--model=digits_cnn", "--image_size=8", "--channels=1", "--ig_steps=2", "--chunks=1"]
    measured = tfrobust(installed, tmp_path, "memory", *small)  # In a process that the verb starts.
    assert measured.returncode == 0 and "killed" not in measured.stdout, measured.stdout + measured.stderr
    asked = [
        "train",
        "--flagfile=flags/digits/natural.flags",
        "--steps=1000000",
        "--output=run",
        "--checkpoint_every=5",
    ]
    command = [sys.executable, installed / "bin" / "tfrobust", *asked]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(installed), stderr=subprocess.PIPE)
    try:
        while process.poll() is None and not list(tmp_path.glob("run/checkpoints/*.json")):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 143, said
    finally:
        process.kill()


if __name__ == "__main__":
    run_tests(__file__)

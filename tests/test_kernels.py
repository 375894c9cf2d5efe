"""What is in force on this processor, and what is said or refused on processors that this one is not."""

import logging
import os
import platform
import subprocess
import sys

import pytest
import tensorflow as tf

from tests.helpers import ROOT, run_tests, shallow_network
from tfrobust import kernels
from tfrobust.data import load, training_batches
from tfrobust.errors import InputError
from tfrobust.experiments.fingerprints import versions
from tfrobust.objectives import make_objective
from tfrobust.training import TrainingSpec, train

OLD = frozenset({"avx2", "fma"})
UNITS = frozenset({"avx2", "avx512f", "avx512_vnni", "avx512_bf16"})
on_x86 = pytest.mark.skipif(not kernels.is_x86(), reason="other processors are left as TensorFlow has them")


@pytest.fixture(autouse=True)
def said_nothing_yet():
    kernels.say_hint.cache_clear()
    yield
    kernels.say_hint.cache_clear()


def pretend(monkeypatch, flags, in_force, variable=None):
    monkeypatch.setattr(kernels, "is_x86", lambda: True)
    monkeypatch.setattr(kernels, "cpu_flags", lambda: flags)
    monkeypatch.setattr(kernels, "onednn", lambda: in_force)
    if variable is None:
        monkeypatch.delenv(kernels.VARIABLE, raising=False)
    else:
        monkeypatch.setenv(kernels.VARIABLE, variable)


@on_x86
def test_what_is_recorded_is_what_is_in_force_and_not_what_the_variable_says(monkeypatch):
    in_force = os.environ[kernels.VARIABLE] != "0"  # `tests` set it before TensorFlow was imported.
    monkeypatch.setenv(kernels.VARIABLE, "0" if in_force else "1")
    kernels.onednn.cache_clear()
    assert kernels.onednn() is in_force and versions()["onednn"] is in_force


@on_x86
def test_a_product_without_onednns_kernel_is_seen(monkeypatch):
    kernels.onednn.cache_clear()
    monkeypatch.setattr(tf.linalg, "matmul", tf.maximum)  # Which oneDNN does not compute.
    assert kernels.onednn() is False
    kernels.onednn.cache_clear()


@on_x86
@pytest.mark.exhaustive  # TensorFlow is imported for it; what the graph says is asked above.
@pytest.mark.parametrize("variable", ["0", "1"])
def test_the_other_way_is_seen_as_well(variable):
    if variable == os.environ[kernels.VARIABLE]:
        pytest.skip("this process is that way")
    code = "from tfrobust.kernels import onednn; print(onednn())"
    env = {**os.environ, kernels.VARIABLE: variable, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == str(variable == "1"), done.stderr


@on_x86
@pytest.mark.parametrize("given, expected", [(None, "1"), ("0", "0"), ("1", "1")])
def test_the_verbs_switch_them_on_unless_the_user_has_said(given, expected):
    env = {name: value for name, value in os.environ.items() if name != kernels.VARIABLE}
    env.update({kernels.VARIABLE: given} if given else {})
    code = f"import os, sys, launch; print(os.environ[{kernels.VARIABLE!r}], 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [expected, "False"], done.stderr


def test_the_library_leaves_the_variable_alone():
    env = {name: value for name, value in os.environ.items() if name != kernels.VARIABLE}
    code = f"import os, tfrobust.names, tfrobust.kernels; print(os.environ.get({kernels.VARIABLE!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "None", done.stderr


def test_a_graph_of_its_own_leaves_the_one_around_it_alone():
    kernels.onednn.cache_clear()
    with tf.Graph().as_default() as graph:
        kernels.onednn()
        assert not graph.get_operations()
    assert tf.executing_eagerly() and float(tf.constant(1.0) + 1) == 2


def test_a_hint_is_given_once_where_a_long_run_starts(monkeypatch, caplog, eagerly):
    pretend(monkeypatch, OLD, in_force=False)
    digits = load("digits")
    spec, batches = TrainingSpec(1, 4, (0.1,)), lambda start, *part: training_batches(digits, 4, 0, start)
    with caplog.at_level(logging.WARNING, "tfrobust"):
        for _ in range(2):
            train(shallow_network(), make_objective("natural"), batches, 4, spec)
    (record,) = caplog.records
    assert f"{kernels.VARIABLE}=1" in record.getMessage() and "\n" not in record.getMessage()


@pytest.mark.parametrize(
    "flags, in_force, variable",
    [
        (UNITS, False, None),  # TensorFlow would have switched them on: there are none in this build.
        (OLD, True, "1"),
        (OLD, False, "0"),  # The user did.
        (None, False, None),  # Nobody knows.
    ],
)
def test_no_hint_is_given_where_it_would_not_help(monkeypatch, flags, in_force, variable):
    pretend(monkeypatch, flags, in_force, variable)
    assert kernels.hint() is None


def test_a_variable_that_came_too_late_is_hinted_at(monkeypatch):
    pretend(monkeypatch, OLD, in_force=False, variable="1")
    assert "before TensorFlow is imported" in kernels.hint()


def test_other_processors_are_left_alone(monkeypatch):
    pretend(monkeypatch, OLD, in_force=False)
    monkeypatch.setattr(kernels, "is_x86", lambda: False)
    assert kernels.hint() is None
    kernels.check_precision("bfloat16")


@pytest.mark.parametrize("name, x86", [("x86_64", True), ("AMD64", True), ("aarch64", False), ("arm64", False)])
def test_processors_are_told_apart(monkeypatch, name, x86):
    monkeypatch.setattr(platform, "machine", lambda: name)
    assert kernels.is_x86() is x86


@pytest.mark.parametrize("precision", ["bfloat16", "bfloat16_attack"])
def test_bfloat16_is_refused_where_it_would_be_slower(monkeypatch, precision):
    pretend(monkeypatch, OLD, in_force=True)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: [])
    spec = TrainingSpec(1, 4, (0.1,), precision=precision)
    with pytest.raises(InputError, match="no bfloat16 units"):
        train(shallow_network(), make_objective("natural"), None, 4, spec)
    kernels.check_precision("float32")


@pytest.mark.parametrize("flags", [OLD | {"avx512_bf16"}, OLD | {"amx_bf16"}, None])
def test_bfloat16_is_taken_where_the_units_are_or_nobody_knows(monkeypatch, flags):
    pretend(monkeypatch, flags, in_force=True)
    kernels.check_precision("bfloat16")


@pytest.mark.parametrize("device", ["GPU", "TPU"])
def test_bfloat16_is_taken_where_an_accelerator_is(monkeypatch, device):
    pretend(monkeypatch, OLD, in_force=True)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: [device] if kind == device else [])
    kernels.check_precision("bfloat16")


def test_flags_are_words():
    flags = kernels.cpu_flags()
    assert flags is None or (flags and all(flag and " " not in flag for flag in flags))


if __name__ == "__main__":
    run_tests(__file__)

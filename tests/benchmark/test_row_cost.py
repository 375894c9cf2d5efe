"""What a row costs: operations counted at its full size, steps of its plan, seconds of a step, and their table."""

import functools
from dataclasses import replace

import pytest

from flags import recipe_flags
from tests.helpers import run_tests, shallow_network
from tfrobust.benchmark import cost_table, row_cost
from tfrobust.benchmark.cost_table import Costed
from tfrobust.benchmark.row_cost import affordable_images, costed_row, count_row, measure_row

FEW = "digits/ig_norm", "--attack_steps=1"


@pytest.fixture
def one_convolution(monkeypatch):
    """In the place of a row's network: what is counted here grows with any network."""
    monkeypatch.setattr(row_cost, "new_network", lambda recipe, data: shallow_network())


def row(name, *overrides):
    return costed_row(recipe_flags.read(f"flags/{name}.flags", overrides))


@functools.cache
def operations(*args):
    return count_row(row(*args))["operations"]


def test_steps_are_those_of_the_plan():
    assert row("rar/mnist/ig_sum_norm").steps == 100000
    own = row("art/cifar10/art")  # 100 epochs of 50,000 images in batches of 256.
    assert (own.shape, own.classes, own.steps) == ((32, 32, 3), 10, round(100 * 50000 / 256))
    assert row("art/gtsrb/art").images == 43 * 10000  # Classes are filled up.
    assert row("sat/tiny_imagenet/natural").shape == (32, 32, 3)  # They are resized.


def test_what_is_trained_before_is_said():
    assert row("far/cifar10/aat").needs == "natural"
    own = row("sat/cifar10/pgd_sat_gbp_resnet10_adv")
    assert own.needs == "a teacher" and own.sources == 1


def test_rows_that_differ_in_numbers_alone_cost_the_same():
    key = row("digits/ig_norm").key()
    assert row("digits/ig_norm", "--eps=0.07", "--seed=3", "--learning_rates=1e-5", "--boundaries=").key() == key
    for flag in ("--ig_steps=7", "--batch_size=7", "--width=0.5", "--steps=7"):
        assert row("digits/ig_norm", flag).key() != key, flag


@pytest.mark.exhaustive
def test_counted_operations_grow_with_points(one_convolution):
    first, second, third = (operations(*FEW, f"--ig_steps={m}") for m in (2, 4, 6))
    assert third - second == second - first > 0


def test_counted_operations_grow_with_steps(one_convolution):
    first, second, third = (operations("digits/madry", f"--attack_steps={n}") for n in (1, 2, 3))
    assert third - second == second - first > 0


def test_a_chunk_changes_nothing_that_is_counted(one_convolution):
    """Nor is it forgotten that points cost something."""
    assert operations(*FEW, "--ig_steps=4", "--chunk=2") == operations(*FEW, "--ig_steps=4")
    assert operations(*FEW, "--ig_steps=4") > operations(*FEW, "--ig_steps=2")


@pytest.mark.parametrize(
    "given",
    [pytest.param(["digits/natural"], marks=pytest.mark.exhaustive), ["digits/sat"], FEW],
    ids=lambda given: given[0],
)
def test_a_step_and_the_pipeline_are_measured(given, one_convolution):
    own = row(*given, "--batch_size=8")
    found = measure_row(own, 4, 1, 1e9)
    assert found["images"] == 4 and found["seconds"] > 0 < found["pipeline"] and found["bytes"] > 1e8


def test_as_many_images_as_time_and_memory_allow():
    own, counted = row("digits/natural"), {"operations": 50e9, "bytes": 1e6}  # 10^9 for an image, of a batch of 50.
    assert affordable_images(own, counted, memory=1e9, longest=60, rate=1e9) == 50
    assert affordable_images(own, counted, memory=1e9, longest=6, rate=1e9) == 6
    assert affordable_images(own, counted, memory=3e6, longest=60, rate=1e9) == 3
    assert affordable_images(own, counted, memory=1e9, longest=0.5, rate=1e9) == 0


def test_the_table():
    own = row("digits/natural", "--steps=3600")
    counted = {"operations": 1e12, "bytes": 1.0}
    found = {"seconds": 2.0, "images": 25, "pipeline": 0.01, "bytes": 1e9}
    costed = [Costed("digits/natural", own, counted, found, alike=3), Costed("rar/mnist/madry", own, counted)]
    first, second = cost_table.table_rows(costed, teraflops=10.0)
    assert (first["cpu_hours"], first["pipeline_share"], first["total"]) == (2.0, 0.005, 3.6)
    assert first["gpu_hours"] == second["gpu_hours"] == pytest.approx(0.1) and "cpu_hours" not in second
    groups = cost_table.group_rows(costed, teraflops=10.0)
    assert groups[0] == {
        "group": "digits",
        "alike": 3,
        "total": pytest.approx(10.8),
        "cpu_hours": 6.0,
        "gpu_hours": pytest.approx(0.3),
    }
    assert "cpu_hours" not in groups[1]
    about = {"versions": {"onednn": True}, "units": "", "date": "today"}
    assert "CPU-hours: the seconds" in cost_table.text(costed, 10.0, about)
    counted_alone = [replace(each, measured=None) for each in costed]
    assert "CPU-hours" not in cost_table.text(counted_alone, 10.0, about)


if __name__ == "__main__":
    run_tests(__file__)

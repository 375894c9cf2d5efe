"""Fits of known growth, points of a plan, operations that grow as they should, and what the table says."""

import functools
from dataclasses import replace

import keras
import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.benchmark import growth, growth_table
from tfrobust.benchmark.fits import fit_growth
from tfrobust.benchmark.growth import measure_point, step_function
from tfrobust.benchmark.growth_plan import AXES, Point, plan_points, size_of
from tfrobust.benchmark.operations import count_operations
from tfrobust.errors import InputError

TINY = Point(path_points=2, attack_steps=1, batch=4, side=8, width=0.1, iterations=2)
RANGES = {"path_points": [1, 2, 4], "attack_steps": [1, 2], "batch": [2, 4], "side": [8, 12], "replicas": [1, 2]}
RANGES["images"] = [1, 2]
N = [1, 2, 4, 8]


def test_an_exact_line():
    fit = fit_growth(N, [3 + 0.5 * n for n in N])
    assert [fit.start, fit.slope] == pytest.approx([3, 0.5])
    assert fit.off_line < 1e-12 < fit.off_power


def test_an_exact_square():
    fit = fit_growth(N, [7 * n**2 for n in N])
    assert fit.exponent == pytest.approx(2)
    assert fit.off_power < 1e-12 < fit.off_line


def test_the_distance_from_a_fit_is_a_share():
    fit = fit_growth([1, 2, 3], [2, 1, 2])  # The line is level, at 5/3.
    assert [fit.start, fit.slope, fit.off_line] == pytest.approx([5 / 3, 0, 2 / 3], abs=1e-12)


def test_a_plan_changes_one_thing_at_a_time():
    base, points = plan_points(RANGES, list(AXES), width=0.1)
    assert base == Point(path_points=2, attack_steps=2, batch=4, side=12, width=0.1)
    assert [point.path_points for point in points["path_points"]] == [1, 2, 4]
    for name, own in points.items():
        assert {replace(point, **{name: getattr(base, name)}) for point in own} == {base}
    assert [size_of(point, AXES["side"]) for point in points["side"]] == [64, 144]


@pytest.mark.parametrize(
    "against, changed, words",
    [
        ("magic", {}, "axis"),
        ("batch", {"batch": [4, 4]}, "two different"),
        ("batch", {"batch": [0, 4]}, "1 or more"),
        ("replicas", {"replicas": [1, 8]}, "cannot share"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(against, changed, words):
    with pytest.raises(InputError, match=words):
        plan_points({**RANGES, **changed}, [against])


@pytest.fixture
def one_convolution(monkeypatch):
    """In the place of the MNIST network: what is measured here is that of any network."""

    def network(point):
        inputs = keras.Input((point.side, point.side, growth.CHANNELS))
        h = keras.layers.Activation("relu")(keras.layers.Conv2D(4, 3)(inputs))
        return keras.Model(inputs, keras.layers.Dense(growth.CLASSES)(keras.layers.Flatten()(h)))

    monkeypatch.setattr(growth, "_network", network)


def operations(**changed):
    return operations_of(replace(TINY, **changed))


@functools.cache
def operations_of(point):
    return count_operations(step_of(point))


@functools.cache
def step_of(point):
    """The step of a point, traced once for this file, on a network of one convolution."""
    x = np.random.RandomState(0).rand(point.batch, point.side, point.side, 1).astype(np.float32)
    keras.utils.set_random_seed(0)
    return step_function(point, x, np.arange(point.batch, dtype=np.int32))


@pytest.mark.parametrize(
    "name, values",  # TINY is among each three.
    [
        ("path_points", (1, 2, 3)),
        pytest.param("attack_steps", (1, 2, 3), marks=pytest.mark.exhaustive),
        pytest.param("batch", (3, 4, 5), marks=pytest.mark.exhaustive),
    ],
)
def test_counted_operations_are_a_line(name, values, one_convolution):
    first, second, third = (operations(**{name: n}) for n in values)
    assert third - second == second - first > 0


def test_counted_operations_grow_with_steps_and_images(one_convolution):
    more = replace(TINY, attack_steps=2)
    assert operations_of(TINY) < operations_of(more) < operations_of(replace(more, batch=5))


@pytest.mark.parametrize("changed", [{}, {"images": 2}, {"replicas": 2}], ids=["step", "evaluation", "replicas"])
def test_a_point_is_measured(changed, one_convolution, monkeypatch):
    monkeypatch.setattr(growth, "step_function", lambda point, x, y: step_of(point))
    found = measure_point(replace(TINY, **changed), rounds=2)
    assert found["median"] > 0 and found["spread"] >= 0 and 1e8 < found["bytes"] < 1e11
    assert (found["operations"] is not None) == (not changed)


def test_replicas_share_the_batch(one_convolution):
    """The loss is that of the whole batch, whatever the replicas."""
    losses = [float(step_of(replace(TINY, replicas=replicas))()) for replicas in (1, 2)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def found(seconds):
    return {"median": seconds, "spread": 0.01, "bytes": 2**30, "operations": 4e9}


def test_the_table_has_points_and_fits(tmp_path):
    base, points = plan_points({**RANGES, "batch": [2, 4, 8]}, ["batch"])
    measured = {"batch": [(point, found(1 + point.batch)) for point in points["batch"]]}
    about = {"versions": {"onednn": True}, "units": "", "date": "today", "rounds": 3}
    text = growth_table.text(measured, base, about)
    assert "| images of a batch | seconds            | 1 s + 1 s n" in text and "killed" not in text
    assert "m = 2 (descent and inner attack)" in text
    fits = growth_table.plain(measured)["fits"]["batch"]
    assert fits["seconds"]["slope"] == pytest.approx(1) and fits["peak memory"]["exponent"] == pytest.approx(0)
    for ending in ("png", "svg"):
        growth_table.draw(measured, str(tmp_path / f"growth.{ending}"))
        assert (tmp_path / f"growth.{ending}").stat().st_size > 1000
    killed = {"batch": [*measured["batch"][:1], (points["batch"][1], None)]}
    assert "killed" in growth_table.text(killed, base, about) and not growth_table.fits_of(killed)


if __name__ == "__main__":
    run_tests(__file__)

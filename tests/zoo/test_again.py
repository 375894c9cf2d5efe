"""A recorded evaluation that is run again on the file gives the recorded numbers again."""

import os
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers import run_tests
from tests.zoo import made
from tfrobust import data
from tfrobust.errors import InputError
from tfrobust.zoo import evaluate_again


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return made.release(tmp_path_factory.mktemp("again"))


@pytest.fixture(scope="module")
def record():
    return made.index().named(made.NAME).evaluations[0]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder in which these batches are evaluated once."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def again(release, eagerly):
    """A call of evaluate_again with the network of the record."""
    return lambda record, folder, **more: evaluate_again(
        os.path.join(release, f"{made.NAME}.keras"), record, str(folder), **more
    )


def test_the_numbers_come_out_again(again, record, kept):
    found = again(record, kept)
    assert len(found.numbers) > 20 and not found.missing and not found.outside
    assert {each.difference for each in found.numbers} == {0.0}
    assert {each.task for each in found.numbers} >= {"natural", "PGD", "IFIA top-k", "auto"}


def test_a_number_outside_its_interval_and_one_that_is_not_there_are_told(again, record, kept):
    scores = {**record.scores, "natural": {"accuracy": {"mean": 0.9, "low": 0.8, "high": 0.95}}}
    scores["more"] = {"kendall": {"mean": 0.5, "low": 0.4, "high": 0.6}}
    found = again(replace(record, scores=scores), kept)
    (outside,) = found.outside
    assert (outside.task, outside.measure, outside.recorded) == ("natural", "accuracy", 0.9)
    assert outside.difference == pytest.approx(record.scores["natural"]["accuracy"]["mean"] - 0.9)
    assert found.missing == ["more: kendall"]


def test_other_images_are_refused(again, record, kept, tmp_path):
    digits = data.load("digits")
    splits = {f"{name}_{split}": getattr(digits, f"{name}_{split}") for name in "xy" for split in ("train", "test")}
    np.savez(tmp_path / "same.npz", **splits)
    np.savez(tmp_path / "other.npz", **{**splits, "x_test": splits["x_test"][::-1]})
    assert not again(record, kept, dataset=str(tmp_path / "same.npz")).outside
    with pytest.raises(InputError, match=r"evaluation auto was made on other images than .*other.npz has here"):
        again(record, tmp_path, dataset=str(tmp_path / "other.npz"))


@pytest.mark.parametrize("name", ["birds.npz", "../birds", "/etc", 3, None])
def test_images_of_somebodys_own_have_to_be_given(again, record, tmp_path, name):
    with pytest.raises(InputError, match=r"is of images of their own .*give them with --dataset"):
        again(replace(record, data={**record.data, "name": name}), tmp_path)


@pytest.mark.parametrize(
    "suite, why",
    [
        ({"predictions": {"PGD": {"kind": "system", "command": "x"}}}, "unknown kind of spec 'system'"),
        ({"predictions": {"PGD": {"kind": "Pgd", "eps": 0.1, "steps": 1, "step_size": 1, "x": 1}}}, "has no setting x"),
        ({"predictions": {"PGD": {"kind": "Pgd", "eps": -1, "steps": 1, "step_size": 1}}}, "eps"),
        ({"predictions": {"PGD": {"kind": "Pgd"}}}, "Pgd cannot be made of its settings"),
        ({"examples": -1}, "examples of a suite must be a whole number"),
    ],
)
def test_settings_that_are_not_known_are_refused_before_the_network_is_loaded(record, tmp_path, suite, why):
    with pytest.raises(InputError, match=why):
        evaluate_again(str(tmp_path / "none"), replace(record, suite={**record.suite, **suite}), str(tmp_path))


if __name__ == "__main__":
    run_tests(__file__)

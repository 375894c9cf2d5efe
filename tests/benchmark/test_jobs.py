"""The sides of the jobs do the same work: this project, the static graph, Keras, SciPy."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers import run_tests, without_graphs
from tfrobust.benchmark import map_jobs
from tfrobust.benchmark.attack_jobs import peer_arrays
from tfrobust.benchmark.jobs import OURS
from tfrobust.benchmark.run import make_jobs, run_jobs
from tfrobust.benchmark.setting import make_setting
from tfrobust.benchmark.sizes import Sizes
from tfrobust.data import to_unit
from tfrobust.data.digits import digits
from tfrobust.errors import InputError

SIZES = Sizes(
    width=0.1,
    pretraining=2,
    images=3,
    batch=4,
    attack_steps=2,
    path_points=3,
    attack_points=2,
    map_points=3,
    pgd_steps=2,
    ifia_images=2,
    ifia_steps=2,
    side=12,
    maps=2,
    epoch=12,
    audit_images=1,
)


@pytest.fixture(scope="module")
def setting():
    data = digits()
    with without_graphs():
        return make_setting(to_unit(data.x_train[:100]), data.y_train[:100], SIZES)


@pytest.mark.parametrize("kind", ["step", "natural", "ifia", "kendall"])
def test_the_sides_agree(kind, setting):
    for each in run_jobs(make_jobs([kind], setting, None), rounds=1):
        assert each.others and not any(each.differences.values()), each.differences
        assert all(each.seconds(side) > 0 for side in each.times)
        assert (each.operations or 0) > 0 or kind in ("natural", "ifia", "kendall")


def test_a_difference_is_found(setting):
    """Otherwise the test above would hold whatever is computed."""
    attack, descent = make_jobs(["step"], setting, None)
    x, other = np.zeros((2, 8, 8, 1)), np.zeros((2, 8, 8, 1))
    other[0] = 1e-3
    assert attack.agree({"x_adv": x}, {"x_adv": x}) is None
    assert "of x_adv agree" in attack.agree({"x_adv": x}, {"x_adv": other})
    ours = {"loss": np.array(1.0), "gradient_norm": np.array(1.0)}
    assert descent.agree(ours, ours) is None
    for name in ours:
        assert name in descent.agree(ours, {**ours, name: np.array(1.01)})


@pytest.mark.exhaustive
def test_a_side_that_does_something_else_is_found(setting):
    one = make_jobs(["step"], setting, None)[0]
    another = make_jobs(["step"], make_setting(setting.x, setting.y, replace(SIZES, pretraining=0), seed=1), None)[0]
    ours, theirs = one.sides[OURS]().arrays, another.sides["static graph"]().arrays
    assert "of x_adv agree" in one.agree(ours, theirs)


def test_what_a_process_of_other_libraries_is_given(setting):
    given = peer_arrays(setting)
    assert len([name for name in given if name.startswith("w")]) == 8 and given["threads"] >= 1
    assert given["x"].shape == (3, 8, 8, 1) and given["x"].dtype == np.float32 and len(given["y"]) == 3


def test_an_audit_in_a_folder_that_has_none_is_said(setting, tmp_path):
    (tmp_path / "tfrobust.py").write_text("")
    job = map_jobs.audit_jobs(setting, str(tmp_path))[0]
    assert list(job.sides) == [OURS, map_jobs.EARLIER]
    with pytest.raises(InputError, match=r"the audit in .* failed: .*tfrobust"):
        job.sides[map_jobs.EARLIER]()


def test_too_few_images_are_said(setting):
    with pytest.raises(InputError, match="give --epoch"):
        make_setting(setting.x[:5], setting.y[:5], SIZES)


if __name__ == "__main__":
    run_tests(__file__)

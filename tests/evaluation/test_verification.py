"""Verification of attacked images: closed forms, the files of an evaluation, and what is refused."""

import numpy as np
import pytest

from tests.helpers import images, linear_network, run_tests, shallow_network, without_graphs
from tfrobust.attacks import Ifia, Pgd, SoftKendall, TopK
from tfrobust.attributions import make_map
from tfrobust.evaluation import MapTask, Suite, evaluate
from tfrobust.evaluation.attacked_images import read_attacked, write_attacked
from tfrobust.evaluation.verification import distances, verify
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

EPS = 0.1
SPEC, OF = make_map("gradient_x_input"), Comparison(k=2)
W = np.zeros((2, 2, 1, 2))
W[..., 0, 0] = [[1, 2], [3, 4]]
NETWORK = linear_network(W)
X = np.full((4, 2, 2, 1), 0.5, np.float32)  # x * w = 0.5, 1, 1.5, 2: the class is 0 and the order of the map known.
Y = np.zeros(4, int)


def handed(v):
    """Four images: the first as it was, the others moved by v [2,2], the last with another label."""
    x_adv = X + np.asarray(v, np.float32)[..., None]
    x_adv[0] = X[0]
    return x_adv


def test_what_counts_and_what_it_lowers_in_closed_form():
    v = [[0.1, -0.1], [0.1, -0.1]]  # x * w = 0.6, 0.8, 1.8, 1.6: one pair of six has changed places.
    y = np.array([0, 0, 0, 1])
    bound = {"kendall": np.array([1.0, 0.9, 0.1, 1.0]), "spearman": np.ones(4), "top_k_intersection": np.ones(4)}
    found = verify(NETWORK, X, handed(v), y, eps=EPS, spec=SPEC, comparison=OF, bound=bound)
    assert found.moved.tolist() == [False, True, True, True] and found.right.tolist() == [True, True, True, False]
    assert found.counted.tolist() == [False, True, True, False]
    np.testing.assert_allclose(found.scores["kendall"], [1, 2 / 3, 2 / 3, 1])
    row = {row["measure"]: row for row in found.rows()}["kendall"]
    assert row["images"] == 1 and row["of"] == 4
    np.testing.assert_allclose(row["lowered"], (0.9 - 2 / 3) / 4)
    np.testing.assert_allclose([row["before"], row["after"]], [0.75, 0.75 - (0.9 - 2 / 3) / 4])
    assert found.as_dict()["counted"] == 2 and len(found.records()) == 4
    np.testing.assert_allclose(found.distance, [0, 0.1, 0.1, 0.1], atol=1e-6)


def test_distances():
    x_adv = X.copy()
    x_adv[1, 0, :, 0] += [0.3, -0.4]
    np.testing.assert_allclose(distances(X, x_adv, "l2"), [0, 0.5, 0, 0], atol=1e-6)
    np.testing.assert_allclose(distances(X, x_adv, "linf"), [0, 0.4, 0, 0], atol=1e-6)


REFUSED = {
    "outside": ({"x_adv": handed(np.full((2, 2), 0.2))}, "3 of 4 .* outside the linf ball of eps 0.1, .* at 0.2"),
    "outside in l2": ({"x_adv": handed(np.full((2, 2), 0.1)), "norm": "l2"}, "outside the l2 ball"),
    "other numbers": ({"x_adv": X[1:]}, "give one for each"),
    "NaN": ({"x_adv": handed(np.full((2, 2), np.nan))}, "NaN"),
    "bytes": ({"x_adv": 255 * X}, "divide by 255"),
    "k": ({"comparison": Comparison(k=5)}, "k = 5"),
    "labels": ({"y": Y[1:]}, "labels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(name):
    wrong, words = REFUSED[name]
    given = {"x": X, "x_adv": handed(np.zeros((2, 2))), "y": Y, "eps": EPS, "spec": SPEC, "comparison": OF, **wrong}
    with pytest.raises(InputError, match=words) as refusal:
        verify(NETWORK, **given)
    assert "\n" not in str(refusal.value)


def test_rounding_is_no_step_out_of_the_ball():
    x_adv = np.float32(X) + np.float32(0.1)
    assert verify(NETWORK, X, x_adv, Y, eps=0.1, spec=SPEC, comparison=OF).counted.all()


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """(network, result, files) of an evaluation with two attacks on maps."""
    network, (x, y) = shallow_network(), images(12)
    x, y = np.asarray(x), np.argmax(network(x), axis=1)
    ifia = Ifia(0.3, 3, 0.1, goal=TopK(8))
    other = Ifia(0.3, 3, 0.1, goal=SoftKendall(), random_start=True)
    tasks = {f"{own.goal.name}/ on IG": MapTask(make_map(steps=4), own, Comparison(k=8)) for own in (ifia, other)}
    suite = Suite.of_one(Pgd(0.3, 1, 0.3), tasks["IFIA top-k/ on IG"], attributions=tasks)
    with without_graphs():
        result = evaluate(network, x, y, suite)
    return network, result, write_attacked(str(tmp_path_factory.mktemp("kept")), result, "me")


def test_what_an_evaluation_keeps_is_what_it_measured(evaluated):
    network, result, files = evaluated
    assert len(files) == 2
    for (name, maps), path in zip(result.maps.items(), files):
        kept = read_attacked(path)
        assert kept.about["network"] == "me" and kept.about["task"] == name and kept.comparison == Comparison(k=8)
        assert kept.map == result.suite.attributions[name].map
        ball = {"eps": kept.about["eps"]}
        found = verify(network, kept.x, kept.x_adv, kept.y, spec=kept.map, comparison=kept.comparison, **ball)
        for measure in ("kendall", "top_k_intersection"):
            np.testing.assert_allclose(found.scores[measure], maps.scores[measure], atol=0.02)
        assert np.array_equal(found.counted, maps.counted)


def test_the_images_of_one_attack_lower_the_bound_of_the_other_as_their_scores_say(evaluated):
    network, _, files = evaluated
    a, b = (read_attacked(path) for path in files)
    found = verify(network, a.x, b.x_adv, a.y, eps=0.3, spec=a.map, comparison=a.comparison, bound=a.scores)
    row = {row["measure"]: row for row in found.rows()}["kendall"]
    want = np.mean(a.scores["kendall"] - np.minimum(a.scores["kendall"], b.scores["kendall"]))
    np.testing.assert_allclose(row["lowered"], want, atol=0.02)


def test_files_that_cannot_be_used_are_refused(tmp_path):
    def refused(words, **arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(InputError, match=words):
            read_attacked(str(tmp_path / "a.npz"))

    refused("must hold x_adv", x=X)
    refused("one x_adv for each x", x=X, x_adv=X[1:])
    refused("must be images", x_adv=X[0, 0, 0])
    np.savez(tmp_path / "a.npz", x_adv=np.full((2, 4, 4), 255, np.uint8))
    assert read_attacked(str(tmp_path / "a.npz")).x_adv.tolist() == np.ones((2, 4, 4, 1)).tolist()


if __name__ == "__main__":
    run_tests(__file__)

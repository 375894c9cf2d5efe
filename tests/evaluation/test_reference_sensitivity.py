"""How far maps depend on their reference: closed forms on a linear network, and where a suite says it."""

import json

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from tests.helpers import linear_network, run_tests, shallow_network
from tfrobust import similarity
from tfrobust.attacks import Squares
from tfrobust.attributions import make_map, saliency_map
from tfrobust.evaluation import MapTask, Suite, evaluate
from tfrobust.evaluation.reference_sensitivity import (
    MEASURES,
    REFERENCES,
    ReferenceSensitivity,
    other_choices,
    reference_images,
    reference_sensitivity,
)
from tfrobust.names import RULES
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

X = np.random.RandomState(0).rand(10, 6, 8, 1).astype(np.float32)
Y = (np.arange(10) % 4).astype(np.int32)
W = np.random.RandomState(1).randn(6, 8, 1, 4).astype(np.float32)
OF = Comparison(k=6)
MAPS = {"ig": make_map(steps=4), "gradient": make_map("gradient")}
RULE_AND_POINTS = {*(f"rule {rule}" for rule in RULES if rule != "right"), "2 points", "10 points"}


def by_hand(reference, signed):
    """Maps of Integrated Gradients of a linear network, w (x - b)."""
    a = (np.moveaxis(W, -1, 0)[Y] * (X - reference))[..., 0]
    return a if signed else np.abs(a)


@pytest.mark.parametrize("signed, baseline", [(False, 0.0), (True, 0.5)])
def test_on_a_linear_network_references_are_compared_by_their_formula_and_paths_change_nothing(
    signed, baseline, eagerly
):
    spec = make_map(steps=5, baseline=baseline, signed=signed)
    found = reference_sensitivity(linear_network(W), X, Y, spec, OF, batch_size=4)
    own = {0.0: "black", 0.5: "grey"}[baseline]
    assert set(found.others) == {*REFERENCES, *RULE_AND_POINTS} - {own}
    references = {name: b.numpy() for name, b in reference_images(tf.constant(X)).items()}
    a = by_hand(baseline, signed)
    for name in set(REFERENCES) - {own}:
        b = by_hand(references[name], signed)
        want = {
            "top_k_intersection": similarity.top_k_intersection(a, b, OF.k, OF.ties),
            "kendall": similarity.kendall(a, b, OF.ties),
            "spearman": similarity.spearman(a, b, OF.ties),
        }
        for measure in MEASURES:
            np.testing.assert_allclose(found.scores[name, measure], want[measure], atol=0.01, err_msg=name)
        assert want["kendall"].mean() < 0.95
    for name in RULE_AND_POINTS:
        assert all(np.abs(found.scores[name, measure] - 1).max() < 1e-2 for measure in MEASURES), name


def test_the_least_alike_is_the_minimum_and_says_which():
    scores = {("a", "kendall"): [0.5, 0.9, 0.2], ("b", "kendall"): [0.6, 0.1, 0.2]}
    scores |= {(other, measure): [1.0, 1.0, 1.0] for other in "ab" for measure in MEASURES if measure != "kendall"}
    found = ReferenceSensitivity({key: np.array(values) for key, values in scores.items()})
    assert found.least("kendall").tolist() == [0.5, 0.1, 0.2]
    assert found.least_alike("kendall").tolist() == ["a", "b", "a"]
    rows = {row["with"]: row for row in found.rows()}
    assert rows["a"]["kendall"] == pytest.approx(1.6 / 3) and rows["a"]["least_kendall"] == pytest.approx(2 / 3)
    again = ReferenceSensitivity.from_arrays(found.arrays())
    assert all(np.array_equal(again.scores[key], found.scores[key]) for key in scores)


def test_references_are_what_their_names_say():
    x = tf.constant(np.random.RandomState(0).rand(2, 16, 12, 3), tf.float32)
    found = reference_images(x)
    assert {name: float(tf.reduce_max(found[name])) for name in ("black", "grey", "white")} == {
        "black": 0.0,
        "grey": 0.5,
        "white": 1.0,
    }
    mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
    np.testing.assert_allclose(found["mean"], np.broadcast_to(mean, x.shape), atol=1e-6)
    blurred = ndimage.gaussian_filter(x.numpy(), (0, 1.5, 1.5, 0), mode="nearest", truncate=5 / 1.5)
    np.testing.assert_allclose(found["blurred"], blurred, atol=1e-5)


def test_occlusion_has_other_references_and_no_path_and_a_gradient_has_none(eagerly):
    network = shallow_network()
    x = np.random.RandomState(0).rand(4, 8, 8, 1).astype(np.float32)
    spec = make_map("occlusion")
    assert set(other_choices(spec)) == set(REFERENCES) - {"black"}
    found = reference_sensitivity(network, x, Y[:4], spec, OF, chunk=2)
    a, b = (saliency_map(network, each, x, Y[:4]).numpy() for each in (spec, make_map("occlusion", baseline=1.0)))
    np.testing.assert_allclose(found.scores["white", "kendall"], similarity.kendall(a, b), atol=0.02)
    for method in ("gradient", "rise", "grad_cam"):
        with pytest.raises(InputError, match=f"{method} map has no reference"):
            reference_sensitivity(network, x, Y[:4], make_map(method), OF)


def test_a_suite_says_it_in_records_summary_and_json_and_batches_do_not_matter(eagerly):
    network = shallow_network()
    x = np.random.RandomState(0).rand(8, 8, 8, 1).astype(np.float32)
    y = np.argmax(network(x), axis=1).astype(np.int32)
    tasks = {name: MapTask(spec, Squares(0.1, 1), OF) for name, spec in MAPS.items()}
    suite = Suite("s", attributions=tasks, faithful=False, aligned=False, doubled=0, referenced=True)
    result = evaluate(network, x, y, suite, batch_size=5)
    assert set(result.references) == {"integrated_gradients"}  # A gradient has no reference.
    own, name = result.references["integrated_gradients"], "references of integrated_gradients"
    records = result.records_of(name)
    for measure in MEASURES:
        lowest = [min(r[f"{measure} with {other}"] for other in own.others) for r in records]
        assert [r[f"least_{measure}"] for r in records] == pytest.approx(lowest)
        assert all(r[f"{measure} with {r[f'least {measure} with']}"] == r[f"least_{measure}"] for r in records)
        assert result.summary[name][f"least_{measure}"]["mean"] == pytest.approx(np.mean(lowest))
    whole = evaluate(network, x, y, suite).references["integrated_gradients"]
    np.testing.assert_allclose(own.least("kendall"), whole.least("kendall"), atol=0.02)
    json.dumps(result.as_dict())
    assert {row["with"] for row in result.without_records()["references"]["integrated_gradients"]} == set(own.others)


if __name__ == "__main__":
    run_tests(__file__)

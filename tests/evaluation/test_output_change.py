"""Scores where the output holds still: changes in closed form, subsets, what is recorded, shown and read again."""

import functools
import json
from dataclasses import replace

import numpy as np
import pytest

from launch.columns import outputs
from tests.helpers import linear_network, run_tests, shallow_network, without_graphs
from tfrobust.attacks import Ensemble, Ifia, Noise, Squares, TopK
from tfrobust.attributions import make_map
from tfrobust.auditing.meaning import where_output_held
from tfrobust.errors import InputError
from tfrobust.evaluation import MapTask, Suite, evaluate, statistics
from tfrobust.evaluation.faithfulness import deletion_under_attack, faithfulness
from tfrobust.evaluation.output_change import (
    SAME_OUTPUT,
    SUBSETS,
    OutputChange,
    OutputChanges,
    conditional_scores,
    output_change,
    scores_within,
)
from tfrobust.evaluation.records import read_records
from tfrobust.similarity import MEASURES, Comparison

X = np.random.RandomState(0).rand(12, 8, 8, 1).astype(np.float32)
MAP = make_map("gradient_x_input")
IFIA = Ifia(0.1, 3, 0.05, goal=TopK(10), softplus_beta=30.0)
ENSEMBLE = Ensemble(0.1, {"noise": Noise(0.1, restarts=2), "squares": Squares(0.1, 6)})


@functools.cache
def sound():
    """A network whose weights stay as they are: what was made of it for one test is there for the others."""
    return shallow_network()


def result_of(attacks, **options):
    network = sound()
    tasks = {name: MapTask(MAP, attack, Comparison(k=10)) for name, attack in attacks.items()}
    suite = Suite("s", {}, tasks, **{"doubled": 0, "aligned": False, **options})
    return evaluate(network, X, np.argmax(network(X), axis=1).astype(np.int32), suite)


@pytest.fixture(scope="module")
def result():
    with without_graphs():
        return result_of({"IFIA": IFIA, "auto": ENSEMBLE})


def changes_of(probabilities, logits=None, unchanged=None):
    probabilities = np.asarray(probabilities, np.float64)
    logits = probabilities if logits is None else np.asarray(logits, np.float64)
    unchanged = np.zeros(len(probabilities), bool) if unchanged is None else unchanged
    change = OutputChange(logits, probabilities, unchanged)
    return OutputChanges(change, change)


def conditional(values, changes):
    return conditional_scores({"kendall": np.asarray(values)}, changes, lambda _: (-1.0, 1.0))["kendall"]


def test_the_changes_of_known_logits():
    f = np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 800.0]])
    f_adv = np.array([[np.log(3.0), 0.0], [4.0, 5.0], [800.0, 0.0]])
    change = OutputChange.between(f, f_adv, np.zeros(3, bool))
    np.testing.assert_allclose(change.probabilities, [0.25, 0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(change.logits, [np.log(3.0), 3 * np.sqrt(2), 800 * np.sqrt(2)])


def test_a_direction_in_which_the_logits_are_constant_changes_no_output():
    """f(x) = W x with zeros in the lower half: below, an image may change as it likes."""
    w = np.random.RandomState(1).rand(8, 8, 1, 10).astype(np.float32)
    w[4:] = 0.0
    network, below, above = linear_network(w), X.copy(), X.copy()
    below[:, 4:] = 1.0 - below[:, 4:]
    above[:, 0, 0] += 0.25
    still, moved = (output_change(network, X, x_adv) for x_adv in (below, above))
    assert not still.logits.any() and not still.probabilities.any() and not still.unchanged.any()
    assert all(rows.all() for rows in still.subsets().values())  # Each is within the median, which is 0.
    np.testing.assert_allclose(moved.logits, 0.25 * np.linalg.norm(w[0, 0, 0]), rtol=1e-4)
    assert output_change(network, X, X).unchanged.all()


def test_the_subsets_hold_what_changed_by_no_more_than_their_limits():
    values = [0.1, 1.0, 0.3, 0.4]
    changes = changes_of([SAME_OUTPUT, 0.0, 0.06, 0.9], [4.0, 0.0, 2.0, 1.0], np.array([0, 1, 0, 0], bool))
    found = conditional(values, changes)
    same, calmer = (found[name] for name in SUBSETS)
    assert (same["images"], same["of"], same["changed"], same["limit"]) == (2, 4, 1, SAME_OUTPUT)
    assert same["scores"] == statistics.describe([0.1, 1.0], -1, 1) and same["share"] == statistics.share_of(0.5, 4)
    assert same["changed_scores"]["mean"] == 0.1 and same["changed_scores"]["low"] is None  # One image: no interval.
    assert (calmer["images"], calmer["changed"], calmer["limit"]) == (3, 2, 2.0)
    assert calmer["scores"]["mean"] == pytest.approx(1.7 / 3)
    assert calmer["changed_scores"]["mean"] == pytest.approx(0.35)


def test_an_empty_subset_has_no_score():
    found = conditional([1.0, 0.5], changes_of([0.5, 0.6]))["same_output"]
    assert found["images"] == 0 and found["scores"] is None and found["share"]["mean"] == 0 < found["share"]["high"]
    assert found["changed_scores"] is None and "On none of the 2 images" in where_output_held(found, 0.75)


def test_images_that_the_attack_left_as_they_were_are_no_sign_of_stillness():
    """They are in every subset and score 1; the scores of those that it changed stand beside."""
    found = conditional([1.0, 0.5], changes_of([0.0, 0.6], unchanged=np.array([1, 0], bool)))["same_output"]
    assert (found["images"], found["changed"]) == (1, 0) and found["scores"]["mean"] == 1.0
    assert found["changed_scores"] is None and "On none of the 2 images" in where_output_held(found, 0.75)


def test_an_attack_that_does_nothing_leaves_every_image_in_every_subset(eagerly):
    found = result_of({"none": replace(IFIA, eps=0.0)})
    summary = found.summary["none"]
    for measure, subsets in found.outputs["none"].items():
        for subset in SUBSETS:
            own = subsets[subset]
            assert own["images"] == own["of"] == 12 and own["changed"] == 0 and own["changed_scores"] is None
            assert own["scores"] == pytest.approx(summary[measure])
    assert summary["deletion"] == summary["attacked_deletion"] == summary["attacked_old_map_deletion"]


def test_every_score_is_there_on_both_subsets_and_follows_from_the_records(result):
    for task in ("IFIA", "auto"):
        found, records = result.outputs[task], result.records_of(task)
        assert {*MEASURES, "noise_kendall", "attacked_deletion"} <= set(found)
        assert set(found) == {key for key, values in result.summary[task].items() if isinstance(values, dict)}
        for measure, subsets in found.items():
            for subset, by in (("same_output", "output_change"), ("calmer_half", "logit_change")):
                own, limit = subsets[subset], subsets[subset]["limit"]
                values = scores_within(records, measure, limit, by=by, unchanged=True)
                changed = scores_within(records, measure, limit, by=by)
                assert own["images"] == len(values) and 6 <= own["images"] <= own["of"] == 12
                assert own["changed"] == len(changed) > 0
                assert own["scores"]["mean"] == pytest.approx(values.mean())
                assert own["changed_scores"]["mean"] == pytest.approx(changed.mean())
    json.dumps(result.as_dict(), allow_nan=False)


def test_records_hold_the_change_at_the_images_that_were_measured(result):
    network = sound()
    for task, measure in (("IFIA", ""), ("auto", " of kendall")):
        maps, records = result.maps[task], result.records_of(task)
        change = output_change(network, maps.x, maps.x_adv)
        for name, values in (("logit_change", change.logits), ("output_change", change.probabilities)):
            np.testing.assert_allclose([r[name] for r in records], values, atol=1e-4)
            np.testing.assert_allclose([r[name + measure] for r in records], values, atol=1e-4)
    assert all(f"output_change of {m}" in records[0] for m in ("kendall", "spearman", "top_k_intersection"))


def test_of_an_ensemble_each_measure_has_the_change_at_its_own_images():
    attacked, other, noise = (OutputChange(np.full(1, c), np.full(1, c), np.zeros(1, bool)) for c in (0.1, 0.2, 0.3))
    changes = OutputChanges(attacked, noise, {"spearman": other})
    assert changes.of("spearman") is other and changes.of("pearson") is attacked
    assert changes.of("noise_spearman") is changes.of("gradient_noise_kendall") is noise
    records = [{"spearman": 0.5, "kendall": 0.4, **{k: v[0] for k, v in changes.columns().items()}}]
    assert len(scores_within(records, "spearman", 0.15)) == 0 and list(scores_within(records, "kendall", 0.15)) == [0.4]


def test_records_from_before_are_read_and_asked_for_a_change_refused(tmp_path):
    old = {"task": "IFIA", "index": 0, "label": 1, "kendall": 0.5}
    path = tmp_path / "records.jsonl"
    path.write_text(json.dumps(old) + "\n")
    assert read_records(str(path)) == [old]
    with pytest.raises(InputError, match="no output_change"):
        scores_within([old], "kendall", 0.1)


def test_the_table_has_a_dash_for_the_score_of_an_empty_subset(result):
    emptied = replace(result, outputs={"IFIA": {"kendall": conditional(np.ones(12), changes_of(np.ones(12)))}})
    cells = [cell.strip() for cell in outputs(emptied).splitlines()[2].split("|")[1:-1]]
    assert cells[:2] == ["IFIA", "kendall"] and cells[3:7] == ["0 of 12 [0%, 24%]", "-", "0", "-"]
    assert cells[7:] == ["12 of 12 [76%, 100%]", *["1.000 [1.000, 1.000]", "12", "1.000 [1.000, 1.000]"]]
    assert "deletion" not in outputs(result_without_faithfulness(result))
    assert outputs(replace(result, outputs={})) == ""


def result_without_faithfulness(result):
    def kept(of):
        return {task: {k: v for k, v in own.items() if "deletion" not in k} for task, own in of.items()}

    return replace(result, outputs=kept(result.outputs), summary=kept(result.summary))


def test_the_deletion_of_attacked_maps_is_that_of_maps_at_attacked_images(result, eagerly):
    network, maps = sound(), result.maps["IFIA"]
    y = np.array([record["label"] for record in result.records_of("IFIA")])
    found = deletion_under_attack(network, maps, y, MAP, batch_size=12)
    for x, name in ((maps.x, ""), (maps.x_adv, "attacked_")):
        whole = faithfulness(network, x, y, MAP, "exact", batch_size=12)
        np.testing.assert_allclose(found[f"{name}deletion"], whole["deletion"], rtol=1e-4)
    np.testing.assert_allclose(found["attacked_deletion_random"], whole["deletion_random"], rtol=1e-4)
    swapped = replace(maps, a_adv=maps.a)
    old = deletion_under_attack(network, swapped, y, MAP, batch_size=12)["attacked_deletion"]
    np.testing.assert_allclose(found["attacked_old_map_deletion"], old, rtol=1e-6)
    assert np.abs(old - found["attacked_deletion"]).max() > 1e-3


def test_maps_are_measured_under_attack_where_a_suite_asks_whether_they_are_faithful(eagerly):
    found = result_of({"IFIA": IFIA}, faithful=False)
    assert "attacked_deletion" not in found.summary["IFIA"] and "kendall" in found.outputs["IFIA"]


def test_an_audit_says_it_in_a_sentence():
    held = conditional([0.5, 0.7, 0.1], changes_of([0.0, 0.01, 0.5], unchanged=np.array([1, 0, 0], bool)))
    said = where_output_held(held["same_output"], 0.43)
    assert "On 1 of the 3 images" in said and "5 points" in said
    assert "70% of the top pixels stay, on all images 43%" in said


if __name__ == "__main__":
    run_tests(__file__)

"""Audits of two functions: closed forms, agreement with the attacks on a network, and what is refused."""

import json

import numpy as np
import pytest
import tensorflow as tf

import tfrobust
from tests.helpers import images, run_tests, shallow_network
from tfrobust import report
from tfrobust.attributions import make_map
from tfrobust.attributions.map_spec import saliency_map
from tfrobust.auditing.callables import attacks_within, task_name
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

W = np.random.RandomState(0).randn(64, 10).astype(np.float32)
X = np.asarray(images(12)[0])
QUICK = {"queries": 20, "batch_size": 5}


def linear(x):
    return x.reshape(len(x), -1) @ W


def own_weights(x, y):
    """The gradient of a linear score, which no change of the image moves."""
    return np.abs(W.T[y]).reshape(len(x), 8, 8)


def contributions(x, y):
    return x[..., 0] * own_weights(x, y)


Y = linear(X).argmax(axis=1)


@pytest.fixture(scope="module")
def audit():
    return tfrobust.audit_callable(linear, contributions, X, Y, "Mine", eps=(0.1, 0.3, 0.5), **QUICK)


@pytest.fixture
def without_pictures(monkeypatch):
    """They are drawn where the files are looked at."""
    monkeypatch.setattr(report, "html_picture", lambda *_: "")


def test_it_says_what_an_audit_says(audit, without_pictures):
    assert audit.grade in ("fragile", "moves") and audit.measured.middle_eps == 0.3
    assert "of the 8 most important pixels" in audit.verdict and "100% of 12 images" in repr(audit)
    assert "The maps, changes of at most 76.5/255 per pixel (76.5 of 255 brightness levels) that keep" in audit.verdict
    assert "--" not in audit.html().partition("<pre>")[0].partition("<body>")[2]  # It has no command line.
    tasks = [task_name(eps) for eps in (0.1, 0.3, 0.5)]
    assert list(audit.measured.maps) == tasks
    scores = [audit.summary["summary"][task]["kendall"]["mean"] for task in tasks]
    assert 1 > scores[0] > scores[1] > scores[2]
    for task in tasks:
        own = [record for record in audit.records if record["task"] == task]
        assert len(own) == 12 and {r["image"] for r in own} == {f"x[{i}]" for i in range(12)}
        for r in own:
            assert r["kendall"] == min(r[f"kendall of {part}"] for part in ("noise", "one query", "squares"))


def test_what_it_found_is_in_the_ball_and_keeps_the_prediction(audit):
    for eps, maps in zip((0.1, 0.3, 0.5), audit.measured.maps.values()):
        assert np.abs(maps.x_adv - maps.x).max() <= eps + 1e-6 and maps.x_adv.min() >= 0 and maps.x_adv.max() <= 1
        classes = linear(maps.x).argmax(axis=1)
        assert np.array_equal(linear(maps.x_adv).argmax(axis=1), classes)
        a = contributions(maps.x_adv, classes)
        np.testing.assert_allclose(maps.a_adv, a / a.mean(axis=(1, 2), keepdims=True), rtol=1e-4)


def test_the_files_are_those_of_an_audit(audit, tmp_path):
    path = audit.save(str(tmp_path / "out"))
    page = open(path, encoding="utf-8").read()
    assert audit.verdict.split(":")[0] in page and "<title>Mine</title>" in page and "squares" in page
    said = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert said["verdict"]["grade"] == audit.grade and said["about"]["attacks"]["queries"] == 20
    assert len((tmp_path / "out" / "audit_records.jsonl").read_text().splitlines()) == len(audit.records)
    assert said["about"]["queries"]["explain"] == audit.measured.queries["explain"] > 3 * 12 * 20


def test_a_notebook_shows_it(audit, without_pictures):
    assert audit._repr_html_().startswith("<style>")


def test_maps_that_nothing_moves_score_1_and_are_no_proof():
    still = tfrobust.audit_callable(linear, own_weights, X, Y, eps=0.1, **QUICK)
    summary = still.summary["summary"][task_name(0.1)]
    assert summary["kendall"]["mean"] == 1 == summary["top_k_intersection"]["mean"]
    assert still.grade == "none" and "did not beat random noise" in still.verdict


def test_an_audit_in_l2_says_what_its_eps_bounds():
    audit = tfrobust.audit_callable(linear, contributions, X, Y, eps=0.5, norm="l2", **QUICK)
    v = next(maps.x_adv - maps.x for maps in audit.measured.maps.values())
    assert np.linalg.norm(v.reshape(12, -1), axis=1).max() <= 0.5 + 1e-6
    assert "127/255 in l2 that" in audit.verdict or "128/255 in l2 that" in audit.verdict


def test_it_never_says_that_maps_hold():
    little = tfrobust.audit_callable(linear, lambda x, y: own_weights(x, y) + 0.02 * x[..., 0], X, Y, eps=0.3, **QUICK)
    assert little.grade == "unsure" and "follows a gradient may find more" in little.verdict


def test_it_is_the_search_on_a_network():
    network = shallow_network()
    y = np.argmax(network(X), axis=1).astype(np.int32)
    spec, of = make_map("gradient"), Comparison(k=8)

    def explain(x, y):
        return saliency_map(network, spec, tf.constant(x), tf.constant(y))

    mine = tfrobust.audit_callable(lambda x: network(x), explain, X, y, eps=0.3, queries=8).measured
    chosen = np.random.RandomState(0).permutation(12)
    want = attacks_within(0.3, 8).on_maps(network, spec, of)(X[chosen], y[chosen], chosen)
    np.testing.assert_allclose(
        mine.found[task_name(0.3)].lowest("kendall"), want.lowest("kendall"), atol=1e-3
    )  # Eager and traced networks differ by rounding, which moves ranks of nearly equal entries.


def test_classes_will_do_and_channels_of_maps_are_summed():
    colours = np.repeat(X, 3, axis=-1)
    maps = []

    def explain(x, y):
        maps.append(np.stack([x[..., 0], -x[..., 1], x[..., 2]], axis=-1))
        return maps[-1]

    audit = tfrobust.audit_callable(
        lambda x: (x[:, 0, 0, 0] > 0.5) * 1, explain, colours, (X[:, 0, 0, 0] > 0.5) * 1, eps=0.01, **QUICK
    )
    want = np.abs(maps[0]).sum(axis=-1)
    got = audit.measured.maps[task_name(0.01)].a[: len(want)]
    np.testing.assert_allclose(got, want / want.mean(axis=(1, 2), keepdims=True), rtol=1e-5)


def test_a_map_that_is_another_one_each_time_is_flagged():
    r = np.random.RandomState(0)
    audit = tfrobust.audit_callable(linear, lambda x, y: r.rand(len(x), 8, 8), X, Y, eps=0.1, **QUICK)
    raised = {flag.name for flag in audit.measured.flags[task_name(0.1)] if flag.raised}
    assert "random_map" in raised and any("average many maps" in sentence for sentence in audit.sentences)


def test_images_that_are_all_predicted_wrongly_leave_nothing_to_judge():
    audit = tfrobust.audit_callable(linear, contributions, X, (Y + 1) % 10, eps=0.1, **QUICK)
    assert audit.grade == "none" and "Nothing to judge" in audit.verdict and audit.html()


def writes_into_its_images(x):
    x[:] = 0
    return linear(x + 1)


def test_a_function_that_writes_into_its_images_spoils_nobody_elses():
    x, seen = X.copy(), []

    def explain(x, y):
        seen.append(x.copy())
        return contributions(x, y)

    y = np.full(12, linear(np.ones((1, 8, 8, 1), np.float32)).argmax())
    tfrobust.audit_callable(writes_into_its_images, explain, x, y, eps=0.1, queries=1)
    assert np.array_equal(x, X) and seen[0].max() > 0


def raising(x, *_):
    raise OSError("the server\nis gone")


REFUSED = {
    "no function": ({"predict": 3}, "predict must be a function; got a int"),
    "an error in predict": ({"predict": raising}, "predict raised OSError on .* images: the server is gone"),
    "an error in explain": ({"explain": raising}, "explain raised OSError"),
    "scores of one number": ({"predict": lambda x: linear(x)[:, 0]}, "scores .*,K. or classes"),
    "scores of other images": ({"predict": lambda x: linear(x)[1:]}, "predict must give scores"),
    "scores that are no numbers": ({"predict": lambda x: np.full(len(x), "cat")}, "predict must give numbers"),
    "NaN scores": ({"predict": lambda x: linear(x) * np.nan}, "predict gave NaN or infinity"),
    "NaN maps": ({"explain": lambda x, y: contributions(x, y) / 0}, "explain gave NaN or infinity"),
    "maps of other images": ({"explain": lambda x, y: contributions(x, y)[1:]}, "explain must give maps"),
    "smaller maps": ({"explain": lambda x, y: contributions(x, y)[:, ::2]}, "explain must give maps"),
    "flat maps": ({"explain": lambda x, y: contributions(x, y).reshape(len(x), -1)}, "explain must give maps"),
    "channels first": ({"explain": lambda x, y: np.ones((len(x), 3, 8, 8))}, "transpose"),
    "None": ({"explain": lambda x, y: None}, "explain must give numbers"),
    "labels of other images": ({"y": Y[1:]}, "labels must be whole numbers"),
    "images above 1": ({"x": 255 * X}, "divide by 255"),
    "eps of pixels": ({"eps": 8}, "eps"),
    "eps 0": ({"eps": 0.0}, "above 0"),
    "eps that is NaN": ({"eps": float("nan")}, "eps"),
    "eps twice": ({"eps": (0.1, 0.1)}, "different"),
    "no queries": ({"queries": 0}, "queries"),
    "no images": ({"images": 0}, "images"),
    "k above the pixels": ({"k": 65}, "k = 65"),
    "an unknown norm": ({"norm": "l7"}, "norm"),
}


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(name):
    wrong, words = REFUSED[name]
    given = {"predict": linear, "explain": contributions, "x": X, "y": Y, "eps": 0.1, **QUICK, **wrong}
    with pytest.raises(InputError, match=words) as refusal:
        tfrobust.audit_callable(**given)
    assert "\n" not in str(refusal.value)


if __name__ == "__main__":
    run_tests(__file__)

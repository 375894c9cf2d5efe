import json

import keras
import numpy as np
import pytest

from tests.helpers import Told, linear_network, run_tests, shallow_network
from tfrobust.attacks import AttackSpec
from tfrobust.attributions import AttributionSpec
from tfrobust.evaluation import EvaluationSpec, evaluate
from tfrobust.evaluation.predictions import predict_attacked
from tfrobust.types import InputError

X = np.random.RandomState(0).rand(40, 8, 8, 1).astype(np.float32)


def labelled(network, wrong=8):
    """The network's own predictions as labels, all but the first `wrong` of them."""
    y = np.argmax(network(X), axis=1).astype(np.int32)
    y[:wrong] = (y[:wrong] + 1) % 10
    return y


def spec(eps=0.1, steps=4, **options):
    return EvaluationSpec(
        AttackSpec("pgd", eps, steps=steps, step_size=0.05, random_start=True),
        AttributionSpec(steps=8, k=10),
        AttackSpec("ifia_top_k", eps, steps=steps, step_size=0.05, k=10),
        **options,
    )


def test_a_record_per_example_and_a_summary_that_follows_from_them(eagerly):
    network = shallow_network()
    result = evaluate(network, X, labelled(network), spec(), batch_size=15)
    assert len(result.records) == 40 and result.summary["natural_accuracy"] == 32 / 40
    attacked = [r for r in result.records if "kendall" in r]
    assert len(attacked) == 32 == result.summary["attribution_examples"]
    assert all(r["prediction"] == r["label"] for r in attacked)
    for name in ("kendall", "spearman", "top_k_intersection", "noise_kendall"):
        values = [r[name] for r in attacked]
        assert result.summary[name] == pytest.approx(np.mean(values))
        assert result.summary[name + "_median"] == pytest.approx(np.median(values))
    right = [r["prediction_attacked"] == r["label"] == r["prediction"] for r in result.records]
    assert result.summary["adversarial_accuracy"] == pytest.approx(np.mean(right))
    json.dumps([result.records, result.summary, result.spec])
    assert result.spec["attribution_attack"]["eps"] == 0.1 and result.spec["control"]["method"] == "noise"


def test_eps_zero_leaves_every_score_at_one_and_every_accuracy_at_natural(eagerly):
    network = shallow_network()
    summary = evaluate(network, X, labelled(network), spec(eps=0.0)).summary
    assert summary["adversarial_accuracy"] == summary["natural_accuracy"]
    assert all(summary[p + m] == 1 for p in ("", "noise_") for m in ("kendall", "spearman", "top_k_intersection"))
    assert summary["share_unmoved"] == 1 and summary["share_label_never_kept"] == 0


def test_the_attack_is_below_its_control():
    network = shallow_network()
    summary = evaluate(network, X, labelled(network), spec(steps=10)).summary
    assert summary["kendall"] < summary["noise_kendall"] < 1


def test_pgd_with_margin_on_a_linear_network_is_the_closed_form():
    w = np.random.RandomState(1).randn(8, 8, 1, 2) * 0.3
    network = linear_network(w)
    x = 0.3 + 0.4 * X
    f = network(x).numpy()
    y = np.argmax(f, axis=1).astype(np.int32)
    eps = float(np.median(np.abs(f[:, 0] - f[:, 1])) / np.abs(w[..., 0] - w[..., 1]).sum())
    want = np.abs(f[:, 0] - f[:, 1]) > eps * np.abs(w[..., 0] - w[..., 1]).sum()
    attack = AttackSpec("pgd", eps, steps=30, step_size=eps / 10, loss="margin", random_start=True)
    assert 0.4 < want.mean() < 0.6
    assert np.mean((predict_attacked(network, x, y, attack, 16) == y) == want) > 0.95


def test_examples_are_a_seeded_choice_without_repetition(eagerly):
    network = shallow_network()
    y = labelled(network)

    def chosen(seed):
        result = evaluate(network, X, y, spec(steps=1, examples=20, attribution_examples=5, seed=seed))
        assert result.summary["attribution_examples"] == 5 == len(result.maps.x)
        return [r["index"] for r in result.records]

    assert len(set(chosen(0))) == 20 and chosen(0) == chosen(0) != chosen(1)


def test_a_network_that_is_always_wrong_has_no_maps():
    network = shallow_network()
    y = (labelled(network, 0) + 1) % 10
    result = evaluate(network, X, y, spec(steps=1))
    assert result.summary["natural_accuracy"] == 0 and result.maps is None and "kendall" not in result.summary


def test_progress_is_told(eagerly):
    network, told = shallow_network(), Told()
    evaluate(network, X, labelled(network), spec(), batch_size=15, progress=told)
    assert len(told.bars) == 3 and all(bar.n == bar.total > 0 for bar in told.bars)


def test_what_does_not_fit_is_refused():
    network = shallow_network()
    y = labelled(network)
    with pytest.raises(InputError, match="label 10 is outside"):
        evaluate(network, X, np.full(40, 10, np.int32), spec())
    with pytest.raises(InputError, match="softmax"):
        evaluate(keras.Model(network.input, keras.layers.Softmax()(network.output)), X, y, spec())
    with pytest.raises(InputError, match="divide by 255"):
        evaluate(network, X * 255, y, spec())
    with pytest.raises(InputError, match="65"):
        too_large = AttackSpec("ifia_top_k", 0.1, steps=1, k=65)
        evaluate(network, X, y, EvaluationSpec(spec().prediction_attack, AttributionSpec(k=8), too_large))
    for wrong_y in (y[:5], np.concatenate([y, y]), y.astype(float)):
        with pytest.raises(InputError, match="one per image"):
            evaluate(network, X, wrong_y, spec())
    for wrong in ({"seed": -1}, {"examples": -1}, {"noise_draws": 0}):
        with pytest.raises(InputError):
            spec(**wrong)
    with pytest.raises(InputError):
        EvaluationSpec(spec().attribution_attack, AttributionSpec(), spec().attribution_attack)
    with pytest.raises(InputError):
        EvaluationSpec(spec().prediction_attack, AttributionSpec(), spec().control)


def test_chunk_and_batch_size_do_not_change_the_maps(eagerly):
    network = shallow_network()
    y = labelled(network)
    s = EvaluationSpec(
        AttackSpec("pgd", 0.1, steps=2, step_size=0.05, random_start=True, restarts=2),
        AttributionSpec(steps=8, k=10),
        AttackSpec("ifia_top_k", 0.1, steps=2, step_size=0.05, k=10, random_start=True),
    )
    one = evaluate(network, X.astype(np.float64), y.tolist(), s)
    two = evaluate(network, X, y, s, batch_size=7, chunk=3)
    np.testing.assert_allclose(one.maps.a_adv, two.maps.a_adv, rtol=1e-3, atol=1e-4)
    for name, value in one.summary.items():
        assert two.summary[name] == pytest.approx(value, abs=1e-3), name


if __name__ == "__main__":
    run_tests(__file__)

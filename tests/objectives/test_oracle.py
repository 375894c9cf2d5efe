"""The other papers' losses against an independent float64 computation (golden/torch_oracle.npz)."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import WEIGHTS, assert_close, oracle, oracle_batch, oracle_network, run_tests, the_step
from tfrobust.attributions import make_map, make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.guided_backpropagation import guided_backpropagation
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.losses import cross_entropy, kl, runner_up
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.objectives.art import Art
from tfrobust.objectives.er import CacrWacr
from tfrobust.objectives.far import Aat, AdvAat
from tfrobust.objectives.rar import IgSumNorm
from tfrobust.objectives.trades import Trades
from tfrobust.similarity.differentiable import pearson_loss

INNER = {"eps": 0.3, "attack_steps": 1, "step_size": 0.01}
ART = Art(attribution_weight=0.5, softplus_beta=50.0, **INNER)
ER = CacrWacr(attribution_weight=1.0, ig_steps=50, ig_steps_attack=10, **INNER)
AAT = {"attribution_weight": 1.0, "ig_steps": 50, "softplus_beta": None, **INNER}


def weight_gradients_agree(objective, total, prefix):
    batch, x_adv = oracle_batch()
    network = oracle_network()
    with tf.GradientTape() as tape:
        terms = objective.outer(network, batch, x_adv, the_step())
        loss = tf.add_n([tf.reduce_mean(t) for t in terms.values()])
    assert_close(loss, oracle()[total], 1e-5)
    if prefix:
        for name, g in zip(WEIGHTS, tape.gradient(loss, network.trainable_variables)):
            want = oracle()[f"{prefix}_{name}"]
            got = np.zeros_like(want) if g is None else g
            assert_close(got, want, 1e-4)


def by_image(goal, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = goal(x)
    return tape.gradient(value, x)


TOTALS = {
    "art": (ART, "art_total", "art_grad"),
    "er": (ER, "er_total", "er_grad"),
    "aat": (Aat(**AAT), "far_aat_total_lambda1", "far_aat_grad"),
    "adv_aat": (AdvAat(**{**AAT, "attribution_weight": 0.5}), "far_advaat_total_lambda0.5", None),
    "trades": (Trades(kl_weight=6.0, **INNER), "trades_total_beta6", "trades_grad"),
}


@pytest.mark.parametrize("name", TOTALS)
def test_totals_and_weight_gradients(name):
    weight_gradients_agree(*TOTALS[name])


@pytest.mark.parametrize(
    "name", ["aat", *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("er", "adv_aat"))]
)
def test_they_do_not_depend_on_how_many_path_points_are_held_at_once(name):
    objective, *want = TOTALS[name]
    weight_gradients_agree(dataclasses.replace(objective, chunk=25), *want)


def test_art_loss_its_class_and_its_attack_gradient():
    batch, x_adv = oracle_batch()
    network = oracle_network()
    other = runner_up(batch.y, softplus_surrogate(network, 50.0)(x_adv))
    np.testing.assert_array_equal(other, oracle()["art_istar"])
    assert_close(ART.attribution_loss(network, batch, x_adv), oracle()["art_loss"], 1e-5)
    assert_close(by_image(lambda x: ART.attribution_loss(network, batch, x), x_adv), oracle()["art_attack_grad"], 1e-4)
    for loss in ("l2", "cosine"):
        row = dataclasses.replace(ART, loss=loss)
        assert_close(row.attribution_loss(network, batch, x_adv), oracle()[f"art_eq4_{loss}"], 1e-5)


def test_er_maps_and_regularisers():
    batch, x_adv = oracle_batch()
    network, o = oracle_network(), oracle()
    negative = runner_up(batch.y, network(x_adv))
    np.testing.assert_array_equal(negative, o["er_nci"])
    true, wrong = ER.ig(network, x_adv, batch.y), ER.ig(network, x_adv, negative)
    base, change = ER.ig(network, batch.x, batch.y), ER.ig(network, x_adv, batch.y, batch.x)
    for got, name in ((true, "true"), (wrong, "negative")):
        assert_close(got, o[f"er_ig_{name}"], 2e-5)
    assert_close(base, o["er_base_attribution"], 2e-5)
    assert_close(change, o["er_change"], 2e-5)
    assert_close(ER.cacr(true, wrong), o["er_cacr"], 1e-4)
    assert_close(ER.wacr(base, change), o["er_wacr"], 1e-4)
    p2 = dataclasses.replace(ER, zeros="p2")
    assert_close(p2.wacr(base, change), o["er_wacr_zeros_in_p2"], 1e-4)
    assert_close(p2.wacr(base, true - base), o["er_wacr_difference"], 1e-4)


def test_er_inner_term_is_that_of_ig_sum_norm_with_weight_one():
    batch, x_adv = oracle_batch()
    network = oracle_network()
    rar = IgSumNorm(attribution_weight=1.0, ig_steps=10, ig_steps_attack=10, **INNER)

    def goal(x):
        return cross_entropy(batch.y, network(x)) + rar.ig_norm(network, batch, x, 10)

    assert_close(goal(x_adv), oracle()["er_inner"], 1e-5)
    assert_close(by_image(goal, x_adv), oracle()["er_inner_grad"], 1e-4)
    still = dataclasses.replace(ER, attack_steps=3)
    ours, theirs = (o.inner(network, batch, the_step()) for o in (still, dataclasses.replace(rar, attack_steps=3)))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_far_maps_loss_and_attack_gradient():
    batch, x_adv = oracle_batch()
    network, o = oracle_network(), oracle()
    method = Aat(**AAT)
    predicted = tf.argmax(network(batch.x), axis=1, output_type=tf.int32)
    clean, adv = (method.maps(network, x, batch, predicted) for x in (batch.x, x_adv))
    assert_close(clean, o["far_ig_nat"], 1e-5)
    assert_close(adv, o["far_ig_adv"], 1e-5)
    assert_close(pearson_loss(adv, clean), o["far_pcl"], 1e-5)
    got = by_image(lambda x: method.distance(network, x, batch, predicted, clean), x_adv)
    assert_close(got, o["far_attack_grad_relu"], 1e-4)
    saliency = tf.abs(gradient(make_score(network, "logit"), x_adv, predicted))
    assert_close(saliency, o["saliency_map_abs"], 1e-5)


def test_trades_divergence_and_its_gradient():
    batch, x_adv = oracle_batch()
    network = oracle_network()
    clean = network(batch.x)
    assert_close(kl(clean, network(x_adv)), oracle()["trades_kl"], 1e-5)
    assert_close(by_image(lambda x: kl(clean, network(x)), x_adv), oracle()["trades_attack_grad"], 1e-4)


def test_maps():
    batch, _ = oracle_batch()
    network, o = oracle_network(), oracle()
    logit = make_score(network, "logit")
    assert_close(gradient(logit, batch.x, batch.y), o["grad_logit"], 1e-5)
    assert_close(integrated_gradients(logit, batch.x, batch.y, steps=100), o["ig_logit_m100"], 1e-5)
    got = guided_backpropagation(network, "logit", batch.x, batch.y)
    assert_close(got, o["guided_backprop"], 1e-5)
    assert make_map().attribution.steps == 100


if __name__ == "__main__":
    run_tests(__file__)

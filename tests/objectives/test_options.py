"""The rows and options of ART, ER, IGR, ATEX, LGA and R2ET that the golden numbers do not cover."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import (
    convolutional_network,
    images,
    linear_network,
    run_tests,
    shallow_network,
    small_network,
    the_step,
)
from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.losses import cross_entropy, runner_up
from tfrobust.models import make_model
from tfrobust.names import IGR_SIMILARITIES
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.objectives import make_objective
from tfrobust.objectives.atex import tangent
from tfrobust.objectives.er import kl_from_uniform
from tfrobust.training import Trainer
from tfrobust.types import Batch, InputError

INNER = {"eps": 0.2, "attack_steps": 3, "step_size": 0.1}
ART = make_objective("art", attribution_weight=1.0, softplus_beta=5.0, **INNER)
ER = make_objective("cacr_wacr", attribution_weight=1.0, ig_steps=4, ig_steps_attack=2, **INNER)


@functools.cache
def untrained():
    """For tests that leave its weights alone."""
    return shallow_network()


def setup(n=6):
    network, (x, y) = untrained(), images(n)
    return network, Batch(x, y), tf.clip_by_value(x + 0.1, 0.0, 1.0)


def test_art_change_is_equation_2_and_zero_at_the_image():
    network, batch, x_adv = setup()
    row = dataclasses.replace(ART, loss="change")
    logit = make_score(softplus_surrogate(network, 5.0), "logit")
    want = tf.norm(tf.reshape(gradient(logit, x_adv, batch.y) - gradient(logit, batch.x, batch.y), [6, -1]), axis=1)
    np.testing.assert_allclose(row.attribution_loss(network, batch, x_adv), want, rtol=1e-4)
    np.testing.assert_allclose(row.attribution_loss(network, batch, batch.x), np.zeros(6), atol=1e-6)


def test_art_negative_class():
    network, batch, x_adv = setup()
    logits = softplus_surrogate(network, 5.0)(x_adv)
    logit = make_score(softplus_surrogate(network, 5.0), "logit")
    least = dataclasses.replace(ART, negative="least_likely")
    for row, other in ((ART, runner_up(batch.y, logits)), (least, tf.argmin(logits, axis=1))):
        np.testing.assert_allclose(row.gradients(network, x_adv, batch.y)[1], gradient(logit, x_adv, other), rtol=1e-5)
        assert row.negative == "least_likely" or (other.numpy() != batch.y.numpy()).all()


def test_art_attack_on_the_total_raises_the_loss_more():
    network, batch, _ = setup(20)

    def loss(row):
        return float(tf.reduce_mean(cross_entropy(batch.y, network(row.inner(network, batch, the_step())))))

    assert loss(dataclasses.replace(ART, attack_on="total")) > loss(ART)


def test_art_attack_k_of_all_entries_is_no_restriction_and_of_one_is():
    network, batch, _x_adv = setup()
    whole = dataclasses.replace(ART, attack_k=64)
    assert np.all(whole._attack_mask(network, batch)) and ART._attack_mask(network, batch) == 1.0
    one = dataclasses.replace(ART, attack_k=1)._attack_mask(network, batch)
    np.testing.assert_array_equal(tf.reduce_sum(one, axis=[1, 2, 3]), np.ones(6))
    for wrong in (0, 65):
        with pytest.raises(InputError, match="attack_k"):
            dataclasses.replace(ART, attack_k=wrong).inner(network, batch, the_step())


def test_art_options_train_with_batches_of_unknown_size():
    network, (_, batch, _) = shallow_network(), setup()
    trainer = Trainer(network, dataclasses.replace(ART, attack_k=20, pair=True, attack_steps=1))
    trainer.compile(optimizer=keras.optimizers.SGD(0.01), jit_compile=False)
    trainer.optimizer.build(network.trainable_variables)
    before, unknown = network.get_weights(), (tf.TensorSpec([None, 8, 8, 1]), tf.TensorSpec([None], tf.int32))
    step = tf.function(trainer.train_step, input_signature=[unknown], autograph=False)
    for rows in (slice(0, 4), slice(4, 6)):
        step((batch.x[rows], batch.y[rows]))
    assert all(np.isfinite(w).all() and np.any(w != b) for w, b in zip(network.get_weights(), before))


def test_art_pair_of_equal_images_is_the_plain_triplet_and_of_others_no_smaller_than_their_mean():
    network, batch, x_adv = setup()
    paired = dataclasses.replace(ART, pair=True)
    plain = ART.attribution_loss(network, batch, batch.x)
    np.testing.assert_allclose(paired.paired_loss(network, batch, batch.x), plain, rtol=1e-5)
    mean = (plain + ART.attribution_loss(network, batch, x_adv)) / 2
    # Each anchor sees the harder gradients of both images.
    assert (paired.paired_loss(network, batch, x_adv).numpy() >= mean.numpy() - 1e-5).mean() > 0.6


def test_kl_from_uniform_in_closed_form_small_and_large():
    a = np.zeros((2, 2, 2, 1), np.float32)
    np.testing.assert_array_equal(kl_from_uniform(tf.constant(a)), np.zeros(2))
    for size in (1e-3, 1.0, 30.0):
        a[1, 0, 0, 0] = size
        p = np.exp(a[1].ravel().astype(np.float64))
        p /= p.sum()
        want = np.mean(np.log(0.25 / p))
        np.testing.assert_allclose(kl_from_uniform(tf.constant(a))[1], want, rtol=1e-3)


def test_er_options_leave_out_what_they_say():
    network, batch, x_adv = setup()

    def terms(**options):
        return dataclasses.replace(ER, **options).outer(network, batch, x_adv, the_step())

    full = terms()
    assert not np.any(terms(cacr_weight=0.0)["cacr"]) and not np.any(terms(wacr_weight=0.0)["wacr"])
    np.testing.assert_allclose(terms(wacr_weight=0.5)["wacr"], 0.5 * full["wacr"], rtol=1e-5)
    true = kl_from_uniform(ER.ig(network, x_adv, batch.y))
    np.testing.assert_allclose(terms(contrast=False)["cacr"], -true, rtol=1e-3, atol=1e-9)
    change = ER.ig(network, x_adv, batch.y, batch.x)
    no_base = terms(base_attribution=False)["wacr"]
    np.testing.assert_allclose(no_base, tf.reduce_sum(tf.abs(change), axis=[1, 2, 3]), rtol=1e-4)
    assert np.abs(terms(temperature=100.0)["cacr"]).mean() > 10 * np.abs(full["cacr"]).mean()


def test_igr_of_equal_maps_is_its_base():
    network, batch, _ = setup()
    igr = make_objective("igr", attribution_weight=1.0, ig_steps=4, base="natural", **INNER)
    terms = igr.outer(network, batch, batch.x, the_step())
    np.testing.assert_allclose(terms["ig_cosine"], np.zeros(6), atol=1e-5)
    np.testing.assert_allclose(terms["cross_entropy"], cross_entropy(batch.y, network(batch.x)), rtol=1e-5)


@pytest.mark.parametrize("similarity", IGR_SIMILARITIES)
def test_igr_with_any_similarity_is_its_base_where_the_maps_have_one_order(similarity):
    network, batch, x_adv = setup()
    igr = make_objective("igr", attribution_weight=0.5, ig_steps=4, similarity=similarity, **INNER)
    term = f"ig_{similarity}"
    np.testing.assert_allclose(igr.outer(network, batch, batch.x, the_step())[term], np.zeros(6), atol=1e-5)
    other = igr.outer(network, batch, x_adv, the_step())[term]
    assert (other.numpy() > 1e-3).all() and (other.numpy() <= 1.0).all()  # 1 - s is at most 2, and the weight 0.5.


def test_igr_without_biases_costs_one_gradient_a_map_and_is_the_same():
    keras.utils.set_random_seed(0)
    network = make_model("digits_cnn", (8, 8, 1), 10, 0.5, bias=False)
    (x, y), row = images(4), {"attribution_weight": 1.0, **INNER}
    batch, x_adv = Batch(x, y), tf.clip_by_value(x + 0.1, 0.0, 1.0)
    one, many = (make_objective("igr", ig_steps=m, **row).outer(network, batch, x_adv, the_step()) for m in (1, 9))
    np.testing.assert_array_equal(one["ig_cosine"], many["ig_cosine"])


def test_the_tangent_is_orthogonal_to_the_explanation_and_no_longer_than_the_offset():
    u, e = (tf.random.stateless_normal([5, 4, 4, 2], [i, 3]) for i in range(2))
    t = tangent(u, e).numpy()
    np.testing.assert_allclose((t * e.numpy()).sum(axis=(1, 2, 3)), np.zeros(5), atol=1e-5)
    for size in (lambda v: np.abs(v).max(axis=(1, 2, 3)), lambda v: np.linalg.norm(v.reshape(5, -1), axis=1)):
        assert (size(t) <= size(u.numpy()) * (1 + 1e-6)).all() and (size(t) > 0).all()
    np.testing.assert_array_equal(tangent(u, tf.zeros_like(u)), u)
    np.testing.assert_allclose(tangent(3 * e, e), tf.zeros_like(e), atol=1e-5)


@pytest.mark.parametrize("attack_steps", [0, 3])
def test_atex_leaves_the_logit_of_a_linear_network_alone_and_moves_the_others(attack_steps):
    network = linear_network(np.random.RandomState(0).randn(8, 8, 1, 10))
    y = images()[1]
    batch = Batch(tf.fill([6, 8, 8, 1], 0.5), y)  # Away from the ends of the pixel range.
    atex = make_objective("atex", kl_weight=1.0, **{**INNER, "attack_steps": attack_steps})
    x_adv = atex.inner(network, batch, the_step())
    change = (network(x_adv) - network(batch.x)).numpy()
    of_y = change[np.arange(6), y.numpy()]
    np.testing.assert_allclose(of_y, np.zeros(6), atol=1e-4)
    assert (np.abs(change).max(axis=1) > 0.1).all()
    terms = atex.outer(network, batch, batch.x, the_step())
    np.testing.assert_allclose(terms["kl"], np.zeros(6), atol=1e-6)


def test_the_explanation_of_atex_is_the_gradient_of_a_linear_network():
    w = np.random.RandomState(0).randn(8, 8, 1, 10)
    x, y = images()
    atex = make_objective("atex", kl_weight=1.0, explanation_samples=2, **INNER)
    e = atex.explanation(linear_network(w), Batch(x, y), the_step())
    np.testing.assert_allclose(e, np.moveaxis(w, -1, 0)[y.numpy()], rtol=1e-5)


def test_atex_has_no_second_derivatives():
    """A network whose first derivative refuses to be differentiated is trained, and not by the gradient penalty."""

    @tf.custom_gradient
    def once(x):
        @tf.custom_gradient
        def slope(dy):
            def never(_):
                raise AssertionError("a second derivative")

            return dy * tf.cast(x > 0, x.dtype), never

        return tf.nn.relu(x), slope

    keras.utils.set_random_seed(0)
    network, (x, y) = convolutional_network(once), images(3)

    def trained(method):
        x_adv = method.inner(network, Batch(x, y), the_step())
        with tf.GradientTape() as tape:
            loss = tf.add_n(list(method.outer(network, Batch(x, y), x_adv, the_step()).values()))
        return tape.gradient(loss, network.trainable_variables)

    assert all(np.any(g) for g in trained(make_objective("atex", kl_weight=1.0, **INNER)))
    with pytest.raises(AssertionError, match="second derivative"):
        trained(make_objective("gradient_penalty", attribution_weight=1.0))


def test_terms_of_lga_vanish_for_a_linear_network():
    w = np.random.RandomState(0).randn(8, 8, 1, 10)
    network, (x, y) = linear_network(w), images()
    lga = make_objective("lga", eps=0.2, l2_weight=1.0, cosine_weight=1.0, softplus_beta=5.0)
    terms = lga.outer(network, Batch(x, y), tf.clip_by_value(x + 0.1, 0.0, 1.0), the_step())
    np.testing.assert_allclose(terms["gradient_length"], np.zeros(6), atol=1e-5)
    np.testing.assert_allclose(terms["gradient_angle"], np.zeros(6), atol=1e-5)


def test_r2et_gap_and_margin_in_closed_form_and_the_curvature_of_a_linear_network_is_none():
    r2et = make_objective("r2et", k=1, margin_weight=1.0, curvature_weight=0.0, softplus_beta=5.0)
    g = tf.constant([[3.0, 1.0], [0.0, 0.0]])[None, :, :, None]
    np.testing.assert_allclose(r2et.gap(g), [3.0 - 1 / 3], rtol=1e-5)  # Scaled to mean 1: 3, 1, 0, 0.
    np.testing.assert_allclose(r2et.gap(7 * g), r2et.gap(g), rtol=1e-5)
    with pytest.raises(InputError, match="k = 4"):
        dataclasses.replace(r2et, k=4).gap(g)
    w = np.random.RandomState(0).randn(8, 8, 1, 10).astype(np.float32)
    network, (x, y) = linear_network(w), images()
    own = r2et.gap(tf.constant(np.moveaxis(w, -1, 0)[y.numpy()]))
    terms = dataclasses.replace(r2et, curvature_weight=1.0).outer(network, Batch(x, y), x, the_step())
    np.testing.assert_allclose(terms["curvature"], np.zeros(6), atol=1e-5)
    np.testing.assert_allclose(
        terms["ranking_margin"], np.log1p(np.exp(-own)), rtol=1e-4
    )  # The larger the gap, the smaller.


def test_gradient_penalty_of_a_one_layer_softmax_in_closed_form():
    w = np.random.RandomState(0).randn(4, 4, 1, 3)
    network = linear_network(w)
    x, _ = images(shape=(4, 4, 1))
    y = tf.constant([0, 1, 2, 0, 1, 2])
    p = tf.nn.softmax(network(x)).numpy()
    g = np.einsum("bk,hwck->bhwc", p - np.eye(3)[y], w)
    for q in (1.0, 2.0):
        terms = make_objective("gradient_penalty", attribution_weight=0.5, q=q).outer(network, Batch(x, y), x, None)
        want = 0.5 * (np.abs(g) ** q).sum(axis=(1, 2, 3))
        np.testing.assert_allclose(terms["gradient_penalty"], want, rtol=1e-4)


def test_the_coin_of_the_noise_baselines_is_fair_and_the_same_in_a_batch():
    network, batch, _ = setup()
    own = {**INNER, "attack_steps": 1}
    mixed = make_objective("madry_noise", **own)
    madry, noise = make_objective("madry", **own), make_objective("uniform_noise", eps=0.2)
    sides = []
    for i in range(16):
        step = the_step()._replace(batch_seed=tf.constant([i, 9]))
        x_adv = mixed.inner(network, batch, step)
        heads, tails = (np.allclose(x_adv, m.inner(network, batch, step), atol=1e-6) for m in (madry, noise))
        assert heads != tails
        sides.append(heads)
    assert 4 <= sum(sides) <= 12


def test_loss_output_bounds_the_adversarial_loss_from_above():
    network, batch, x_adv = setup()
    total = sum(make_objective("loss_output", **INNER).outer(network, batch, x_adv, the_step()).values())
    assert (total.numpy() >= cross_entropy(batch.y, network(x_adv)).numpy() - 1e-5).all()


def test_wasserstein_with_a_high_price_stays_near():
    network, batch, _ = setup()

    def distance(gamma):
        hyper = {"attribution_weight": 1.0, "ig_steps": 4, "ig_steps_attack": 4, "eps": 0.1, "step_size": 0.02}
        method = make_objective("ig_wasserstein", gamma=gamma, attack_steps=6, **hyper)
        return float(tf.reduce_mean(tf.abs(method.inner(network, batch, the_step()) - batch.x)))

    assert distance(100.0) < 0.03 < distance(0.0)


def test_adversarial_ratio_shares_the_loss_between_both_images():
    network, batch, x_adv = setup()
    clean, worst = (cross_entropy(batch.y, network(x)).numpy() for x in (batch.x, x_adv))
    for r in (0.0, 0.7, 1.0):
        terms = make_objective("madry", adversarial_ratio=r, **INNER).outer(network, batch, x_adv, the_step())
        np.testing.assert_allclose(sum(t.numpy() for t in terms.values()), r * worst + (1 - r) * clean, rtol=1e-5)
    with pytest.raises(InputError):
        make_objective("madry", adversarial_ratio=1.5, **INNER)


def test_adversarial_ratio_moves_batch_statistics_once():
    network, (x, y) = small_network(batch_norm=True), images(6)
    layer = next(la for la in network.layers if isinstance(la, keras.layers.BatchNormalization))
    before = np.array(layer.moving_mean)
    once = keras.models.clone_model(network)
    once.set_weights(network.get_weights())
    make_objective("madry", adversarial_ratio=0.5, **INNER).outer(network, Batch(x, y), x, the_step())
    once(tf.concat([x, x], 0), training=True)
    other = once.get_layer(layer.name)
    assert np.abs(np.array(layer.moving_mean) - before).max() > 0
    np.testing.assert_allclose(layer.moving_mean, other.moving_mean, atol=1e-6)


def test_a_signed_anchor_is_the_image_scaled_to_minus_one_to_one():
    network, batch, x_adv = setup()
    row = dataclasses.replace(ART, anchor="signed", loss="cosine")
    g = gradient(make_score(softplus_surrogate(network, 5.0), "logit"), x_adv, batch.y).numpy().reshape(6, -1)
    a = 2 * x_adv.numpy().reshape(6, -1) - 1
    cosine = (g * a).sum(1) / (np.linalg.norm(g, axis=1) * np.linalg.norm(a, axis=1))
    np.testing.assert_allclose(row.attribution_loss(network, batch, x_adv), 1 - cosine, atol=1e-5)


def test_the_mean_over_the_channels_of_image_and_gradients_is_compared_where_that_is_asked_for():
    network = make_model("digits_cnn", (8, 8, 3), 10, 0.5)
    x, y = images(shape=(8, 8, 3))
    g, other = dataclasses.replace(ART, channels="all").gradients(network, x, y)
    a, g, other = (v.numpy().mean(axis=3).reshape(6, -1) for v in (x, g, other))

    def distance(p):
        return 1 - (p * a).sum(1) / (np.linalg.norm(p, axis=1) * np.linalg.norm(a, axis=1))

    row, batch = dataclasses.replace(ART, channels="mean"), Batch(x, y)
    want = np.log1p(np.exp(distance(g) - distance(other)))
    np.testing.assert_allclose(row.attribution_loss(network, batch, x), want, rtol=1e-5)
    np.testing.assert_allclose(dataclasses.replace(row, pair=True).paired_loss(network, batch, x), want, rtol=1e-5)
    l2 = dataclasses.replace(row, loss="l2").attribution_loss(network, batch, x)
    np.testing.assert_allclose(l2, np.linalg.norm(g - a, axis=1), rtol=1e-4)
    assert not np.allclose(ART.attribution_loss(network, batch, x), want, rtol=1e-3)
    with pytest.raises(InputError, match="channels=mean"):
        dataclasses.replace(row, attack_k=5)


if __name__ == "__main__":
    run_tests(__file__)

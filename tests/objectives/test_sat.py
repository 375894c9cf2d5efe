"""SAT: the two directions and their chances, the draws of sources and branches, the ranges of teacher maps."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import images, linear_network, run_tests, shallow_network, small_network, the_step
from tfrobust.losses import cross_entropy
from tfrobust.objectives import make_objective
from tfrobust.objectives.sat_maps import SAT_MAPS, SIGNS, boxed, sat_map, scaled
from tfrobust.types import Batch, InputError

EPS = 0.1
INNER = {"eps": EPS, "attack_steps": 2, "step_size": 0.05}


@functools.cache
def untrained(make=shallow_network):
    """For tests that leave its weights alone."""
    return make()


def batch(n=6, sources=1, shape=(8, 8, 1)):
    x, y = images(n, shape=shape)
    s = tf.random.stateless_uniform([n, sources, *shape], [3, 4], -1.0, 1.0)
    return Batch(0.2 + 0.6 * x, y, s)  # No pixel is clipped at eps 0.1.


def delta(b, step=None, **hyper):
    x_adv = make_objective("sat", eps=EPS, **hyper).inner(None, b, step or the_step())
    return (x_adv - b.x).numpy() / EPS


def test_at_the_end_it_is_minus_the_map_and_at_the_start_a_sign():
    b = batch()
    np.testing.assert_allclose(delta(b, alpha=0.0, anneal="step", step=the_step(1)), -b.s[:, 0], atol=1e-5)
    signs = delta(batch(200), alpha=0.9)  # Epoch 0: alpha^0 = 1.
    np.testing.assert_allclose(np.abs(signs), 1.0, atol=1e-5)
    assert abs(signs.mean()) < 4 / np.sqrt(signs.size)


def test_the_weights_descend_on_the_cross_entropy_alone():
    network, b = untrained(), batch()
    x_adv = b.x + 0.05
    terms = make_objective("sat", eps=EPS, alpha=0.9).outer(network, b, x_adv, the_step())
    assert set(terms) == {"cross_entropy_adv"}
    np.testing.assert_allclose(terms["cross_entropy_adv"], cross_entropy(b.y, network(x_adv)), rtol=1e-5)


@pytest.mark.parametrize("epoch, chance", [(1, 0.6), (3, 0.216)])
def test_the_chance_of_noise_is_alpha_to_the_epoch(epoch, chance):
    b = batch(200)
    b = b._replace(s=tf.zeros_like(b.s))
    step = the_step(77)._replace(epoch=tf.constant(epoch, tf.int64))
    share = np.mean(np.abs(delta(b, step, alpha=0.6)) > 0.5)
    assert abs(share - chance) < 4 * 0.5 / np.sqrt(200 * 64)
    by_step = the_step(epoch)._replace(epoch=tf.constant(50, tf.int64))
    share = np.mean(np.abs(delta(b, by_step, alpha=0.6, anneal="step")) > 0.5)
    assert abs(share - chance) < 4 * 0.5 / np.sqrt(200 * 64)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("anneal, alpha", [("epoch", 0.9), ("step", 0.9), ("epoch", 1.0), ("step", 1.0)])
def test_noise_is_alone_until_its_chance_falls_below_1(steps, anneal, alpha):
    sat = make_objective("sat", eps=0.1, alpha=alpha, anneal=anneal)
    counted = [i * 10 // 35 if anneal == "epoch" else i for i in range(steps)]
    assert sat.noise_alone(steps, 10, 35) == all(alpha**t == 1 for t in counted)


def test_what_leaves_the_range_is_clipped():
    x = tf.ones([2, 8, 8, 1])
    b = Batch(x, tf.zeros([2], tf.int32), -tf.ones([2, 1, 8, 8, 1]))
    assert np.array_equal(make_objective("sat", eps=EPS, alpha=0.0, anneal="step").inner(None, b, the_step(1)), x)


def test_one_of_two_sources_is_drawn_for_a_whole_batch_or_a_whole_epoch():
    b = batch(sources=2)

    def source(step, **hyper):
        d = -delta(b, step, alpha=0.0, anneal="step", **hyper)
        hits = [np.allclose(d, b.s[:, i], atol=1e-5) for i in range(2)]
        assert sum(hits) == 1
        return hits.index(True)

    def step(iteration, epoch):
        seed = tf.constant([1, iteration])
        return the_step(iteration)._replace(seed=seed, batch_seed=seed, epoch=tf.constant(epoch, tf.int64))

    by_batch = [source(step(i, 0)) for i in range(1, 25)]
    assert 6 <= sum(by_batch) <= 18
    by_epoch = [[source(step(i, e), draw="epoch") for i in range(1, 3)] for e in range(24)]
    assert all(len(set(drawn)) == 1 for drawn in by_epoch) and 6 <= sum(drawn[0] for drawn in by_epoch) <= 18


@pytest.mark.parametrize(
    "name, baseline, own", [("pgd_sat", "madry", {}), ("trades_sat", "trades", {"kl_weight": 1.0})]
)
def test_a_fair_coin_per_batch_chooses_the_attack_or_the_map(name, baseline, own):
    network, b = untrained(), batch()
    own = {**INNER, "attack_steps": 1, **own}
    mixed, attack = make_objective(name, alpha=0.5, **own), make_objective(baseline, **own)
    sat = make_objective("sat", eps=EPS, alpha=0.5)
    drawn = []
    for i in range(16):
        seed = tf.constant([1, i])
        step = the_step(3)._replace(seed=seed, batch_seed=seed)
        got = mixed.inner(network, b, step)
        hits = [np.array_equal(got, each.inner(network, b, step)) for each in (attack, sat)]
        assert sum(hits) == 1
        drawn.append(hits.index(True))
    assert 4 <= sum(drawn) <= 12
    x_adv = sat.inner(network, b, the_step())
    for got, want in zip(
        mixed.outer(network, b, x_adv, the_step()).items(), attack.outer(network, b, x_adv, the_step()).items()
    ):
        assert got[0] == want[0] and np.array_equal(got[1], want[1])


def test_what_is_missing_or_wrong_is_refused():
    with pytest.raises(InputError, match="map beside each image"):
        delta(batch()._replace(s=None), alpha=0.5)
    for wrong in ({"alpha": 1.5}, {"alpha": 0.5, "anneal": "day"}, {"alpha": 0.5, "draw": "never"}):
        with pytest.raises(InputError):
            make_objective("sat", eps=EPS, **wrong)
    with pytest.raises(InputError, match="guided_backpropagation"):
        sat_map(untrained(small_network), "lime", *images())


@pytest.mark.parametrize("method", SAT_MAPS)
def test_every_teacher_map_lies_in_its_range(method):
    s = sat_map(untrained(small_network), method, *images()).numpy()
    assert s.shape == (6, 8, 8, 1) and np.ptp(s) > 0
    if method in SIGNS:
        assert set(np.unique(s)) <= {-1, 0, 1}
    elif method == "guided_grad_cam_plus_plus":
        assert s.min() >= -1 and s.max() <= 1
    else:
        np.testing.assert_allclose([s.min(axis=(1, 2, 3)), s.max(axis=(1, 2, 3))], [[0] * 6, [1] * 6], atol=1e-6)


def test_teacher_maps_in_closed_form():
    """On a linear network every gradient is the weights; guided, behind a ReLU on the images, those above zero."""
    w = np.random.RandomState(0).randn(4, 4, 3, 10)
    x, y = images(shape=(4, 4, 3))
    own = np.moveaxis(w, -1, 0)[y.numpy()]
    network = linear_network(w)
    assert np.array_equal(sat_map(network, "gradient", x, y), np.sign(own))
    inputs = keras.Input((4, 4, 3))
    rectified = keras.Model(inputs, network(layers.ReLU()(inputs)))
    assert np.array_equal(sat_map(rectified, "guided_backpropagation", x, y), np.sign(np.maximum(own, 0)))
    low, high = (own.reshape(6, -1).min(1), own.reshape(6, -1).max(1))
    want = (own - low[:, None, None, None]) / (high - low)[:, None, None, None]
    np.testing.assert_allclose(sat_map(network, "smoothgrad", x, y), want, atol=1e-4)


def test_guided_grad_cam_joins_a_sign_and_a_share():
    inputs = keras.Input((4, 4, 1))
    h = layers.Activation("relu")(layers.Conv2D(2, 1)(inputs))
    network = keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(h)))
    x, y = images(shape=(4, 4, 1))
    g, c = (sat_map(network, method, x, y).numpy() for method in ("guided_backpropagation", "grad_cam_plus_plus"))
    got = sat_map(network, "guided_grad_cam_plus_plus", x, y)
    np.testing.assert_allclose(got, ((g + 1) * (c + 1) - 2) / 2, atol=1e-6)


def test_the_box_is_the_smallest_around_what_is_above_half():
    a = np.zeros((2, 5, 6, 1), np.float32)
    a[0, 1, 2], a[0, 3, 3], a[0, 2, 5] = 1.0, 0.6, 0.4
    want = -np.ones_like(a)
    want[0, 1:4, 2:4] = 1
    assert np.array_equal(boxed(tf.constant(a)), want)
    assert np.array_equal(scaled(tf.constant([[[[1.0], [3.0]], [[2.0], [1.0]]]]))[0, ..., 0], [[0, 1], [0.5, 0]])
    assert not np.any(scaled(tf.ones([1, 2, 2, 1])))


if __name__ == "__main__":
    run_tests(__file__)

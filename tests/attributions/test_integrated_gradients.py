"""The axioms, the golden numbers, and that chunks change nothing, in first and second order."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import (
    WEIGHTS,
    assert_close,
    images,
    linear_network,
    reference,
    reference_batch,
    reference_network,
    run_tests,
    small_network,
)
from tfrobust.attributions import integrated_gradients as ig_module
from tfrobust.attributions import make_score
from tfrobust.attributions.affine_start import cut_behind_affine_start
from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.quadrature import RULES
from tfrobust.models import make_model
from tfrobust.models.normalization import PerImageStandardization
from tfrobust.networks.surrogates import softplus_surrogate

# Of some points, of one, and more than there are.  None is what the others are compared with.
CHUNKS = [3, *(pytest.param(chunk, marks=pytest.mark.exhaustive) for chunk in (None, 1, 50))]


# Of 50 points without chunks the norm is compared below.
CROSSED = [pytest.param(m, chunk, marks=pytest.mark.exhaustive) for m, chunk in ((50, None), (10, 7))]


@pytest.mark.parametrize("m, chunk", [(50, 7), (10, None), *CROSSED])
def test_agrees_with_the_released_code(m, chunk):
    x, y, x_adv = reference_batch()
    ig = integrated_gradients(make_score(reference_network(), "loss"), x_adv, y, x, m, chunk=chunk)
    assert_close(ig, reference()[f"ig_loss_m{m}"], 1e-5)


# Where the points of each rule are is seen below.
@pytest.mark.parametrize(
    "rule, tolerance",
    [
        ("right", 0.05),
        pytest.param("left", 0.05, marks=pytest.mark.exhaustive),
        pytest.param("trapezoid", 5e-3, marks=pytest.mark.exhaustive),
        ("gauss_legendre", 5e-3),
    ],
)
def test_completeness(rule, tolerance):
    network = small_network()
    x, y = images()
    x0 = tf.random.stateless_uniform(x.shape, [1, 2])
    score = make_score(network, "logit")
    ig = integrated_gradients(score, x, y, x0, 200, rule=rule)
    change = score(x, y) - score(x0, y)
    np.testing.assert_allclose(tf.reduce_sum(ig, axis=[1, 2, 3]), change, atol=tolerance * np.abs(change).max())


@pytest.mark.parametrize("rule", RULES)
def test_of_a_linear_score_it_is_exact_with_one_step(rule):
    w = np.random.RandomState(0).randn(8, 8, 1, 10)
    x, y = images()
    ig = integrated_gradients(make_score(linear_network(w, 3.0), "logit"), x, y, 0.25, 1, rule=rule)
    np.testing.assert_allclose(ig, (x - 0.25) * np.moveaxis(w, -1, 0)[y.numpy()], rtol=1e-5, atol=1e-6)


def test_of_a_square_the_end_points_show():
    # score = sum x^2 from black: IG is x^2 (1 + 1/m) with right end points, (1 - 1/m) with left, x^2 else.
    x, _ = images()

    def ig(rule):
        return integrated_gradients(
            lambda x, y: tf.reduce_sum(x**2, axis=[1, 2, 3]), x, tf.zeros(6), None, 4, rule=rule
        )

    for rule, factor in (("right", 1.25), ("left", 0.75), ("trapezoid", 1.0), ("gauss_legendre", 1.0)):
        np.testing.assert_allclose(ig(rule), factor * x**2, rtol=1e-4)


def test_sensitivity_and_symmetry():
    def score(x, y):  # Symmetric in pixels (0, 0) and (1, 1), blind to all others.
        return tf.nn.softplus(3 * x[:, 0, 0, 0] * x[:, 1, 1, 0])

    x, y = images()
    x = tf.tensor_scatter_nd_update(x, [[0, 1, 1, 0]], [x[0, 0, 0, 0]])
    ig = integrated_gradients(score, x, y, steps=20).numpy()
    np.testing.assert_allclose(ig[0, 0, 0], ig[0, 1, 1], rtol=1e-5)
    ig[:, 0, 0] = ig[:, 1, 1] = 0
    assert not ig.any()


def test_baseline_at_the_image_gives_zero():
    x, y = images()
    assert not np.any(integrated_gradients(make_score(small_network(), "logit"), x, y, x, 5))


# The graph of a method whose maps have chunks is looked at in tests/networks/test_bfloat16.py.
IN_GRAPHS = [pytest.param(chunk, True, marks=pytest.mark.exhaustive) for chunk in (1, 3, 50)]


@pytest.mark.parametrize("chunk, graph", [(None, False), (20, False), *IN_GRAPHS])
def test_weight_gradients_agree_with_the_released_code(chunk, graph):
    r, network = reference(), reference_network()
    x, y, x_adv = reference_batch()
    loss = make_score(network, "loss")

    def regularized():
        with tf.GradientTape() as tape:
            l1 = tf.reduce_sum(tf.abs(integrated_gradients(loss, x_adv, y, x, 50, chunk=chunk)))
            value = tf.reduce_sum(loss(x, y)) + 0.1 * l1
        return l1, value, tape.gradient(value, network.trainable_variables)

    l1, value, grads = (tf.function(regularized) if graph else regularized)()
    assert_close(l1, r["l1_m50"], 1e-5)
    assert_close(value, r["ig_norm_loss_lambda0.1"], 1e-5)
    for name, g in zip(WEIGHTS, grads):
        assert_close(g, r["grad_ig_norm_" + name], 1e-4)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_gradients_by_image_and_baseline_do_not_depend_on_chunk(chunk):
    network = small_network()
    x, y = images()
    x0 = tf.random.stateless_uniform(x.shape, [1, 2])
    cotangent = tf.random.stateless_normal(x.shape, [3, 4])

    def by(chunk):
        with tf.GradientTape() as tape:
            tape.watch([x, x0])
            ig = integrated_gradients(make_score(network, "loss"), x, y, x0, 7, chunk=chunk)
        return [ig, *tape.gradient(ig, [x, x0], output_gradients=cotangent)]

    for got, want in zip(by(chunk), by(None)):
        assert_close(got, want, 1e-5)


def test_a_chunked_score_without_weights_has_gradients_too():
    x, y = images()

    def total(chunk):
        with tf.GradientTape() as tape:
            tape.watch(x)
            ig = integrated_gradients(lambda x, y: tf.reduce_sum(x**3, axis=[1, 2, 3]), x, y, None, 5, chunk=chunk)
        return tape.gradient(ig, x)

    assert_close(total(2), total(None), 1e-5)


def test_per_image_standardization_turns_it_into_image_times_gradient():
    # Where the score is invariant to positive scale, IG from black with right end points is H_m x grad(x).
    def score(x, y):  # Times 100, because the op has a floor on the deviation that must not act.
        return tf.reduce_max(tf.image.per_image_standardization(100 * x), axis=[1, 2, 3])

    x, y = images()
    want = sum(1 / k for k in range(1, 51)) * x * gradient(score, x, y)
    assert_close(integrated_gradients(score, x, y, steps=50), want, 1e-3)


def drawn(ig, seed, n):
    """The maps ig((seed, i)) of i below n, in one graph."""
    seeds = tf.stack([tf.fill([n], seed), tf.range(n)], axis=1)
    return tf.function(lambda: tf.map_fn(ig, seeds, fn_output_signature=tf.float32))().numpy()


def test_of_a_square_drawn_points_have_no_bias():
    # score = sum x^2 from black: IG is x^2, and twice the mean of the points times it where they are drawn.
    x, _ = images()

    def ig(seed):
        return integrated_gradients(
            lambda x, y: tf.reduce_sum(x**2, axis=[1, 2, 3]), x, tf.zeros(6), steps=2, seed=seed
        )

    draws = drawn(ig, 1, 300)
    assert np.abs(draws[0] - draws[1]).max() > 1e-3
    # The deviation of one draw's factor is 1 / sqrt(24): each point's is 1 / (2 sqrt(12)), and their mean is doubled.
    np.testing.assert_allclose(draws.mean(axis=0), x**2, rtol=3 / np.sqrt(24 * 300))


# That chunks change nothing is seen below.
@pytest.mark.parametrize("chunk", [None, pytest.param(2, marks=pytest.mark.exhaustive)])
def test_of_a_network_the_mean_over_drawn_points_tends_to_integrated_gradients(chunk):
    network = STARTS["convolution"]()  # Cut behind its affine start.
    x, y = images(2)
    score = make_score(network, "probability")
    draws = drawn(lambda seed: integrated_gradients(score, x, y, 0.5, 3, chunk=chunk, seed=seed), 2, 400)
    exact = integrated_gradients(score, x, y, 0.5, 50, rule="gauss_legendre").numpy()
    errors = np.abs(draws.mean(axis=0) - exact)
    assert errors.mean() < 0.2 * np.abs(draws[0] - exact).mean()  # One of 400 draws: 20 times as far.
    right = integrated_gradients(score, x, y, 0.5, 3).numpy()
    assert errors.mean() < 0.1 * np.abs(right - exact).mean()


@pytest.mark.parametrize("chunk", [2, *(pytest.param(chunk, marks=pytest.mark.exhaustive) for chunk in (1, 5))])
def test_drawn_points_do_not_depend_on_chunks_nor_on_the_cut(chunk, monkeypatch):
    network = STARTS["normalised"]()
    x, y = images(3)
    score, seed = make_score(network, "loss"), tf.constant([5, 6])

    def both(chunk):
        with tf.GradientTape() as tape:
            tape.watch(x)
            ig = integrated_gradients(score, x, y, 0.5, 5, chunk=chunk, seed=seed)
            total = tf.reduce_sum(ig**2)
        return [ig, *tape.gradient(total, [x, *network.trainable_variables], unconnected_gradients="zero")]

    chunked = both(chunk)
    without_cut(monkeypatch)
    for got, want in zip(chunked, both(None)):
        assert_close(got, want, 1e-4)


def without_cut(monkeypatch):
    monkeypatch.setattr(ig_module, "cut_behind_affine_start", lambda score: None)


def convolutional(*before, activation=None, **options):
    """A convolution behind the layers `before`, and a head."""
    inputs = x = keras.Input((8, 8, 1))
    for layer in before:
        x = layer(x)
    x = layers.Conv2D(4, 3, activation=activation, **options)(x)
    x = layers.Activation("softplus")(x)
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))


STARTS = {
    "convolution": lambda: convolutional(padding="same"),
    "strides, no bias": lambda: convolutional(strides=2, use_bias=False),
    "normalised": lambda: convolutional(layers.Rescaling(2.0, -1.0), layers.Normalization(mean=0.5, variance=0.1)),
    "padded": lambda: convolutional(layers.ZeroPadding2D(1)),
}


def both_orders(network, x, y, x0, chunk, rule):
    """IG, and the gradients of a sum of it by the image, by the baseline and by the weights."""
    x0 = x0 if x0 is None else tf.constant(x0)
    with tf.GradientTape() as tape:
        tape.watch([x, x0] if x0 is not None else [x])
        ig = integrated_gradients(make_score(network, "probability"), x, y, x0, 5, rule=rule, chunk=chunk)
        total = tf.reduce_sum(ig**2) + tf.reduce_sum(tf.sin(9 * ig))
    sources = [x, *([] if x0 is None else [x0]), *network.trainable_variables]
    return [ig, *tape.gradient(total, sources, unconnected_gradients="zero")]


CUT = [("convolution", False, None), ("strides, no bias", True, 2), ("normalised", True, None), ("padded", False, 2)]


@pytest.mark.parametrize("name, baseline, chunk", CUT)
def test_the_cut_behind_an_affine_start_changes_nothing(name, baseline, chunk, monkeypatch):
    network = STARTS[name]()
    assert cut_behind_affine_start(make_score(network, "logit")) is not None
    x, y = images(3)
    x0 = np.random.RandomState(3).rand(*x.shape).astype(np.float32) if baseline else None
    x = tf.constant(x)
    cut = both_orders(network, x, y, x0, chunk, "trapezoid")
    without_cut(monkeypatch)
    for got, want in zip(cut, both_orders(network, x, y, x0, chunk, "trapezoid")):
        assert_close(got, want, 1e-4)


def test_what_is_not_affine_is_not_cut():
    inputs = keras.Input((8, 8, 1))
    h = layers.Flatten()(layers.Conv2D(2, 3)(inputs))
    beside = keras.Model(inputs, layers.Dense(10)(layers.Concatenate()([h, layers.Flatten()(inputs)])))
    networks = {
        "an activation": convolutional(activation="relu"),
        "a pooling before": convolutional(layers.MaxPooling2D(2)),
        "a standardization of each image": convolutional(PerImageStandardization()),
        "a path beside": beside,
        "no convolution": linear_network(np.ones((8, 8, 1, 10))),
    }
    assert not [n for n, network in networks.items() if cut_behind_affine_start(make_score(network, "logit"))]
    assert cut_behind_affine_start(lambda x, y: x) is None
    assert cut_behind_affine_start(make_score(convolutional(), "logit", training=True)) is None


def test_a_surrogate_is_cut_and_follows_its_network():
    network = made_network()
    surrogate = softplus_surrogate(network, 5.0)
    head, tail = cut_behind_affine_start(make_score(surrogate, "logit"))
    x, y = images(2)
    assert_close(tail(head(x), y), make_score(surrogate, "logit")(x, y), 1e-5)
    network.trainable_variables[0].assign_add(tf.ones_like(network.trainable_variables[0]))
    assert_close(tail(head(x), y), make_score(surrogate, "logit")(x, y), 1e-5)


def without_shortcut(monkeypatch):
    monkeypatch.setattr(ig_module, "one_gradient_is_enough", lambda score, baseline, points: False)


@pytest.fixture(scope="module")
def bias_free():
    """A network without biases, whose logits are of the size of trained ones."""
    keras.utils.set_random_seed(2)
    network = make_model("mnist_cnn", (8, 8, 1), 10, 0.1, bias=False)
    network.set_weights([3 * w for w in network.get_weights()])
    return network


@pytest.mark.parametrize("rule, chunk", [("right", None), ("right", 2), ("gauss_legendre", None)])
def test_of_a_homogeneous_network_one_gradient_gives_the_plain_form(bias_free, rule, chunk, monkeypatch):
    """The map, and the derivatives of a function of it by the image and by every weight."""

    def both(x, y):
        with tf.GradientTape() as tape:
            tape.watch(x)
            ig = integrated_gradients(make_score(bias_free, "logit"), x, y, 0.0, 5, rule=rule, chunk=chunk)
            total = tf.reduce_sum(tf.sin(9 * ig))
        return [ig, *tape.gradient(total, [x, *bias_free.trainable_variables])]

    x, y = images(4)
    short = both(x, y)
    assert_close(short[0], x * gradient(make_score(bias_free, "logit"), x, y), 1e-6)
    without_shortcut(monkeypatch)
    for got, want in zip(short, both(x, y)):
        assert np.abs(want).max() > 0
        assert_close(got, want, 1e-4)


def test_then_it_asks_the_network_once_whatever_the_number_of_steps(bias_free):
    x, y = images(2)
    asked = []
    inner = bias_free.call

    def counted(inputs, *args, **kwargs):
        asked.append(int(inputs.shape[0]))
        return inner(inputs, *args, **kwargs)

    bias_free.call = counted
    try:
        for steps in (1, 50):
            integrated_gradients(make_score(bias_free, "logit"), x, y, steps=steps)
    finally:
        bias_free.call = inner
    assert asked == [2, 2]


def test_completeness_of_a_homogeneous_network_is_exact_with_one_step(bias_free):
    x, y = images(5)
    score = make_score(bias_free, "logit")
    got = tf.reduce_sum(integrated_gradients(score, x, y, steps=1), axis=[1, 2, 3])
    np.testing.assert_allclose(got, score(x, y), rtol=1e-4, atol=1e-5)


NOT_TAKEN = {
    "a probability": {"score": "probability"},
    "a loss": {"score": "loss"},
    "a grey baseline": {"baseline": 0.5},
    "a baseline of tensors, whose values are not looked at": {"baseline": tf.zeros([1, 8, 8, 1])},
    "the point zero": {"rule": "left"},
    "the point zero at one end": {"rule": "trapezoid"},
    "points that are drawn": {"seed": tf.constant([1, 2])},
    "biases": {"network": lambda: small_network()},
    "biases of zero": {"network": lambda: zero_biases(small_network())},
    "batch normalization": {"network": lambda: small_network(batch_norm=True)},
    "a standardization of each image": {"network": lambda: convolutional(PerImageStandardization())},
}


def zero_biases(network):
    network.set_weights([0 * w if w.ndim == 1 else w for w in network.get_weights()])
    return network


@pytest.mark.parametrize("case", NOT_TAKEN)
def test_the_shortcut_is_not_taken_where_it_may_not_hold(case, bias_free, monkeypatch):
    given = {"network": lambda: bias_free, "score": "logit", "baseline": None, "rule": "right", "seed": None}
    given |= NOT_TAKEN[case]
    score = make_score(given.pop("network")(), given.pop("score"))
    x, y = images(3)
    got = integrated_gradients(score, x, y, steps=4, **given)
    without_shortcut(monkeypatch)
    assert np.array_equal(got, integrated_gradients(score, x, y, steps=4, **given))


def test_where_it_does_not_hold_image_times_gradient_is_something_else(bias_free):
    x, y = images(3)
    for score in (make_score(bias_free, "probability"), make_score(made_network(), "logit")):
        ig = integrated_gradients(score, x, y, steps=10).numpy()
        assert np.abs(ig - x * gradient(score, x, y)).max() > 0.02 * np.abs(ig).max()


def made_network():
    return make_model("mnist_cnn", (8, 8, 1), 10, 0.1)


if __name__ == "__main__":
    run_tests(__file__)

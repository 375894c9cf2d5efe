"""Maps without gradients: closed forms, chunks and their memory, attacks by squares and along gradients."""

import functools
import itertools
import weakref

import numpy as np
import pytest
import tensorflow as tf
from keras import initializers, layers

from tests.helpers import (
    assert_close,
    convolutional_network,
    images,
    linear_network,
    run_tests,
    shallow_network,
    small_network,
)
from tfrobust import audit_callable
from tfrobust.attacks import Ensemble, Ifia, Noise, Squares, Stripes, TopK
from tfrobust.attributions import attribute, make_map, make_score, saliency_map
from tfrobust.attributions.occlusion import occlusion
from tfrobust.attributions.rise import random_masks, resized, rise
from tfrobust.evaluation import MapTask, Suite, evaluate
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

OF = Comparison(k=8)
SMALL = {"occlusion": make_map("occlusion"), "rise": make_map("rise", masks=12, cells=3, score="probability")}


@functools.cache
def network_of_all():
    """Every test leaves its weights as they are."""
    return shallow_network()


def linear(channels=1, b=0.0):
    """(the score of a linear network, images, labels, the weights of each label)."""
    w = np.random.RandomState(0).randn(5, 7, channels, 10)
    x, y = images(shape=w.shape[:3])
    return make_score(linear_network(w, b), "logit"), x, y, np.moveaxis(w, -1, 0)[y.numpy()].astype(np.float32)


@pytest.mark.parametrize("channels, baseline", [(1, 0.0), (3, 0.0), (1, 0.5)])
def test_on_a_linear_score_a_covered_pixel_takes_its_own_part_away(channels, baseline):
    score, x, y, w = linear(channels)
    a = occlusion(score, x, y, patch=1, stride=1, baseline=baseline)
    np.testing.assert_allclose(tf.reduce_sum(a, axis=-1), np.sum(w * (x - baseline), axis=-1), atol=1e-5)
    np.testing.assert_array_equal(a, np.repeat(a[..., :1], channels, axis=-1))


def covering(size, patch, stride):
    """The places of the squares along a side, as the text of `occlusion` says, one by one."""
    starts, start = [0], 0
    while start + patch < size:
        start += stride
        starts.append(start)
    return [set(range(start, min(start + patch, size))) for start in starts]


@pytest.mark.parametrize("patch, stride", [(2, 1), (3, 2), (4, 3), (3, 3)])
def test_each_pixel_gets_the_mean_of_the_squares_that_cover_it_fewer_at_the_edge(patch, stride):
    score, x, y, w = linear()
    parts = (w * x).numpy()[..., 0]
    total, times = np.zeros_like(parts), np.zeros((5, 7))
    for rows, columns in itertools.product(covering(5, patch, stride), covering(7, patch, stride)):
        place = np.ix_(sorted(rows), sorted(columns))
        total[:, place[0], place[1]] += parts[:, place[0], place[1]].sum(axis=(1, 2), keepdims=True)
        times[place] += 1
    assert times.min() == 1 and (times[0, 0] < times.max() or stride == patch)
    np.testing.assert_allclose(occlusion(score, x, y, patch=patch, stride=stride)[..., 0], total / times, atol=1e-5)


@pytest.mark.parametrize("patch", [7, 20])
def test_a_square_as_large_as_the_image_gives_every_pixel_the_whole_drop(patch):
    score, x, y, w = linear(b=2.0)
    whole = np.sum(w * x, axis=(1, 2, 3)).reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(occlusion(score, x, y, patch=patch, stride=2), whole * np.ones_like(x), atol=1e-5)


def test_covering_what_is_black_changes_exactly_nothing_but_has_a_derivative():
    network, (x, y) = small_network(), images()
    x = x * tf.reshape(tf.cast(tf.range(8) >= 5, tf.float32), [1, 8, 1, 1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        a = occlusion(make_score(network, "logit"), x, y, patch=2, stride=2)
        black = tf.reduce_sum(a[:, :4] ** 2 + a[:, :4])
    assert not np.any(a[:, :4]) and np.any(a[:, 5:])
    assert np.abs(tape.gradient(black, x)[:, :4]).max() > 0


def smoothing(shape, cells):
    """K of the text of `rise`: [H*W, H*W], from the masks of single cells at all places."""
    height, width = shape
    single = tf.reshape(tf.eye(cells * cells), [-1, cells, cells])
    sizes = [-(-side // cells) for side in shape]
    places = list(itertools.product(*(range(size) for size in sizes)))
    total = 0.0
    for place in places:
        u = resized(single, tf.tile([place], [cells * cells, 1]), height, width).numpy().reshape(cells * cells, -1)
        total = total + u.T @ u
    return total / len(places)


def expectation(x, w, b, probability, cells):
    parts = (w * x).numpy().reshape(len(x), -1)
    spread = parts @ smoothing(x.shape[1:3], cells)
    a = probability * parts.sum(axis=1, keepdims=True) + b + (1 - probability) * spread
    return a.reshape(x.shape)


def test_rise_of_all_masks_of_a_tiny_grid_is_its_expectation_on_a_linear_score():
    score, x, y, w = linear(b=2.0)
    grids = np.array(list(itertools.product([0.0, 1.0], repeat=4)), np.float32).reshape(-1, 2, 2)
    places = np.array(list(itertools.product(range(3), range(4))), np.int32)
    grids, places = np.repeat(grids, len(places), axis=0), np.tile(places, (len(grids), 1))
    a = rise(score, x, y, tf.constant(grids), tf.constant(places), probability=0.5, chunk=50)
    np.testing.assert_allclose(a, expectation(x, w, 2.0, 0.5, 2), atol=1e-5)


def test_rise_of_many_masks_is_within_its_standard_error_of_the_expectation():
    """Each pixel's error, in units of its standard error over masks, is at most 5; their mean square is about 1."""
    score, x, y, w = linear(b=2.0)
    n, p = 4000, 0.3
    grids, shifts = random_masks(n, 3, p, height=5, width=7)
    a = rise(score, x, y, grids, shifts, probability=p).numpy()
    masks = resized(grids, shifts, 5, 7).numpy()
    values = np.einsum("nhw,bhw->nb", masks, (w * x).numpy()[..., 0]) + 2.0
    error = np.std(values[:, :, None, None] * masks[:, None] / p, axis=0) / np.sqrt(n)
    z = (a - expectation(x, w, 2.0, p, 3))[..., 0] / error
    assert np.abs(z).max() < 5 and 0.1 < np.mean(z**2) < 3


def test_masks_are_cut_out_of_the_resized_grid_and_have_the_mean_of_their_cells():
    grids, shifts = random_masks(400, 3, 0.3, height=5, width=7)
    whole = tf.image.resize(grids[..., tf.newaxis], (8, 12))[..., 0]
    for mask, large, (row, column) in zip(resized(grids, shifts, 5, 7), whole, shifts.numpy()):
        np.testing.assert_allclose(mask, large[row : row + 5, column : column + 7], atol=1e-6)
    assert {tuple(s) for s in shifts.numpy()} == set(itertools.product(range(2), range(3)))
    assert abs(np.mean(resized(grids, shifts, 5, 7)) - 0.3) < 0.03


@pytest.mark.parametrize("method", SMALL)
def test_a_map_is_the_same_in_every_call_and_batch_and_another_seed_gives_another_one(method):
    network, (x, y) = network_of_all(), images()
    a = attribute(network, SMALL[method], x, y)
    np.testing.assert_array_equal(a, attribute(network, SMALL[method], x, y))
    assert_close(attribute(network, SMALL[method], x[2:3], y[2:3]), a[2:3], 1e-5)
    other = {"seed": 1} if method == "rise" else {"baseline": 0.5}
    own = {"masks": 12, "cells": 3, "score": "probability"} if method == "rise" else {}
    assert np.abs(attribute(network, make_map(method, **own, **other), x, y) - a).max() > 0


# An attack below is the same in chunks without a graph.
@pytest.mark.parametrize("graph", [pytest.param(False, marks=pytest.mark.exhaustive), True])
@pytest.mark.parametrize("method", SMALL)
def test_chunks_change_neither_maps_nor_derivatives_by_images_and_weights(method, graph):
    network, (x, y) = network_of_all(), images()

    def by(chunk):
        with tf.GradientTape() as tape:
            tape.watch(x)
            a = saliency_map(network, SMALL[method], x, y, chunk)
            value = tf.reduce_sum(a**2)
        return [a, *tape.gradient(value, [x, *network.trainable_variables])]

    whole = by(None)
    assert sum(np.any(g) for g in whole) >= len(whole) - 1  # A drop has no derivative by the last bias.
    parts = tf.function(by, autograph=False)(5) if graph else by(5)
    for got, want in zip(parts, whole):
        np.testing.assert_allclose(got, want, atol=1e-4 * max(1, np.abs(want).max()))


@pytest.mark.parametrize("method", SMALL)
def test_chunks_bound_how_many_copies_are_held_at_once_in_the_gradient_too(method):
    """What a score keeps for its derivative is counted each time the score is asked: one chunk of copies, not all."""
    x, y = images(3)
    kept, most = [], []

    def score(x, y):
        h = tf.tanh(x)  # Its derivative needs h.
        kept.append((weakref.ref(h), int(x.shape[0])))
        most.append(sum(n for h, n in kept if h() is not None))
        return tf.reduce_sum(h, axis=[1, 2, 3])

    def largest(chunk):
        kept.clear()
        most.clear()
        masks = random_masks(49, 3, 0.5, height=8, width=8)
        maps = {
            "rise": lambda: rise(score, x, y, *masks, probability=0.5, chunk=chunk),
            "occlusion": lambda: occlusion(score, x, y, patch=2, stride=1, chunk=chunk),
        }
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(maps[method]() ** 2)
        assert np.any(tape.gradient(value, x))
        return max(most)

    whole = 3 if method == "occlusion" else 0  # Of the images themselves, from which the scores drop.
    assert largest(4) == 3 * 4 + whole and largest(None) == 3 * 49 + whole


def test_what_covers_nothing_or_leaves_pixels_out_is_refused():
    wrong = [
        ("occlusion", {"patch": 0}),
        ("occlusion", {"stride": 0}),
        ("occlusion", {"patch": 2, "stride": 3}),
        ("occlusion", {"baseline": 1.5}),
        ("rise", {"masks": 0}),
        ("rise", {"cells": 0}),
        ("rise", {"probability": 0.0}),
        ("rise", {"probability": 1.5}),
        ("rise", {"seed": -1}),
    ]
    for method, options in wrong:
        with pytest.raises(InputError, match=next(iter(options))):
            make_map(method, **options)
    with pytest.raises(InputError, match="chunk"):
        attribute(network_of_all(), SMALL["rise"], *images(), 0)


@pytest.fixture(scope="module")
def given():
    """(network, images, the classes that it predicts)."""
    x, _ = images(6)
    network = network_of_all()
    return network, np.asarray(x), np.argmax(network(x), axis=1).astype(np.int32)


# The other is attacked in tests/attributions/test_methods.py; surrogates are followed in the ensemble below.
@pytest.mark.parametrize("method, beta", [("occlusion", None), pytest.param("rise", 5.0, marks=pytest.mark.exhaustive)])
def test_ifia_moves_them_with_and_without_a_surrogate_as_far_as_whole_maps_do(given, eagerly, method, beta):
    """They need no second derivative, so that the network itself can be followed, ReLUs and all."""
    network, x, y = given
    attack = Ifia(0.3, 2, 0.15, goal=TopK(8), softplus_beta=beta)
    whole, parts = (attack.on_maps(network, SMALL[method], OF, chunk)(x, y) for chunk in (None, 4))
    assert whole.moved.all() and whole.had_gradient.all()
    np.testing.assert_allclose(parts.x_adv, whole.x_adv, atol=1e-4)
    assert OF.measure(whole.a, whole.a_adv)["kendall"].mean() < 0.9


def test_black_box_attacks_move_one_alone_and_in_an_ensemble(given, eagerly):
    network, x, y = given
    parts = {
        "noise": Noise(0.3),
        "stripes": Stripes(0.3),
        "squares": Squares(0.3, 4),
        "climb": Ifia(0.3, 1, 0.1, goal=TopK(8), softplus_beta=5.0),
    }
    found = Ensemble(0.3, parts).on_maps(network, SMALL["occlusion"], OF)(x, y, np.arange(6))
    for part in parts:
        assert (found.scores[part, "kendall"] < 1).all(), part


@pytest.mark.exhaustive  # As maps of other functions are in tests/auditing/test_callables.py, and attacked as above.
def test_a_map_of_anybody_is_audited_by_what_asks_for_maps_alone(given, eagerly):
    network, x, y = given
    explain = lambda x, y: attribute(network, SMALL["occlusion"], tf.constant(x), tf.constant(y)).numpy()  # noqa: E731
    audit = audit_callable(lambda x: network(x).numpy(), explain, x, y, eps=0.3, queries=10, images=6)
    assert audit.summary and audit.verdict


def test_an_evaluation_of_a_network_without_exchangeable_relus_has_curvature_enough_for_scores(eagerly):
    """PReLU is in no surrogate; the gradient of a score is all that such a map needs."""
    network = convolutional_network(layers.PReLU(alpha_initializer=initializers.Constant(0.25)))
    x = np.asarray(images(4)[0])
    y = np.argmax(network(x), axis=1).astype(np.int32)
    ifia = Ifia(0.1, 1, 0.1, goal=TopK(8))
    of = {name: MapTask(spec, ifia, OF) for name, spec in {**SMALL, "gradient": make_map("gradient")}.items()}
    result = evaluate(network, x, y, Suite("s", attributions=of, faithful=False, aligned=False, doubled=0))
    raised = {name: {flag.name for flag in result.flags[name] if flag.raised} for name in of}
    assert {name for name in of if "no_relu_exchanged" in raised[name]} == {"gradient"}


if __name__ == "__main__":
    run_tests(__file__)

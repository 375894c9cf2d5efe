"""Uniformly smoothed maps and their certificate: the geometry, the bound and that it is tight, and that it holds."""

import functools
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, linear_network, run_tests, shallow_network
from tfrobust.attacks import Cosine, Ifia
from tfrobust.attributions import attribute, make_map, saliency_map
from tfrobust.attributions.uniform_smoothing import certified_cosine, least_length, not_common, uniform_noise
from tfrobust.evaluation.certificate import certificate_scores, certify, moments, smoothed_cosine
from tfrobust.similarity import Comparison, cosine
from tfrobust.types import InputError


@functools.cache
def network_of_all():
    """Every test leaves its weights as they are."""
    return shallow_network()


def test_noise_is_uniform_in_the_ball():
    draws = uniform_noise(4000, (2, 3, 1), 2.0, (3, 0)).numpy().reshape(4000, -1)
    length = np.linalg.norm(draws, axis=1)
    assert length.max() <= 2.0 + 1e-5
    np.testing.assert_allclose(np.mean(length <= 1.5), 0.75**6, atol=0.02)  # The volume of the smaller ball.
    np.testing.assert_allclose(draws.std(axis=0), 2 / math.sqrt(6 + 2), rtol=0.05)
    np.testing.assert_allclose(draws.mean(axis=0), 0, atol=0.05)


def test_the_share_that_two_balls_do_not_have_in_common():
    np.testing.assert_allclose(not_common(0.6, 1.0, 1), 0.3)  # Intervals.
    circles = 1 - (2 * math.acos(0.25) - 0.25 * math.sqrt(4 - 0.25)) / math.pi
    np.testing.assert_allclose(not_common(0.5, 1.0, 2), circles, rtol=1e-9)
    spheres = 1 - (1 - 0.5 / 2) ** 2 * (2 + 0.5 / 2) / 2
    np.testing.assert_allclose(not_common(0.5, 1.0, 3), spheres, rtol=1e-9)
    assert not_common(0.0, 1.0, 784) == 0 and not_common(2.0, 1.0, 5) == 1 == not_common(9.0, 1.0, 5)
    many, z = 150528, 0.4  # In many dimensions a coordinate of the ball is normal: erf(z / sqrt(2)).
    np.testing.assert_allclose(not_common(2 * z / math.sqrt(many), 1.0, many), math.erf(z / math.sqrt(2)), rtol=1e-4)


def least_by_search(m, u):
    """The least cosine of c + p and c + q, by trying many in a plane: |c| <= 1 - u, |p|, |q| <= u, |c + p| = m."""
    h = np.array([m, 0.0])
    length, angle = np.meshgrid(np.linspace(0, 1, 201) * u, np.linspace(0, 2 * np.pi, 721))
    steps = np.stack([length * np.cos(angle), length * np.sin(angle)], axis=-1).reshape(-1, 2)
    c = h - steps
    c = c[np.linalg.norm(c, axis=1) <= 1 - u + 1e-12]
    t = np.linalg.norm(c, axis=1)
    between = np.arccos(np.clip(c @ h / (m * np.maximum(t, 1e-12)), -1, 1))
    return np.cos(min(np.pi, (between + np.arcsin(np.clip(u / np.maximum(t, 1e-12), 0, 1))).max()))


@pytest.mark.parametrize("m", [0.35, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("u", [0.01, 0.1, 0.15, 0.3])
def test_the_bound_is_the_least_cosine_that_there_is(m, u):
    got = certified_cosine(np.array([m]), 2 * u, 1.0, 1)[0]  # Of intervals of length 2, u is half of the distance.
    if 2 * u >= m:
        assert got == 0
    else:
        np.testing.assert_allclose(got, least_by_search(m, u), atol=2e-3)


def test_a_map_that_is_the_same_everywhere_is_still_whatever_the_distance_is_small():
    u, w = 0.2, 0.8
    np.testing.assert_allclose(certified_cosine(np.array([1.0]), 2 * u, 1.0, 1), math.sqrt(1 - (u / w) ** 2))
    assert certified_cosine(np.array([1.0, 0.3, 0.0]), 0.0, 1.0, 9).tolist() == [1.0, 1.0, 0.0]


def test_a_function_reaches_the_bound_and_goes_below_the_published_one():
    """g on a line, with values in the plane: one each left of, in and right of the common part of two intervals."""
    u, m = 0.1, 0.6
    w, t = 1 - u, math.sqrt(m**2 - 3 * u**2)
    angle = math.acos((m**2 + t**2 - u**2) / (2 * m * t))
    h, c = np.array([m, 0.0]), t * np.array([math.cos(angle), math.sin(angle)])
    p, turn = h - c, angle + math.asin(u / t)
    reached = math.sqrt(t**2 - u**2) * np.array([math.cos(turn), math.sin(turn)])
    q = reached - c
    assert all(np.linalg.norm(v) <= most + 1e-9 for v, most in ((c, w), (p, u), (q, u)))  # So |g| <= 1 everywhere.
    got = h @ reached / (m * np.linalg.norm(reached))
    bound = certified_cosine(np.array([m]), 2 * u, 1.0, 1)[0]
    np.testing.assert_allclose(got, bound, rtol=1e-9)
    for share in (u, 2 * u):  # Of one of the intervals, or of both.
        assert got < m / math.sqrt(m**2 + share**2)


def test_the_lower_bound_of_the_length_fails_no_more_often_than_it_may():
    rng, truth, failed = np.random.RandomState(0), math.sqrt(0.7**2 + 0.3**2), 0
    for _ in range(300):
        g = np.eye(2)[(rng.rand(40) < 0.3).astype(int)]  # (1, 0) or (0, 1): the mean is (0.7, 0.3).
        square = (np.sum(g.sum(axis=0) ** 2) - 40) / (40 * 39)
        failed += least_length(np.array([square]), 40, 0.1)[0] > truth
    assert failed <= 0.1 * 300
    assert least_length(np.array([1.0]), 10**6, 0.001)[0] > 0.99 and least_length(np.array([0.0]), 2, 0.5)[0] == 0


def test_on_a_linear_score_it_is_the_unit_map_of_the_weights():
    w = np.random.RandomState(0).randn(4, 4, 3, 10)
    x, y = images(shape=(4, 4, 3))
    network = linear_network(w)
    spec = make_map("uniformly_smoothed", samples=3, radius=1.0)
    want = np.abs(np.moveaxis(w, -1, 0)[y.numpy()]).sum(axis=-1)
    want /= np.linalg.norm(want.reshape(6, -1), axis=1)[:, None, None]
    np.testing.assert_allclose(np.sum(attribute(network, spec, x, y), axis=-1), want, rtol=1e-4)
    still = certify(network, x.numpy(), y.numpy(), spec, (0.0, 0.1), draws=100)
    np.testing.assert_allclose(still[:, 0], 1)
    assert (still[:, 1] < 1).all() and (still[:, 1] > 0.5).all()


def test_chunks_change_nothing_and_channels_may_be_joined_either_way():
    network, (x, y) = network_of_all(), images(2)
    for base in ("gradient", "integrated_gradients"):
        spec = make_map("uniformly_smoothed", samples=5, radius=1.0, base=base, steps=3)
        whole = saliency_map(network, spec, x, y)
        np.testing.assert_allclose(saliency_map(network, spec, x, y, chunk=2), whole, atol=1e-5)
        mean = make_map("uniformly_smoothed", samples=5, radius=1.0, base=base, steps=3, channels="mean")
        np.testing.assert_allclose(saliency_map(network, mean, x, y), whole, atol=1e-5)


def test_the_moments_are_those_of_the_map():
    network, (x, y) = network_of_all(), images(4)
    x, y = x.numpy(), y.numpy()
    spec = make_map("uniformly_smoothed", samples=400, radius=1.0)
    found = moments(network, spec, x, y, draws=600)
    a = saliency_map(network, spec, tf.constant(x), tf.constant(y)).numpy()
    assert (cosine(a, found.mean) > 0.99).all()
    np.testing.assert_allclose(np.sqrt(found.square), np.linalg.norm(found.mean.reshape(4, -1), axis=1), atol=0.02)
    other = moments(network, spec, x, y, draws=600, seed=(9, 0))
    np.testing.assert_allclose(smoothed_cosine(found, other), 1, atol=0.02)
    with pytest.raises(InputError, match="no certificate"):
        moments(network, make_map("gradient"), x, y)


STRONGER = [pytest.param(eps, 2, marks=pytest.mark.exhaustive) for eps in (0.05, 0.1, 0.2)]


@pytest.mark.parametrize("eps, restarts", [(0.2, 1), *STRONGER])
def test_the_strongest_attack_never_goes_below_the_certificate(eps, restarts):
    """A certificate that is beaten is a fault."""
    network = network_of_all()
    x = np.random.RandomState(1).rand(4, 8, 8, 1).astype(np.float32)
    y = np.argmax(network(x), axis=1).astype(np.int32)
    spec = make_map("uniformly_smoothed", samples=24, radius=2.0)
    attack = Ifia(
        eps,
        12,
        2 * eps,
        norm="l2",
        goal=Cosine(),
        random_start=True,
        adaptive=True,
        restarts=restarts,
        curvature_only=True,
        softplus_beta=30.0,
        criterion="cosine",
    )
    maps = attack.on_maps(network, spec, Comparison(k=8))(x, y)
    assert maps.moved.all()
    scores = certificate_scores(network, spec, x, maps.x_adv, y, eps=eps, norm="l2", draws=1000)
    assert (scores["certified_cosine"] > 0.3).all() and (scores["smoothed_cosine"] < 1).all()
    assert (scores["smoothed_cosine"] >= scores["certified_cosine"]).all()


def test_what_makes_no_sense_is_refused():
    for wrong in ({"samples": 0}, {"radius": 0.0}, {"base": "grad_cam"}, {"steps": 0}, {"radius": float("nan")}):
        with pytest.raises(InputError):
            make_map("uniformly_smoothed", **wrong)
    with pytest.raises(InputError):
        certified_cosine(np.ones(1), -1.0, 1.0, 2)
    with pytest.raises(InputError, match="draws"):
        least_length(np.ones(1), 1, 0.1)


if __name__ == "__main__":
    run_tests(__file__)

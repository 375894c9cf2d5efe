"""Losses and scores against their closed forms."""

import numpy as np

from tests.helpers import run_tests
from tfrobust import losses

F = np.array([[2.0, 0.0, -1.0], [0.0, 3.0, 3.5]], np.float32)
Y = np.array([0, 1])


def test_closed_forms():
    p = np.exp(F) / np.exp(F).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(losses.cross_entropy(Y, F), -np.log(p[[0, 1], Y]), rtol=1e-5)
    np.testing.assert_allclose(losses.probability(Y, F), p[[0, 1], Y], rtol=1e-5)
    np.testing.assert_allclose(losses.logit(Y, F), [2.0, 3.0])
    np.testing.assert_allclose(losses.margin(Y, F), [-2.0, 0.5])


def test_the_ratio_of_differences_of_logits():
    """Croce & Hein (2020), worked out by hand; a shift and a scale of the logits change nothing."""
    f, y, t = np.array([[5.0, 3.0, 1.0, -1.0]], np.float32), np.array([0]), np.array([1])
    np.testing.assert_allclose(losses.dlr(y, f), [-(5 - 3) / (5 - 1)])
    np.testing.assert_allclose(losses.dlr(t, f), [(5 - 3) / (5 - 1)])
    np.testing.assert_allclose(losses.targeted_dlr(y, t, f), [-(5 - 3) / (5 - (1 - 1) / 2)])
    np.testing.assert_allclose(losses.dlr(y, 100 * f - 7), losses.dlr(y, f), rtol=1e-5)
    np.testing.assert_allclose(losses.targeted_dlr(y, t, 100 * f - 7), losses.targeted_dlr(y, t, f), rtol=1e-5)


def test_the_ratio_with_fewer_classes_than_it_wants():
    """Three classes have no fourth logit, two classes no third."""
    f, y, t = np.array([[5.0, 3.0, 1.0]], np.float32), np.array([0]), np.array([2])
    np.testing.assert_allclose(losses.targeted_dlr(y, t, f), [-(5 - 1) / (5 - 1)])
    np.testing.assert_allclose(losses.dlr(y, f[:, :2]), [-2.0])
    np.testing.assert_allclose(losses.targeted_dlr(y, np.array([1]), f[:, :2]), [-2.0])


def test_cross_entropy_of_huge_logits_is_finite():
    assert np.isfinite(losses.cross_entropy(np.array([1]), np.array([[1e4, -1e4]], np.float32))).all()


if __name__ == "__main__":
    run_tests(__file__)

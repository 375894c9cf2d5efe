"""Augmented streams: identities, exact moves, and pictures that stay what they were through a killed run."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import run_tests
from tfrobust.data import augmented, make_image_data, training_batches
from tfrobust.data.augmentation import AUGMENTATIONS, DRAWS, Augmentation, filled_up
from tfrobust.image_ops import color_jitter, equalize
from tfrobust.types import InputError

R = np.random.RandomState(0)
X = R.uniform(0, 1, (4, 12, 10, 3)).astype(np.float32)
S = R.uniform(-1, 1, (4, 2, 12, 10, 3)).astype(np.float32)
HALF = np.full((4, DRAWS), 0.5, np.float32)


def data(per_class=0, name=None, n=20, equalized=False):
    x, y = R.randint(0, 256, (n, 8, 8, 3)).astype(np.uint8), np.arange(n) % 3
    return augmented(make_image_data("made", x, y, x, y), name, per_class, equalized)


def take(data, n, start=0, seed=0):
    return list(itertools.islice(training_batches(data, 5, seed, start).as_numpy_iterator(), n))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_middle_draws_change_nothing(name):
    x, s = AUGMENTATIONS[name](tf.constant(X), tf.constant(S), tf.constant(HALF))
    np.testing.assert_allclose(x, X, atol=1e-5)
    np.testing.assert_allclose(s, S, atol=1e-5)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_extreme_draws_stay_in_range_and_differ(name):
    draws = tf.constant(R.uniform(0, 1, (4, DRAWS)).astype(np.float32))
    x, s = AUGMENTATIONS[name](tf.constant(X), tf.constant(S), draws)
    assert x.shape == X.shape and s.shape == S.shape
    assert x.numpy().min() >= 0 and x.numpy().max() <= 1 + 1e-6 and abs(s.numpy()).max() <= 1 + 1e-6
    assert all(np.abs(a - b).max() > 0.05 for a, b in zip(x.numpy(), X))


def test_a_move_by_whole_pixels_and_a_mirror_are_exact():
    draws = HALF.copy()
    draws[:, 1:3] = 0.999, 0.0  # As far right and as far up as it goes.
    draws[:, 3] = 0.0  # Mirrored.
    x, s = Augmentation(shift=2.0, whole_pixels=True, flip=True)(tf.constant(X), tf.constant(S), tf.constant(draws))
    expected = np.zeros_like(X)
    expected[:, :-2, 2:] = X[:, 2:, ::-1][:, :, :-2]
    np.testing.assert_allclose(x, expected, atol=1e-6)
    np.testing.assert_allclose(s[:, 1, :-2, 2:], S[:, 1, 2:, ::-1][:, :, :-2], atol=1e-6)


def test_a_quarter_turn_is_a_quarter_turn():
    square, draws = X[:, :10], HALF.copy()
    draws[:, 0] = 1.0
    x, _ = Augmentation(rotation=90.0)(tf.constant(square), None, tf.constant(draws))
    np.testing.assert_allclose(x, np.rot90(square, axes=(1, 2)), atol=1e-4)


def test_a_warp_takes_the_corners_from_where_they_were_pulled():
    draws = HALF.copy()
    draws[:, 4], draws[:, 5:7] = 1.0, 0.75  # The first corner by half of the largest pull: 0.2 of the side.
    t = Augmentation(warp=0.4).transforms(12, 10, tf.constant(draws)).numpy()[0]
    np.testing.assert_allclose([t[2], t[5]], [0.2 * 10, 0.2 * 12], rtol=1e-5)
    for u, v in ((9, 0), (0, 11), (9, 11)):
        d = t[6] * u + t[7] * v + 1
        came = (t[0] * u + t[1] * v + t[2]) / d, (t[3] * u + t[4] * v + t[5]) / d
        np.testing.assert_allclose(came, (u, v), atol=1e-3)


def test_classes_are_filled_up_with_copies_in_turn():
    y = np.array([0, 1, 1, 1, 2, 0])
    rows, is_copy = filled_up(y, 4)
    assert np.array_equal(np.bincount(y[rows]), [4, 4, 4]) and is_copy.sum() == 2 + 1 + 3
    assert sorted(rows[~is_copy]) == list(range(6)) and list(rows[y[rows] == 0]) == [0, 5, 0, 5]
    assert len(filled_up(y, 2)[0]) == 7, "a class that has more keeps them all"


def test_a_pass_over_filled_up_classes_holds_originals_and_the_same_copies_each_time():
    made = data(per_class=10, name="projective")
    assert made.train_size == 30
    passes = [np.concatenate([x for x, _ in take(made, 6, start)]) for start in (0, 6)]
    first, second = ({x.tobytes() for x in p} for p in passes)
    originals = {(x / np.float32(255)).tobytes() for x in made.x_train}
    assert first == second and len(first) == 30 and originals <= first
    assert {x.tobytes() for x in np.concatenate([x for x, _ in take(made, 6, seed=1)])} != first


# crop_flip is the same without colours.
ALIKE = ("crop_flip",)


@pytest.mark.parametrize(
    "saliency, sizes",
    [
        (True, (6,)),
        (False, (1,)),  # The images are moved as they are with maps.
        pytest.param(True, (1, 6), marks=pytest.mark.exhaustive),
        pytest.param(True, (2, 5, 10, 15), marks=pytest.mark.exhaustive),
        pytest.param(False, (2, 5, 6, 10, 15), marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.exhaustive] * (name in ALIKE)) for name in AUGMENTATIONS]
)
def test_a_copy_is_the_same_whatever_batch_it_is_made_in(name, saliency, sizes):
    """Kernels round by the size of a batch and the place in it; here an image's bits may not depend on either."""
    made = data(per_class=10, name=name)
    if saliency:
        made = replace(made, saliency=R.uniform(-1, 1, (20, 2, 8, 8, 3)).astype(np.float16))

    def copies(size, part=0, parts=1):
        stream = training_batches(made, size, 0, 0, part=part, parts=parts).as_numpy_iterator()
        batches = itertools.islice(stream, 30 // size)
        return [b"".join(each.tobytes() for each in image) for batch in batches for image in zip(*batch)]

    first = copies(30)
    assert len(set(first)) == 30
    for size in sizes:
        assert copies(size) == first, size
    if sizes != (1,):
        assert [image for part in range(2) for image in copies(30, part, 2)] == first


def test_without_filling_up_every_pass_draws_anew_and_a_late_entry_sees_the_same():
    made = data(name="crop_flip_jitter")
    batches = take(made, 8)
    first, second = ({x.tobytes() for b, _ in batches[i : i + 4] for x in b} for i in (0, 4))
    assert len(first & second) <= 2
    for a, b in zip(batches[5:], take(made, 3, start=5)):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


def test_equalize_is_the_stated_formula():
    x = np.array([0, 0, 64, 64, 64, 128, 128, 255, 255, 255], np.float32).reshape(1, 2, 5, 1) / 255
    expected = np.array([0, 0, 3, 3, 3, 5, 5, 8, 8, 8]) / 8
    np.testing.assert_allclose(equalize(tf.constant(x)).numpy().ravel(), np.round(expected * 255) / 255, atol=1e-6)
    flat = np.full((2, 3, 3, 3), 0.4, np.float32)
    np.testing.assert_allclose(equalize(tf.constant(flat)), flat, atol=1 / 255)


def test_test_images_are_equalized_as_the_training_images_are():
    made = data(equalized=True)
    seen = {x.tobytes() for b, _ in take(made, 4) for x in np.round(b * 255).astype(np.uint8)}
    assert seen == {x.tobytes() for x in made.x_test}


def test_jitter():
    x = tf.constant(X)
    np.testing.assert_allclose(color_jitter(x, tf.ones([4, 3])), X, atol=1e-6)
    darker = color_jitter(x, tf.constant([[0.5, 1.0, 1.0]] * 4))
    np.testing.assert_allclose(darker, X / 2, atol=1e-6)
    grey = color_jitter(x, tf.constant([[1.0, 1.0, 0.0]] * 4)).numpy()
    np.testing.assert_allclose(grey[..., 0], grey[..., 1], atol=1e-6)
    flat = color_jitter(x, tf.constant([[1.0, 0.0, 1.0]] * 4)).numpy()
    assert np.ptp(flat.reshape(4, -1), axis=1).max() < 1e-6


def test_copies_need_an_augmentation():
    with pytest.raises(InputError, match="give an augmentation"):
        data(per_class=10)


if __name__ == "__main__":
    run_tests(__file__)

"""Every corruption: sizes, severities, draws and batches; and each against its definition."""

import functools
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.corruptions.helpers import smooth
from tests.helpers import images, run_tests
from tfrobust import data
from tfrobust.corruptions import ART, COMMON, CORRUPTIONS, corrupt, digital
from tfrobust.types import InputError

NAMES = pytest.mark.parametrize("name", CORRUPTIONS)
BLURS = ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur")
WITHOUT_DRAWS = ("defocus_blur", "zoom_blur", "gaussian_blur", "brightness", "contrast", "pixelate", "saturate")
WITHOUT_DRAWS += ("jpeg_compression",)
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (30, 44, 3)]


@functools.cache
def digits(side):
    x = tf.image.resize(data.load("digits").x_test[:4], [side, side], "bicubic")
    return tf.clip_by_value(x, 0.0, 1.0).numpy()


def corrupted(x, name, severity=3, examples=None, seed=0):
    return corrupt(x, name, severity, np.arange(len(x)) if examples is None else examples, seed).numpy()


def test_the_names_of_the_benchmarks():
    assert len(CORRUPTIONS) == 19 and len(COMMON) == len(ART) == 15
    assert set(COMMON) - set(ART) == {"frost"} and set(ART) - set(COMMON) == {"speckle_noise"}
    assert set(COMMON) | set(ART) < set(CORRUPTIONS)


@NAMES
@pytest.mark.parametrize(
    "shapes", [SHAPES[::3], pytest.param(SHAPES[1:3], marks=pytest.mark.exhaustive)], ids=["least and most", "others"]
)
def test_images_of_any_size_stay_images(name, shapes):
    for shape in shapes:
        x = smooth(2, shape)
        np.testing.assert_array_equal(corrupted(x, name, 0), x)
        for severity in (1, 5):
            got = corrupt(x, name, severity, [0, 1])
            assert got.shape == x.shape and got.dtype == tf.float32
            assert np.isfinite(got).all() and np.min(got) >= 0 and np.max(got) <= 1


@NAMES
def test_images_of_3_pixels_black_and_white_ones_stay_images(name):
    """They are shorter than kernels, and what divides by them must not."""
    for x in (smooth(1, (3, 5, 3)), np.zeros((1, 8, 8, 3), np.float32), np.ones((1, 8, 8, 1), np.float32)):
        got = corrupted(x, name, 5)
        assert got.shape == x.shape and np.isfinite(got).all()


@NAMES
def test_large_images(name):
    x = smooth(1, (128, 128, 3))
    got = corrupted(x, name, 4)
    assert got.shape == x.shape and 0.005 < np.abs(got - x).mean() < 0.5


@NAMES
@pytest.mark.parametrize(  # Up to 32 pixels a severity is as strong (tfrobust/corruptions/scale.py).
    "kind",
    ["digits of 8", *(pytest.param(kind, marks=pytest.mark.exhaustive) for kind in ("digits of 28", "colour of 32"))],
)
def test_a_higher_severity_is_further_from_the_image(name, kind):
    x = {"digits of 8": digits, "digits of 28": digits}.get(kind, lambda n: smooth(4, (n, n, 3)))(int(kind[-2:]))
    if name == "saturate" and x.shape[3] == 1:
        np.testing.assert_array_equal(corrupted(x, name, 5), x)
        return
    distances = [np.abs(corrupted(x, name, severity) - x).mean() for severity in range(6)]
    assert (np.diff(distances) > 0).all(), distances


@NAMES
def test_batches_do_not_matter(name):
    x, numbers = smooth(4, (8, 10, 3)), np.array([7, 0, 11, 40000])
    together = corrupted(x, name, 3, numbers)
    alone = np.concatenate([corrupted(x[i : i + 1], name, 3, numbers[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    order = np.array([2, 0, 3, 1])
    np.testing.assert_allclose(corrupted(x[order], name, 3, numbers[order]), together[order], atol=1e-5)


@NAMES
def test_the_seed_and_the_number_make_the_draw(name):
    x = np.repeat(smooth(1, (8, 10, 3)), 2, axis=0)
    got = corrupted(x, name, 4, [3, 9], seed=1)
    np.testing.assert_array_equal(got, corrupted(x, name, 4, [3, 9], seed=1))
    other = corrupted(x, name, 4, [3, 9], seed=2)
    if name in WITHOUT_DRAWS:
        np.testing.assert_array_equal(got, other)
        np.testing.assert_array_equal(got[0], got[1])
    else:
        assert np.abs(got - other).max() > 1e-3 and np.abs(got[0] - got[1]).max() > 1e-3


# Frost is drawn as fog and snow are, but in four directions: its graph alone took a second.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.exhaustive] * (name == "frost")) for name in CORRUPTIONS]
)
def test_a_graph_is_what_it_traces(name):
    x = smooth(3, (8, 10, 3))
    traced = tf.function(
        lambda x, examples: corrupt(x, name, 3, examples),
        autograph=False,  # As the task of `launch.downstream` traces it.
        input_signature=[tf.TensorSpec([None, 8, 10, 3]), tf.TensorSpec([None], tf.int64)],
    )
    got = traced(tf.constant(x), tf.constant([5, 6, 7], tf.int64))
    assert got.shape == x.shape
    np.testing.assert_allclose(got, corrupted(x, name, 3, [5, 6, 7]), atol=1e-5)


@pytest.mark.parametrize("name", (*BLURS, "pixelate", "elastic_transform"))
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 36, 3), (96, 96, 1)])
def test_what_is_constant_stays(name, shape):
    x = np.full((1, *shape), 0.4, np.float32)
    for severity in (1, 5):
        np.testing.assert_allclose(corrupted(x, name, severity), x, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_brightness_is_added_to_the_value(channels):
    x = np.full((1, 32, 32, channels), 0.4, np.float32)
    for severity, more in enumerate([0.05, 0.1, 0.15, 0.2, 0.3], start=1):
        np.testing.assert_allclose(corrupted(x, "brightness", severity), x + more, atol=1e-5)
    x[...] = 0.9
    np.testing.assert_allclose(corrupted(x, "brightness", 5), 1.0, atol=1e-5)


def test_contrast_is_about_the_mean_of_each_channel():
    x = smooth(3, (32, 32, 3))
    mean = x.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(corrupted(x, "contrast", 4), mean + 0.3 * (x - mean), atol=1e-5)


def test_pixelate_shows_the_means_of_blocks():
    x = smooth(2, (64, 64, 3))  # At severity 5 half of the 64 pixels remain.
    got = corrupted(x, "pixelate", 5).reshape(2, 32, 2, 32, 2, 3)
    want = x.reshape(2, 32, 2, 32, 2, 3).mean(axis=(2, 4), keepdims=True)
    np.testing.assert_allclose(got, np.broadcast_to(want, got.shape), atol=1e-5)
    assert [digital.pixels_left(8, s, (8, 8)) for s in range(1, 6)] == [7, 6, 5, 4, 3]


def test_saturation_is_multiplied():
    x = np.broadcast_to(np.float32([0.6, 0.45, 0.3]), (1, 32, 32, 3))  # Its saturation is 1 - 0.3 / 0.6.
    got = corrupted(x, "saturate", 3)[0, 0, 0]
    np.testing.assert_allclose(got, [0.6, 0.6 * (1 - 0.75 / 2), 0.6 * (1 - 0.75)], atol=1e-5)


@pytest.mark.parametrize("side, want", [(32, 0.08), (64, 0.12), (224, 0.18)])
def test_the_standard_deviations_of_noise(side, want):
    x = np.full((2, side, side, 3), 0.5, np.float32)
    grain = 4 / side  # Of an estimate from some thousand values.
    assert np.std(corrupted(x, "gaussian_noise", 3)) == pytest.approx(want, rel=grain)
    shot = corrupted(x, "shot_noise", 1)
    assert np.std(shot) == pytest.approx(math.sqrt(0.5 / {32: 500, 64: 250, 224: 60}[side]), rel=grain)
    assert shot.mean() == pytest.approx(0.5, abs=0.01)


def test_speckle_is_in_proportion_and_shot_noise_leaves_black():
    x = np.repeat(np.float32([0.0, 0.2, 0.4]), 4096).reshape(3, 64, 64, 1)
    black, dark, light = corrupted(x, "speckle_noise", 1)
    assert not black.any() and np.std(light) == pytest.approx(2 * np.std(dark), rel=0.1)
    assert not corrupted(x, "shot_noise", 5)[0].any()


def test_impulses_are_salt_and_pepper():
    x = np.full((4, 64, 64, 3), 0.5, np.float32)
    got = corrupted(x, "impulse_noise", 5)
    salt, pepper = np.mean(got == 1), np.mean(got == 0)
    assert salt == pytest.approx(0.07, abs=0.005) and pepper == pytest.approx(0.07, abs=0.005)
    assert np.mean(got == 0.5) == pytest.approx(1 - salt - pepper)


def test_higher_severities_add_to_the_same_draw():
    x = np.full((1, 32, 32, 3), 0.5, np.float32)
    mild, strong = (corrupted(x, "impulse_noise", severity) != 0.5 for severity in (2, 4))
    assert (mild <= strong).all() and mild.sum() < strong.sum()
    mild, strong = (corrupted(x, "gaussian_noise", severity) - 0.5 for severity in (1, 3))
    np.testing.assert_allclose(strong, 2 * mild, atol=1e-5)


def test_jpeg_is_jpeg():
    x = smooth(1, (32, 40, 1))
    pixels = tf.cast(tf.round(x[0] * 255), tf.uint8)
    coded = tf.io.decode_jpeg(tf.io.encode_jpeg(pixels, "grayscale", quality=58), dct_method="INTEGER_ACCURATE")
    np.testing.assert_allclose(corrupted(x, "jpeg_compression", 3)[0], coded.numpy() / 255, atol=1e-6)


@pytest.mark.parametrize(
    "name, severity, shape, words",
    [
        ("rain", 1, (8, 8, 1), "choose one of gaussian_noise"),
        ("fog", 6, (8, 8, 1), "0, 1, 2, 3, 4 or 5; got 6"),
        ("fog", -1, (8, 8, 1), "got -1"),
        ("fog", 2.5, (8, 8, 1), "got 2.5"),
        ("fog", 1, (8, 8), "B,H,W,C"),
        ("fog", 1, (8, 8, 2), "C 1 or 3"),
    ],
)
def test_what_cannot_be_corrupted_is_refused_in_one_line(name, severity, shape, words):
    with pytest.raises(InputError, match=words) as error:
        corrupt(images(2, shape=shape)[0], name, severity, [0, 1])
    assert "\n" not in str(error.value)


def test_bytes_are_refused():
    with pytest.raises(InputError, match="divide by 255"):
        corrupt(np.zeros((1, 8, 8, 1), np.uint8), "fog", 1, [0])


if __name__ == "__main__":
    run_tests(__file__)

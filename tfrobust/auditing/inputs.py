"""The inputs of an audit: a network adopted under the contract of this library, and images and labels that fit it."""

import math
import time
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfrobust.data import to_unit
from tfrobust.evaluation import statistics
from tfrobust.evaluation.evaluator import Keep, compute
from tfrobust.labels import check_labels
from tfrobust.names import AUTO
from tfrobust.networks import PIXELS, adopt, check_images, guess_pixels, inspect_network, output_index, unfolded
from tfrobust.networks.contract import check_adoptable
from tfrobust.types import InputError

MOST_IMAGES = 1000  # At most so many of the images given are looked at.
IMAGES_TRIED = (
    128,
    64,
    32,
    16,
)  # With how many of them the range of the pixels is guessed: the most there is time for.
IMAGES_TIMED = 8  # With how many of them the time of such a guess is estimated.
ENOUGH_TO_TELL = 30  # From so many images on, accuracy can be told from chance.


class AuditInputs(NamedTuple):
    """What is audited, under the contract of this library.

    Attributes:
        network: adopted: images in [0, 1] in, logits out.
        x: [N,H,W,C] float32 in [0, 1], drawn from the images given.
        y: their labels, [N] int32.
        rows: their places among the images given, [N].
        pixels: the range that the network given expects.
        shares: range -> the share that it predicts correctly, best first.
        resized_from: (H, W) of the images given, None where they fitted.
    """

    network: keras.Model
    x: np.ndarray
    y: np.ndarray
    rows: np.ndarray
    pixels: str
    shares: dict[str, float]
    resized_from: tuple | None


def make_inputs(
    network: keras.Model,
    x: Any,
    y: Any,
    *,
    pixels: str | None = AUTO,
    classes: int | None = None,
    seed: int = 0,
    head: str | None = None,
    seconds: float = math.inf,
    keep: Keep = compute,
) -> AuditInputs:
    """Brings a network, and at most MOST_IMAGES of the images, under the contract of this library.

    Args:
        network: any Keras classifier.
        x: images [N,H,W,C] or [N,H,W], uint8 or float in [0, 1].
        y: labels [N], whole numbers.
        pixels: the range that the network expects, one of networks.PIXELS, or auto: the one that its first layers are
          made for, or, where they do not say, the one in which it predicts most of the images correctly.
        classes: of the data: the network must know as many; None: not known.
        seed: of the draw of images.
        head: the name of the output that gives the classes, of a network with several.
        seconds: for trying the ranges.
        keep: see evaluation.evaluate; how many images were tried is kept.

    Raises:
        InputError: where they do not fit each other, or the network predicts no better than chance.
    """
    if not isinstance(network, keras.Model):
        raise InputError(f"a {type(network).__name__} is no keras.Model: load one with keras.models.load_model(FILE)")
    pixels = AUTO if pixels is None else pixels
    if pixels != AUTO and pixels not in PIXELS:
        raise InputError(f"pixels {pixels!r}: must be {AUTO} or one of {', '.join(PIXELS)}")
    output, takes = output_index(network, head), inspect_network(network)
    shape = takes.shape
    x, y = np.asarray(x), np.asarray(y)
    y = _checked_labels(tuple(network.outputs[output].shape), x, y, classes)
    rows = np.random.RandomState(seed).permutation(len(x))[:MOST_IMAGES]
    x, y = _images(unfolded(x[rows], shape)), y[rows]
    if shape[-1] == 1 and x.shape[-1] == 3 and np.array_equal(x, np.repeat(x[..., :1], 3, axis=-1)):
        x = x[..., :1]  # Grey images that were stored as RGB.
    if shape[-1] not in (None, x.shape[-1]):
        kinds = {1: "grey", 3: "RGB"}
        wants, has = (kinds.get(n, f"{n}-channel") for n in (shape[-1], x.shape[-1]))
        raise InputError(f"the network takes {wants} images and the data are {has} ones: convert the data")
    fitted = _fitted(x, shape)
    check_adoptable(network, takes)  # Before any of its layers is run.
    tried = int(keep("tried", lambda: {"images": np.array(_enough(network, fitted, y, output, seconds))})["images"])
    shares = guess_pixels(network, fitted[:tried], y[:tried], output=output)
    said = {takes.pixels: shares[takes.pixels]} if pixels == AUTO and takes.pixels in shares else shares
    chosen = _chosen(pixels, said, y[:tried])
    adopted = adopt(network, chosen, fitted[:4], head)
    was = None if fitted.shape == x.shape else x.shape[1:3]
    return AuditInputs(adopted, fitted, y, rows, chosen, shares, was)


def _enough(network, x, y, output, seconds) -> int:
    """How many images can be tried in every range of pixels within so many seconds."""
    if math.isinf(seconds):
        return IMAGES_TRIED[0]
    for _ in range(2):  # Twice, because the first call takes longer.
        began = time.monotonic()
        guess_pixels(network, x[:IMAGES_TIMED], y[:IMAGES_TIMED], PIXELS[:1], output)
    each = (time.monotonic() - began) * len(PIXELS) / IMAGES_TIMED
    return next((n for n in IMAGES_TRIED if n * each <= seconds), IMAGES_TRIED[-1])


def _images(x):
    x = to_unit(x)
    check_images(x, "the images")
    return x


def _checked_labels(output, x, y, classes) -> np.ndarray:
    """The labels [N] as int32; InputError where they are none of the network's, or there is none."""
    y = check_labels(y, len(x))
    if not len(x):
        raise InputError("there is no image to audit")
    if len(output) != 2:
        raise InputError(f"the network must give one row of numbers per image; it gives {output}")
    known = max(output[-1] or 0, 2)  # One number is the probability of class 1.
    if classes is None and y.min() == 1 and y.max() == known:
        raise InputError(f"labels are 1..{known}, and the first class is 0 here: give y - 1")
    if (classes is not None and classes != known) or y.max() >= known or y.min() < 0:
        found = classes or f"labels {y.min()}..{y.max()}, that is {int(y.max()) + 1}"
        raise InputError(
            f"the network knows {known} classes and the data have {found}: audit a network that was trained for these "
            "classes, or give an .npz with x and y where y holds the network's own numbers of the classes"
        )
    return y


def _fitted(x, shape):
    """The images in the network's size; a free side stays what it is."""
    size = tuple(wanted or own for wanted, own in zip(shape[:2], x.shape[1:3]))
    if size == x.shape[1:3]:
        return x
    parts = (tf.image.resize(x[i : i + 100], size, antialias=True) for i in range(0, len(x), 100))
    return np.clip(np.concatenate([part.numpy() for part in parts]), 0, 1)


def _why(images: int) -> str:
    """What to check where a network seems to predict no better than chance, in words for a message."""
    if images < ENOUGH_TO_TELL:
        return f"are {images} images too few to tell, or the labels numbered otherwise than in its training"
    return "are the labels numbered as in its training"


def _chosen(pixels, shares, y) -> str:
    """The range asked for, or the best; InputError where another is clearly better, or none is better than chance."""
    best = next(iter(shares))
    n, chance = len(y), np.bincount(y).max() / len(y)
    interval = {name: statistics.share_of(share, n) for name, share in shares.items()}
    if pixels != AUTO:
        if pixels in shares and interval[pixels]["high"] < interval[best]["low"]:
            raise InputError(
                f"with pixels {pixels} the network predicts {shares[pixels]:.0%} of {n} images correctly, with {best} "
                f"{shares[best]:.0%}: give pixels={best}, or {AUTO}"
            )
        return pixels
    if interval[best]["low"] <= chance:
        raise InputError(
            f"the network predicts {shares[best]:.0%} of {n} images correctly at best, whatever range its pixels have; "
            f"always the same class would be {chance:.0%}: {_why(n)}? pixels=RANGE goes on all the same"
        )
    return best

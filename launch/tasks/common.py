"""What the tasks share: the images they look at, predictions, gradients, and the form of a result."""

from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np
import tensorflow as tf

from flags import data_flags
from tfrobust.attributions import gradient, integrated_gradients, make_score
from tfrobust.data import to_unit
from tfrobust.evaluation.predictions import batches, once_traced, predict
from tfrobust.image_ops import equalize
from tfrobust.report import Column
from tfrobust.types import InputError


class Images(NamedTuple):
    """x [N,H,W,C] float32 in [0, 1], y [N], annotations by kind, and the number of each image in its split."""

    x: np.ndarray
    y: np.ndarray
    annotations: Dict[str, np.ndarray]
    examples: np.ndarray


class Outcome(NamedTuple):
    """rows and columns of the table, details for the JSON file, lines to be said below the table."""

    rows: List[Dict[str, Any]]
    columns: Sequence[Column]
    details: Dict[str, Any]
    notes: Sequence[str] = ()


def as_seen(x, data) -> np.ndarray:
    """Training images as the network saw them, without the augmentation."""
    x = to_unit(x)
    return equalize(tf.constant(x)).numpy() if data.equalize else x


def chosen(x, y, annotations, n: int, seed: int) -> Images:
    """n images drawn at random (0: all), in their order."""
    order = np.random.RandomState(seed).permutation(len(x))[: n or None]
    order = np.sort(order)
    return Images(to_unit(x[order]), y[order], {kind: values[order] for kind, values in annotations.items()}, order)


def test_images(data, fv) -> Images:
    return chosen(data.x_test, data.y_test, data.test_annotations, fv.examples, fv.evaluation_seed)


def held_out_images(data, fv) -> Images:
    """Images on which a threshold may be chosen: those held out of the training where there are, else trained ones."""
    own = data.x_train, data.y_train, data.annotations
    if fv.hold_out:
        held = data_flags.prepared(data_flags.load(fv), fv, "held_out")
        own = held.x_test, held.y_test, held.test_annotations
    images = chosen(*own, fv.held_out_examples, fv.evaluation_seed)
    return images if fv.hold_out else images._replace(x=as_seen(images.x, data))


def held_out_words(held_out: Images, fv) -> str:
    return f"{len(held_out.x)} {'images held out of the training' if fv.hold_out else 'training images'}"


def needed(images: Images, kind: str, name: str) -> np.ndarray:
    if kind not in images.annotations:
        raise InputError(f"{name} has no {kind} of its images: docs/data.md says in which form they may come")
    return images.annotations[kind]


def predicted(network, x, fv) -> np.ndarray:
    """The class of each image, [N]."""
    size = fv.evaluation_batch
    return np.concatenate([predict(network, x[r], len(x[r])) for r in batches(len(x), size)])


@once_traced
def _gradients(network):
    score = make_score(network, "logit")
    return tf.function(lambda x, y: gradient(score, x, y), reduce_retracing=True, autograph=False)


@once_traced
def _integrated(network):
    score = make_score(network, "logit")
    return tf.function(
        lambda x, y: integrated_gradients(score, x, y, steps=50, chunk=10), reduce_retracing=True, autograph=False
    )


MAPS = {"gradient": _gradients, "integrated_gradients": _integrated}


def maps_of(method: str, network, x, y, fv) -> np.ndarray:
    """Maps [N,H,W,C], signed, of the logit of class y by gradient or integrated_gradients (50 points)."""
    compute, size = MAPS[method](network), fv.evaluation_batch
    parts = (compute(tf.constant(x[r]), tf.constant(y[r])).numpy() for r in batches(len(x), size))
    return np.concatenate(list(parts))

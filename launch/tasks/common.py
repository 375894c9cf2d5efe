"""What the tasks share: the images they look at, predictions, gradients, and the form of a result."""

import functools
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

import numpy as np
import tensorflow as tf

from tfrobust.attributions import AttributionSpec, attribute
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


class Task(NamedTuple):
    """run: (networks, data, held-out data, flags, progress) -> Outcome.  ticks: steps of its progress for so many
    networks."""

    run: Callable[..., Outcome]
    ticks: Callable[[int], int]


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


def held_out_images(data, held_out, fv) -> Images:
    """Images on which a threshold may be chosen: those held out of the training where there are, else trained ones."""
    if held_out is not None:
        own = held_out.x_test, held_out.y_test, held_out.test_annotations
        return chosen(*own, fv.held_out_examples, fv.evaluation_seed)
    images = chosen(data.x_train, data.y_train, data.annotations, fv.held_out_examples, fv.evaluation_seed)
    return images._replace(x=as_seen(images.x, data))


def held_out_words(held_out: Images, fv) -> str:
    return f"{len(held_out.x)} {'images held out of the training' if fv.hold_out else 'training images'}"


def needed(images: Images, kind: str, name: str) -> np.ndarray:
    if kind not in images.annotations:
        raise InputError(f"{name} has no {kind} of its images: docs/data.md says in which form they may come")
    return images.annotations[kind]


def predicted(network, x, fv) -> np.ndarray:
    """The class of each image, [N]."""
    return predict(network, x, fv.evaluation_batch)


MAPS = {
    "gradient": AttributionSpec("gradient"),
    "integrated_gradients": AttributionSpec("integrated_gradients", steps=50),
}
CHUNK = 10  # Points of a path at once.


@once_traced
def _attributor(network, spec):
    compute = functools.partial(attribute, network, spec, chunk=CHUNK)
    return tf.function(compute, reduce_retracing=True, autograph=False)


def maps_of(method: str, network, x, y, fv) -> np.ndarray:
    """Maps [N,H,W,C], signed, of the logit of class y by gradient or integrated_gradients (50 points)."""
    compute, size = _attributor(network, MAPS[method]), fv.evaluation_batch
    parts = (compute(tf.constant(x[r]), tf.constant(y[r])).numpy() for r in batches(len(x), size))
    return np.concatenate(list(parts))

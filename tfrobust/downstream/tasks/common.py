"""What the tasks share: their settings, the images they look at, predictions, gradients, and the form of a result."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfrobust.attributions import attribute, make_map
from tfrobust.data import ImageData, to_unit
from tfrobust.evaluation.predictions import batches, once_traced, predict
from tfrobust.image_ops import equalize
from tfrobust.report import Column
from tfrobust.types import InputError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class TaskSettings:
    """What a task may be told; each uses some of it.

    Attributes:
        examples: test images used, drawn at random (0: all).
        held_out_examples: images on which thresholds are chosen: held out of the training where there are such, else
            trained ones.
        map_examples: corruptions: images whose maps are compared.
        cifar10_c: corruptions: the published CIFAR-10-C, from TensorFlow Datasets, in place of our own.
        data_dir, download: where TensorFlow Datasets keeps it, and whether it may fetch it.
        boxes_as_masks: segmentation: boxes stand for masks.
        generation_eps: generation: l2 radius; by the number of pixels unless given.
        seed: of every draw.
        batch: images held at once.
    """

    examples: int = 0
    held_out_examples: int = 200
    map_examples: int = 50
    cifar10_c: bool = False
    data_dir: str | None = None
    download: bool = False
    boxes_as_masks: bool = False
    generation_eps: float | None = None
    seed: int = 0
    batch: int = 50

    def __post_init__(self):
        if self.examples < 0 or min(self.held_out_examples, self.map_examples, self.batch) < 1:
            raise InputError("examples must be 0 (all) or more; held_out_examples, map_examples and batch 1 or more")
        if self.generation_eps is not None and not self.generation_eps > 0:
            raise InputError(f"generation_eps must be above 0; got {self.generation_eps}")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"the seed of a task must lie in [0, 2^31); got {self.seed}")


class Images(NamedTuple):
    """Images that a task looks at.

    Attributes:
        x: [N,H,W,C] float32 in [0, 1].
        y: labels [N].
        annotations: by kind, see `data.annotations`.
        examples: the number of each image in its split, [N].
    """

    x: np.ndarray
    y: np.ndarray
    annotations: dict[str, np.ndarray]
    examples: np.ndarray


class Outcome(NamedTuple):
    """What a task found.

    Attributes:
        rows, columns: its table.
        details: numbers of each image, for whoever wants more.
        draw: writes its picture as a PNG to a path.
        notes: lines that belong below the table.
    """

    rows: list[dict[str, Any]]
    columns: Sequence[Column]
    details: dict[str, Any]
    draw: Callable[[str], None]
    notes: Sequence[str] = ()


class Task(NamedTuple):
    """A downstream task.

    Attributes:
        run: (networks, data, held_out, settings, bar) -> Outcome: the networks by name, logits out; ImageData to
          measure on; ImageData whose test images were held out of the training, or None; TaskSettings; a Bar, updated
          `ticks` times.
        ticks: number of networks -> steps of the bar.
    """

    run: Callable[..., Outcome]
    ticks: Callable[[int], int]


def as_seen(x: np.ndarray, data: ImageData) -> np.ndarray:
    """Training images `x` of `data` as the network saw them, float32 in [0, 1], without the augmentation."""
    x = to_unit(x)
    return equalize(tf.constant(x)).numpy() if data.equalize else x


def chosen(x: np.ndarray, y: np.ndarray, annotations: Mapping[str, np.ndarray], n: int, seed: int) -> Images:
    """Images drawn at random, in their order.

    Args:
        x: [N,H,W,C], uint8 or float32 in [0, 1].
        y: labels [N].
        annotations: by kind, with a row for each image.
        n: how many (0: all).
        seed: of the draw.
    """
    order = np.random.RandomState(seed).permutation(len(x))[: n or None]
    order = np.sort(order)
    return Images(to_unit(x[order]), y[order], {kind: values[order] for kind, values in annotations.items()}, order)


def test_images(data: ImageData, settings: TaskSettings) -> Images:
    """The test images of `data` that the `settings` ask for."""
    return chosen(data.x_test, data.y_test, data.test_annotations, settings.examples, settings.seed)


def held_out_images(data: ImageData, held_out: ImageData | None, settings: TaskSettings) -> Images:
    """Images on which a threshold may be chosen.

    Args:
        data: what is measured on.
        held_out: its test images were held out of the training; None: training images of `data` are taken.
        settings: how many.
    """
    if held_out is not None:
        own = held_out.x_test, held_out.y_test, held_out.test_annotations
        return chosen(*own, settings.held_out_examples, settings.seed)
    images = chosen(data.x_train, data.y_train, data.annotations, settings.held_out_examples, settings.seed)
    return images._replace(x=as_seen(images.x, data))


def held_out_words(images: Images, held_out: ImageData | None) -> str:
    """Says, for a note, on what `images` thresholds were chosen, given those of `held_out_images`."""
    return f"{len(images.x)} {'training images' if held_out is None else 'images held out of the training'}"


def needed(images: Images, kind: str, name: str) -> np.ndarray:
    """The annotations of a `kind` of the images.

    Args:
        images: of the task.
        kind: boxes, masks or maps.
        name: of the data set, for the message.

    Raises:
        InputError: where they have none.
    """
    if kind not in images.annotations:
        raise InputError(f"{name} has no {kind} of its images: docs/data.md says in which form they may come")
    return images.annotations[kind]


def predicted(network: "keras.Model", x: np.ndarray, settings: TaskSettings) -> np.ndarray:
    """The class that the network gives each of the images `x` [N,H,W,C], [N]."""
    return predict(network, x, settings.batch)


MAPS = {
    "gradient": make_map("gradient"),
    "integrated_gradients": make_map("integrated_gradients", steps=50),
}
CHUNK = 10  # Points of a path that are held at once.


@once_traced
def _attributor(network, spec):
    compute = functools.partial(attribute, network, spec, chunk=CHUNK)
    return tf.function(compute, reduce_retracing=True, autograph=False)


def maps_of(
    method: str,
    network: "keras.Model",
    x: np.ndarray,
    y: np.ndarray,
    settings: TaskSettings,
) -> np.ndarray:
    """Attribution maps of the logit of a class, [N,H,W,C], signed.

    Args:
        method: gradient or integrated_gradients (50 points).
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: the classes [N].
        settings: how many images are held at once.
    """
    compute, size = _attributor(network, MAPS[method]), settings.batch
    parts = (compute(tf.constant(x[r]), tf.constant(y[r])).numpy() for r in batches(len(x), size))
    return np.concatenate(list(parts))

"""Evaluates runs and keeps the results beside them; an unchanged evaluation is not made again."""

import json
import os
from typing import NamedTuple

import numpy as np

from tfrobust import report
from tfrobust.data import ImageData, to_unit
from tfrobust.evaluation import Evaluation, Suite, evaluate
from tfrobust.evaluation.batch_cache import BatchCache
from tfrobust.experiments.fingerprints import fingerprint_arrays, identify_evaluation
from tfrobust.experiments.provenance import describe_evaluation
from tfrobust.experiments.recipe import DataSpec
from tfrobust.experiments.saved_runs import NETWORK
from tfrobust.memory_budget import Chunking
from tfrobust.networks import in_float32, load_network
from tfrobust.progress import SILENT, Progress


class EvaluationImages(NamedTuple):
    """What several runs are evaluated on, read through for their fingerprint once.

    Attributes:
        x: images [N,H,W,C] float32 in [0, 1].
        y: labels [N].
        fingerprint: of the two, see `fingerprint_arrays`.
    """

    x: np.ndarray
    y: np.ndarray
    fingerprint: str

    @classmethod
    def of(cls, images: ImageData) -> "EvaluationImages":
        """The test images of a data set, with their fingerprint."""
        x, y = to_unit(images.x_test), images.y_test
        return cls(x, y, fingerprint_arrays(x, y))


def evaluate_run(
    directory: str,
    name: str,
    data: DataSpec,
    images: EvaluationImages,
    suite: Suite,
    *,
    held: Chunking = Chunking(),
    progress: Progress = SILENT,
) -> Evaluation:
    """Evaluates the network of a run, and writes NAME.json of it beside the network.

    Batches that were evaluated there with these weights, images and settings are not evaluated again.

    Args:
        directory: of the run.
        name: of the evaluation.
        data: where the images come from, which is kept beside the numbers.
        images: those of `data.read()`, as EvaluationImages.of makes them.
        suite: of the evaluation.
        held: images and path points held at once.
        progress: is shown how far it is.

    Raises:
        InputError: where network, images and suite do not fit each other.
    """
    network = in_float32(load_network(os.path.join(directory, NETWORK)))
    identity = {**identify_evaluation(suite, [network], *images), "batch": held.images}
    keep = BatchCache(os.path.join(directory, "batches"), identity)
    batch, chunk = held.for_network(network)
    result = evaluate(network, images.x, images.y, suite, batch_size=batch, chunk=chunk, progress=progress, keep=keep)
    subject = {key: identity[key] for key in ("networks", "images")}
    about = {**describe_evaluation(data, held.images, suite.as_dict()), **subject}
    path = os.path.join(directory, name + ".json")
    if not _is_of(path, about):
        report.write_json(path, {**result.as_dict(), "about": about})
    return result


def _is_of(path: str, about) -> bool:
    """Whether the file holds an evaluation with this description."""
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as file:
        return json.load(file)["about"] == json.loads(json.dumps(about))

"""Runs a recorded evaluation again on the file of a network, and sets what is measured beside what was recorded."""

import os
import re
from dataclasses import replace
from typing import Any, NamedTuple

from tfrobust.data import to_unit
from tfrobust.errors import InputError
from tfrobust.evaluation import Evaluation, evaluate
from tfrobust.evaluation.batch_cache import BatchCache
from tfrobust.evaluation.suite_reading import suite_from_plain
from tfrobust.experiments.fingerprints import fingerprint_arrays, identify_evaluation
from tfrobust.experiments.recipe import DataSpec
from tfrobust.memory_budget import Chunking
from tfrobust.networks import in_float32, load_network
from tfrobust.progress import SILENT, Progress
from tfrobust.zoo.index import EvaluationRecord
from tfrobust.zoo.runs import scores_of

# What a record may say of its images: nothing that augments them.
OF_IMAGES = ("name", "hold_out", "evaluate_on", "image_size", "equalize", "exif")

ROUNDING = 5e-4  # Another processor rounds otherwise: half a unit of the last digit that tables show.


class Difference(NamedTuple):
    """One number, recorded and measured again.

    Attributes:
        task, measure: which number.
        recorded, low, high: what the index says, with its 95 % interval.
        measured: now.
    """

    task: str
    measure: str
    recorded: float
    low: float
    high: float
    measured: float

    @property
    def difference(self) -> float:
        """Measured minus recorded."""
        return self.measured - self.recorded

    @property
    def holds(self) -> bool:
        """Whether the measured number lies in the recorded interval."""
        return self.low - ROUNDING <= self.measured <= self.high + ROUNDING


class Again(NamedTuple):
    """A recorded evaluation that was run again.

    Attributes:
        result: of this run.
        numbers: those with an interval, recorded and measured.
        missing: names of recorded numbers that were not measured.
    """

    result: Evaluation
    numbers: list[Difference]
    missing: list[str]

    @property
    def outside(self) -> list[Difference]:
        """The numbers that do not lie in their interval."""
        return [each for each in self.numbers if not each.holds]


def evaluate_again(
    path: str,
    record: EvaluationRecord,
    folder: str,
    *,
    data_dir: str | None = None,
    download: bool = False,
    dataset: str | None = None,
    held: Chunking = Chunking(),
    progress: Progress = SILENT,
) -> Again:
    """Runs a recorded evaluation on the network in a file.

    Args:
        path: of the network.
        record: of the evaluation.
        folder: batches that were evaluated are kept there, and not evaluated again.
        data_dir: where the data set is looked for.
        download: whether TFDS may fetch it.
        dataset: the reader's .npz or folder, in the place of the recorded data set.
        held: path points and memory; the images held at once are those of the record.
        progress: is shown how far it is.

    Raises:
        InputError: where the network cannot be loaded, the settings are unknown, or the images are other ones.
    """
    suite = suite_from_plain(record.suite)
    network = in_float32(load_network(path))
    data = _data_of(record, dataset, data_dir, download).read()
    x, y = to_unit(data.x_test), data.y_test
    images = fingerprint_arrays(x, y)
    if record.images and images != record.images:
        raise InputError(
            f"evaluation {record.name} was made on other images than {dataset or record.data['name']} has here "
            f"(fingerprint {record.images}, here {images}): give them with --dataset or --data_dir"
        )
    batch, chunk = held._replace(images=record.batch).for_network(network)
    identity = {**identify_evaluation(suite, [network], x, y, images), "batch": record.batch}
    keep = BatchCache(os.path.join(folder, "batches"), identity)
    result = evaluate(network, x, y, suite, batch_size=batch, chunk=chunk, progress=progress, keep=keep)
    return compare_scores(record, result)


def compare_scores(record: EvaluationRecord, result: Evaluation) -> Again:
    """Sets the scores of a result beside those of a record."""
    now, numbers, missing = scores_of(result.summary), [], []
    for task, own in record.scores.items():
        for measure, value in own.items():
            if not isinstance(value, dict) or "low" not in value:
                continue
            found: Any = now.get(task, {}).get(measure)
            if isinstance(found, dict):
                numbers.append(Difference(task, measure, value["mean"], value["low"], value["high"], found["mean"]))
            else:
                missing.append(f"{task}: {measure}")
    return Again(result, numbers, missing)


def _data_of(record, dataset, data_dir, download) -> DataSpec:
    """The images of a record; where these were a file or a folder of somebody's, the reader has to give them."""
    name = record.data.get("name")
    if not dataset and (not isinstance(name, str) or not re.fullmatch(r"\w+", name)):
        raise InputError(
            f"evaluation {record.name} is of images of their own ({str(name)[:60]}): give them with --dataset"
        )
    known = {key: value for key, value in record.data.items() if key in OF_IMAGES}
    try:
        spec = DataSpec(**{**known, "data_dir": data_dir, "download": download})
    except TypeError as e:
        raise InputError(f"evaluation {record.name} does not say which images it is of ({e})") from e
    return replace(spec, name=dataset) if dataset else spec

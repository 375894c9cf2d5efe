"""Evaluations kept beside the runs they belong to, and made again when anything about them differs."""

import json
import os

import numpy as np

from tfrobust import report
from tfrobust.data import ImageData, to_unit
from tfrobust.evaluation import Evaluation, EvaluationSpec, evaluate
from tfrobust.evaluation.attributions import Maps
from tfrobust.evaluation.diagnosis import Flag
from tfrobust.experiments.fingerprints import of_network
from tfrobust.experiments.provenance import describe_evaluation
from tfrobust.experiments.recipe import DataSpec
from tfrobust.experiments.saved_runs import NETWORK
from tfrobust.memory_budget import Chunking
from tfrobust.networks import load_network
from tfrobust.progress import SILENT, Progress


def evaluate_run(
    directory: str,
    name: str,
    data: DataSpec,
    images: ImageData,
    spec: EvaluationSpec,
    held: Chunking = Chunking(),  # noqa: B008, it cannot be changed.
    progress: Progress = SILENT,
) -> Evaluation:
    """The evaluation called `name` of the network of the run in `directory`: the one that is there, if made of these
    weights on these images with this spec, else a new one.

    Args:
        data: where the images come from, which is kept beside the numbers.
        images: those of `data.read()`.
        held: images and path points held at once.
    """
    network = load_network(os.path.join(directory, NETWORK))
    path, maps_path = (os.path.join(directory, name + ending) for ending in (".json", "_maps.npz"))
    about = describe_evaluation(data, held.images, spec.as_dict())
    identity = json.loads(json.dumps({**about, "network": of_network(network)}))
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            old = json.load(file)
        if old["about"] == identity:
            flags = [Flag(**flag) for flag in old["flags"]]
            return Evaluation(old["records"], old["summary"], read_maps(maps_path), spec.as_dict(), flags)
    x = to_unit(images.x_test)
    result = evaluate(network, x, images.y_test, spec, *held.for_network(network), progress)
    write_maps(maps_path, result.maps)
    flags = [flag._asdict() for flag in result.flags]
    values = {"summary": result.summary, "flags": flags, "records": result.records, "about": identity}
    report.write_json(path, values)
    return result


def write_maps(path: str, maps) -> None:
    """The maps of an evaluation, whole or not at all; nothing where there are none."""
    arrays = maps._asdict() if maps else {}
    arrays.update({f"scores_{k}": v for k, v in arrays.pop("scores", {}).items()})
    with open(path + ".part", "wb") as file:
        np.savez_compressed(file, **arrays)
    os.replace(path + ".part", path)


def read_maps(path: str):
    """What write_maps wrote."""
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    scores = {k[len("scores_") :]: arrays.pop(k) for k in list(arrays) if k.startswith("scores_")}
    return Maps(**arrays, scores=scores) if arrays else None

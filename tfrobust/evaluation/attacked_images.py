"""Files of attacked images: those that an evaluation found, and those that somebody else found on the same images."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfrobust.attributions import MapSpec, make_map
from tfrobust.data.arrays import to_unit
from tfrobust.data.npz import opened_npz
from tfrobust.errors import InputError
from tfrobust.evaluation.result import Evaluation
from tfrobust.evaluation.suite import MapTask
from tfrobust.similarity import MEASURES, Comparison
from tfrobust.spec_values import to_plain

SCORE = "score_"  # Prefix of the arrays that hold scores.


@dataclass(frozen=True)
class AttackedImages:
    """Attacked images, and the original ones where the file has them.

    Attributes:
        path: of the file, for messages.
        x_adv: [N,H,W,C] float32.
        x, y: original images [N,H,W,C] float32 and labels [N]; None where the file has none.
        scores: measure -> [N], of the evaluation that found them; empty where nobody measured them.
        about: the ball, the map, the comparison and the network, as `task_facts` says them; empty likewise.
    """

    path: str
    x_adv: np.ndarray
    x: np.ndarray | None = None
    y: np.ndarray | None = None
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def map(self) -> MapSpec:
        """The map that was attacked."""
        return make_map(**self.about["map"])

    @property
    def comparison(self) -> Comparison:
        """How maps were compared."""
        return Comparison(**self.about["comparison"])


def task_facts(name: str, task: MapTask) -> dict[str, Any]:
    """What repeats the measures of a task on maps, as plain values: its ball, its map and the comparison."""
    attack, of = task.attack, task.comparison
    comparison = {"k": of.k, "ties": of.ties, "window": of.window}
    own = {"task": name, "eps": attack.eps, "norm": attack.norm, "comparison": comparison}
    return {**own, "map": to_plain(task.map.settings()), "attack": attack.describe()}


def write_attacked(folder: str, result: Evaluation, network: str) -> list[str]:
    """Writes the images that each attack on maps found, a file for each task.

    Args:
        folder: where they are written; it is made.
        result: of the evaluation.
        network: the fingerprint of the network, which `read_attacked` gives back.

    Returns:
        The paths of the files.  Of an ensemble, whose strongest part counts for each measure on its own, the images are
        those that have the least Kendall's tau, and the scores those of the ensemble.
    """
    os.makedirs(folder, exist_ok=True)
    paths = []
    for name, maps in result.maps.items():
        records = result.records_of(name)
        y, index = (np.array([record[key] for record in records], np.int32) for key in ("label", "index"))
        scores = {SCORE + measure: np.asarray(maps.scores[measure]) for measure in MEASURES}
        about = {**task_facts(name, result.suite.attributions[name]), "network": network}
        paths.append(os.path.join(folder, re.sub(r"[^\w.-]+", "_", name) + ".npz"))
        arrays: dict[str, Any] = {"x": maps.x, "x_adv": maps.x_adv, "y": y, "index": index, **scores}
        np.savez_compressed(paths[-1], about=np.array(json.dumps(about)), **arrays)
    return paths


def read_attacked(path: str) -> AttackedImages:
    """Reads a file of attacked images: an npz with x_adv, and x and y where the file has them.

    Raises:
        InputError: where it cannot be read, has no x_adv, or its arrays do not fit each other.
    """
    with opened_npz(path) as file:
        if "x_adv" not in file:
            raise InputError(f"{path} holds {', '.join(file) or 'nothing'}: it must hold x_adv, the attacked images")
        x_adv = _images(path, "x_adv", file["x_adv"])
        x = _images(path, "x", file["x"]) if "x" in file else None
        y = file["y"] if "y" in file else None
        scores = {name.removeprefix(SCORE): file[name] for name in file if name.startswith(SCORE)}
        about = json.loads(str(file["about"])) if "about" in file else {}
    if x is not None and x.shape != x_adv.shape:
        raise InputError(f"{path} holds x {list(x.shape)} and x_adv {list(x_adv.shape)}: give one x_adv for each x")
    return AttackedImages(path, x_adv, x, y, scores, about)


def _images(path, name, x) -> np.ndarray:
    x = x[..., np.newaxis] if x.ndim == 3 else x
    if x.ndim != 4 or not x.size or x.dtype.kind not in "uf":
        raise InputError(f"{path}: {name} must be images [N,H,W,C], uint8 or float; got {x.dtype} {list(x.shape)}")
    return to_unit(x)

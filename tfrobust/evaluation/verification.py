"""Verifies images that somebody says are attacks on the maps of a network, and what they add to what is known.

A score under attack is an upper bound on how still a map is: any image of the ball that keeps the prediction and has a
less alike map lowers it, whoever found it and however.  To see that takes a prediction and a map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrobust.attacks.attacked_maps import as_records
from tfrobust.attributions import MapSpec
from tfrobust.balls import make_ball
from tfrobust.errors import InputError
from tfrobust.evaluation import statistics
from tfrobust.evaluation.attacked import plain_maps
from tfrobust.evaluation.evaluator import checked
from tfrobust.evaluation.predictions import predict
from tfrobust.evaluation.result import IN_TABLES
from tfrobust.networks import check_images
from tfrobust.similarity import Comparison

if TYPE_CHECKING:
    import keras

ROUNDING = 1e-5  # By so much, in units of [0, 1], float32 arithmetic may take an image out of its ball.


@dataclass(frozen=True)
class Verification:
    """What images are worth that somebody handed in.

    Attributes:
        scores: measure -> [N], how alike the maps are; 1 where an image does not count.
        bound: measure -> [N], what was known before; 1 where nothing was.
        distance: [N], from the original image, in the norm of the ball.
        right, moved, kept_label, counted: [N] bool: the original is predicted correctly; the attacked image differs
          from it; it is predicted as the label says; all three.
    """

    scores: dict[str, np.ndarray]
    bound: dict[str, np.ndarray]
    distance: np.ndarray
    right: np.ndarray
    moved: np.ndarray
    kept_label: np.ndarray
    counted: np.ndarray

    def rows(self) -> list[dict[str, Any]]:
        """A row for each measure: its mean in these images, before and after them, by how much they lower it (with its
        95 % interval over the images), and on how many images they do."""
        rows = []
        for measure in IN_TABLES:
            before = self.bound[measure]
            after = np.minimum(before, self.scores[measure])
            lowered = statistics.bootstrapped(before - after)
            means = {"own": np.mean(self.scores[measure]), "before": np.mean(before), "after": np.mean(after)}
            rows.append(
                {
                    "measure": measure,
                    **{name: float(mean) for name, mean in means.items()},
                    **{name: lowered[key] for name, key in (("lowered", "mean"), ("low", "low"), ("high", "high"))},
                    "images": int(np.sum(before > after)),
                    "of": len(before),
                }
            )
        return rows

    def records(self) -> list[dict[str, Any]]:
        """A dict for each image."""
        columns = {**self.scores, **{f"bound_{name}": self.bound[name] for name in IN_TABLES}}
        fates = {name: getattr(self, name) for name in ("distance", "right", "moved", "kept_label", "counted")}
        return as_records({**columns, **fates}, len(self.right))

    def as_dict(self) -> dict[str, Any]:
        """The rows, and how many images there are of each fate, as plain values."""
        fates = {name: int(getattr(self, name).sum()) for name in ("right", "moved", "kept_label", "counted")}
        return {"images": len(self.right), **fates, "farthest": float(self.distance.max()), "measures": self.rows()}


def verify(
    network: keras.Model,
    x: np.ndarray,
    x_adv: np.ndarray,
    y: np.ndarray,
    *,
    eps: float,
    spec: MapSpec,
    comparison: Comparison,
    norm: str = "linf",
    bound: Mapping[str, np.ndarray] | None = None,
    batch_size: int = 100,
    chunk: int | None = None,
) -> Verification:
    """Checks attacked images: that they are in the ball and keep the prediction, and how alike their maps are.

    Args:
        network: logits out.
        x: original images [N,H,W,C] in [0, 1].
        x_adv: the same images after the attack.
        y: labels [N], for which maps are made and which the network is to predict at both.
        eps: radius of the ball, in units of the pixel range [0, 1].
        spec: of the map.
        comparison: how maps are compared.
        norm: of the ball, linf or l2.
        bound: measure -> the scores [N] that are known; None: nothing is, and 1 is the bound of each.
        batch_size: images that are held at once.
        chunk: path points of each image that are held at once; None: all.

    Raises:
        InputError: where images, labels and network do not fit each other, or an attacked image is not in the ball.
    """
    x, y = checked(network, x, y)
    x_adv = np.asarray(x_adv, np.float32)
    if x_adv.shape != x.shape:
        raise InputError(
            f"the attacked images are {list(x_adv.shape)} and the images {list(x.shape)}: give one for each"
        )
    check_images(x_adv, "the attacked images")
    comparison.check(x.shape[1:])
    spec.check_network(network)
    distance = distances(x, x_adv, norm)
    _check_in_ball(distance, x, eps, norm)
    right, kept = (predict(network, images, batch_size) == y for images in (x, x_adv))
    moved = distance > 0
    counted = right & kept & moved
    a, a_adv = (plain_maps(network, images, y, spec, batch_size, chunk=chunk) for images in (x, x_adv))
    scores = {name: np.where(counted, values, 1.0) for name, values in comparison.measure(a, a_adv).items()}
    known = {name: np.ones(len(x)) if bound is None else np.asarray(bound[name]) for name in IN_TABLES}
    return Verification(scores, known, distance, right, moved, kept, counted)


def distances(x: np.ndarray, x_adv: np.ndarray, norm: str) -> np.ndarray:
    """The distance [N] of images x_adv from x, both [N,H,W,C], in a norm (linf or l2)."""
    v = (x_adv.astype(np.float64) - x).reshape(len(x), -1)
    return np.abs(v).max(axis=1) if norm == "linf" else np.linalg.norm(v, axis=1)


def _check_in_ball(distance, x, eps, norm) -> None:
    make_ball(norm, eps)
    slack = ROUNDING * (np.sqrt(x[0].size) if norm == "l2" else 1.0)
    outside = np.flatnonzero(distance > eps + slack)
    if len(outside):
        worst = int(np.argmax(distance))
        raise InputError(
            f"{len(outside)} of {len(x)} attacked images are outside the {norm} ball of eps {eps:.4g}, the farthest, "
            f"image {worst}, at {distance[worst]:.4g}: project them onto the ball (bytes round by up to 0.002), or "
            "give their eps"
        )

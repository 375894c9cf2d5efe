"""Measures how far a map depends on choices that nobody sees in it: its reference, and how its path is summed.

Integrated Gradients say what an image has that a reference (the baseline) has not.  Black is a convention; white, a
grey, the image's own mean or a blurred image are others.  For each image the map with the settings that are measured is
compared with the map from each other reference, by each other rule of the path's points, and with half and twice as
many points; the least alike of them counts.  Sturmfels et al. (2020) show such maps side by side, Kindermans et al.
(2019) that a shift of all images moves maps from a fixed reference.

For a linear score, <w, x> + c, the maps from b and b' differ by w (b - b'), and rules and points change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfrobust.attributions import IntegratedGradients, MapSpec
from tfrobust.attributions.map_spec import reduced
from tfrobust.distribution import shard_over_replicas
from tfrobust.errors import InputError
from tfrobust.evaluation import statistics
from tfrobust.evaluation.predictions import batches, once_traced
from tfrobust.names import RULES
from tfrobust.similarity import Comparison, kendall, spearman, top_k_intersection

if TYPE_CHECKING:
    import keras

GREYS = {"black": 0.0, "grey": 0.5, "white": 1.0}
REFERENCES = (*GREYS, "mean", "blurred")
BLUR = 1 / 8  # Standard deviation of the blur, as a share of the shorter side of the image.
MEASURES = ("top_k_intersection", "kendall", "spearman")


@dataclass(frozen=True)
class ReferenceSensitivity:
    """How alike maps are to those with other references, rules and numbers of points.

    Attributes:
        scores: (name of the other choice, such as white, rule left or 200 points; measure) -> [N], 1 where nothing
          changes.
    """

    scores: Mapping[tuple[str, str], np.ndarray]

    @property
    def others(self) -> tuple[str, ...]:
        """The names of the other choices."""
        return tuple(dict.fromkeys(other for other, _ in self.scores))

    def _of(self, measure: str) -> np.ndarray:
        """[M,N], a row for each other choice."""
        return np.stack([self.scores[other, measure] for other in self.others])

    def least(self, measure: str) -> np.ndarray:
        """The lowest score of each image over all other choices, [N]."""
        return self._of(measure).min(axis=0)

    def least_alike(self, measure: str) -> np.ndarray:
        """The name of the choice that the lowest score is of, for each image, [N]; the first of equals."""
        return np.array(self.others)[self._of(measure).argmin(axis=0)]

    def least_of_all(self) -> dict[str, np.ndarray]:
        """least_MEASURE -> [N]."""
        return {f"least_{measure}": self.least(measure) for measure in MEASURES}

    def of_images(self) -> dict[str, np.ndarray]:
        """Columns for the records of images: each score, and the choice that the lowest is of, by measure."""
        out = {f"{measure} with {other}": scores for (other, measure), scores in self.scores.items()}
        out.update({f"least {measure} with": self.least_alike(measure) for measure in MEASURES})
        return out

    def rows(self) -> list[dict[str, Any]]:
        """A row for each other choice.

        Returns:
            Dicts with "with", the name of the choice, and for each measure: MEASURE, the mean, MEASURE_low and
            MEASURE_high, its 95 % interval, and least_MEASURE, the share of images whose lowest score is this one's.
        """
        rows = []
        for other in self.others:
            row: dict[str, Any] = {"with": other}
            for measure in MEASURES:
                described = statistics.describe(self.scores[other, measure], 0.0 if "top_k" in measure else -1.0, 1.0)
                row[measure] = described["mean"]
                row.update({f"{measure}_{end}": described[end] for end in ("low", "high")})
                row[f"least_{measure}"] = float(np.mean(self.least_alike(measure) == other))
            rows.append(row)
        return rows

    def arrays(self) -> dict[str, np.ndarray]:
        """The scores under names that a file can hold."""
        return {f"{other}|{measure}": scores for (other, measure), scores in self.scores.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> ReferenceSensitivity:
        """The result whose `arrays` these are."""
        return cls({(key.split("|")[0], key.split("|")[1]): scores for key, scores in arrays.items()})


def reference_images(x: tf.Tensor) -> dict[str | None, tf.Tensor]:
    """The references of images x [B,H,W,C] in [0, 1], of the same shape.

    Returns:
        black, grey and white; mean: of each channel of the image; blurred: the image under a Gaussian blur whose
        standard deviation is an eighth of its shorter side, with its edges repeated.
    """
    out: dict[str | None, tf.Tensor] = {name: tf.fill(tf.shape(x), level) for name, level in GREYS.items()}
    out["mean"] = tf.zeros_like(x) + tf.reduce_mean(x, axis=[1, 2], keepdims=True)
    out["blurred"] = _blurred(x)
    return out


def _blurred(x):
    height, width = x.shape[1:3]
    rows, columns = (_blur(side, BLUR * min(height, width)) for side in (height, width))
    return tf.einsum("ih,jw,bhwc->bijc", rows, columns, x)


def _blur(side: int, deviation: float) -> np.ndarray:
    """The matrix [side, side] of a Gaussian blur along one axis, with the ends repeated; its rows sum to 1."""
    reach = int(np.ceil(3 * deviation))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    out = np.zeros((side, side))
    for i in range(side):
        np.add.at(out[i], np.clip(np.arange(i - reach, i + reach + 1), 0, side - 1), weights / weights.sum())
    return out.astype(np.float32)


class Choice(NamedTuple):
    """What a map is made with.

    Attributes:
        map: its settings.
        reference: the name of its reference, one of REFERENCES; None: the grey level of the settings.
    """

    map: MapSpec
    reference: str | None = None


def other_choices(spec: MapSpec) -> dict[str, Choice]:
    """What a map is compared with, by name: white, rule left, 200 points.

    Raises:
        InputError: where the method has no reference.
    """
    own: Any = spec.attribution
    if not own.has_reference:
        raise InputError(f"a {spec.method} map has no reference that it could be sensitive to")
    out = {name: Choice(spec, name) for name in REFERENCES if GREYS.get(name) != own.baseline}
    if isinstance(own, IntegratedGradients):
        changed = lambda **changes: Choice(replace(spec, attribution=replace(own, **changes)))  # noqa: E731
        out.update({f"rule {rule}": changed(rule=rule) for rule in RULES if rule != own.rule})
        out.update({f"{n} points": changed(steps=n) for n in (max(1, own.steps // 2), 2 * own.steps) if n != own.steps})
    return out


@once_traced
def _maps(network, spec: MapSpec, chunk: int | None):
    """(images, classes, references, each [B,H,W,C]) -> maps [B,H,W]."""
    return shard_over_replicas(
        lambda x, y, x0: reduced(spec, spec.attribution.from_reference(network, spec.score, x, y, x0, chunk=chunk))
    )


def _compared(a, b, of: Comparison) -> dict[str, np.ndarray]:
    values = top_k_intersection(a, b, of.k, of.ties), kendall(a, b, of.ties), spearman(a, b, of.ties)
    return dict(zip(MEASURES, values))


def reference_sensitivity(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    spec: MapSpec,
    comparison: Comparison,
    *,
    batch_size: int = 100,
    chunk: int | None = None,
) -> ReferenceSensitivity:
    """Compares maps with those from other references, by other rules and of other numbers of points.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: classes [N] that the maps explain.
        spec: of the maps.
        comparison: how maps are compared.
        batch_size: images that are held at once.
        chunk: path points of each image that are held at once; None: all.

    Raises:
        InputError: where the method of the map has no reference.
    """
    own: Any = spec.attribution  # It has a baseline, as `other_choices` made sure.
    others, parts = other_choices(spec), []
    for rows in batches(len(x), batch_size):
        images, labels = tf.constant(x[rows], tf.float32), tf.constant(y[rows])
        references = reference_images(images)
        references[None] = tf.fill(tf.shape(images), float(own.baseline))

        def maps(choice, images=images, labels=labels, references=references):
            return _maps(network, choice.map, chunk)(images, labels, references[choice.reference]).numpy()

        a = maps(Choice(spec))
        found = {name: _compared(a, maps(choice), comparison) for name, choice in others.items()}
        parts.append({(name, measure): found[name][measure] for name in found for measure in MEASURES})
    return ReferenceSensitivity({key: np.concatenate([part[key] for part in parts]) for key in parts[0]})

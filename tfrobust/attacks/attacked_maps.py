"""`AttackedMaps`: images and their maps before and after an attack on the maps.

Attacks return this form, evaluations keep it, and pictures show it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

FATES = ("moved", "kept_label", "counted", "had_gradient", "goal_rose")  # What became of the attack on each image.
SCORE = "score "  # Prefix that marks scores among other arrays.


@dataclass(frozen=True)
class AttackedMaps:
    """N images, their maps, and what became of the attack on each.

    Attributes:
        x, x_adv: images [N,H,W,C]; x_adv is x where no iterate counted.
        a, a_adv: the network's maps [N,H,W] there.
        moved: [N] bool, some iterate differed from the image.
        kept_label: [N] bool, some iterate kept the label.
        counted: [N] bool, some iterate did both.
        had_gradient: [N] bool, some step had a gradient to follow; True for attacks that follow none.
        goal_rose: [N] bool, some iterate's goal exceeded the first one's; True for attacks that have no goal.
        scores: by name, a number for each image [N], such as the measures of a `similarity.Comparison`.
    """

    x: np.ndarray
    a: np.ndarray
    x_adv: np.ndarray
    a_adv: np.ndarray
    moved: np.ndarray
    kept_label: np.ndarray
    counted: np.ndarray
    had_gradient: np.ndarray
    goal_rose: np.ndarray
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def fates(self) -> dict[str, np.ndarray]:
        """What became of the attack on each image, name -> [N] bool."""
        return {name: getattr(self, name) for name in FATES}

    def with_scores(self, scores: Mapping[str, np.ndarray]) -> "AttackedMaps":
        """A copy with these scores, name -> [N], beside those that it has."""
        return replace(self, scores={**self.scores, **scores})

    def batch(self, rows: np.ndarray | slice) -> "AttackedMaps":
        """The part of the images that `rows` selects: indices or a slice."""
        return AttackedMaps.from_arrays({name: array[rows] for name, array in self.arrays().items()})

    @classmethod
    def join(cls, parts: Sequence["AttackedMaps"]) -> "AttackedMaps":
        """Joins several batches, which have the same scores, into one."""
        return cls.from_arrays(join_batches([part.arrays() for part in parts]))

    def arrays(self) -> dict[str, np.ndarray]:
        """All fields and scores as arrays [N,...] by name, as files hold them."""
        own = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self) if f.name != "scores"}
        return {**own, **{SCORE + name: np.asarray(values) for name, values in self.scores.items()}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "AttackedMaps":
        """Makes it from what `arrays` returned."""
        own = {name: array for name, array in arrays.items() if not name.startswith(SCORE)}
        return cls(**own, scores={k.removeprefix(SCORE): v for k, v in arrays.items() if k.startswith(SCORE)})

    def records(self) -> list[dict[str, Any]]:
        """Scores and fates of each image, as one dict of plain values per image."""
        return as_records({**self.scores, **self.fates}, len(self))


def as_records(columns: Mapping[str, np.ndarray], n: int) -> list[dict[str, Any]]:
    """Turns `columns`, arrays [n] by name, into n dicts of plain values; NaN becomes None, because JSON has no NaN."""
    plain = {name: [None if value != value else value for value in values.tolist()] for name, values in columns.items()}
    return [{name: values[row] for name, values in plain.items()} for row in range(n)]


def join_batches(batches: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Joins the arrays of several batches of images, each a mapping name -> [B,...] with the same names.

    An array may have no columns, [B,0], where nothing was tried on that batch; NaN stands there instead.
    """
    return {name: _join_rows([batch[name] for batch in batches]) for name in batches[0]}


def _join_rows(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The rows of all arrays, one array after the other."""
    full = next((array for array in arrays if array.shape[1:2] != (0,)), arrays[0])
    filled = [array if array.shape[1:2] != (0,) else np.full((len(array), *full.shape[1:]), np.nan) for array in arrays]
    return np.concatenate(filled)

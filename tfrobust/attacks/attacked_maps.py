"""Images and their maps before and after an attack on the maps: the one form in which attacks return them, evaluations
keep them and pictures show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

FATES = ("moved", "kept_label", "counted", "had_gradient", "goal_rose")  # What became of the attack on each image.
SCORE = "score "  # Before the names of scores among other arrays.


@dataclass(frozen=True)
class AttackedMaps:
    """N images, their maps, and what became of the attack on each.

    Attributes:
        x, x_adv: images [N,H,W,C]; x_adv is x where no iterate counted.
        a, a_adv: the network's maps [N,H,W] there.
        moved: [N] bool, some iterate differed from the image.
        kept_label: [N] bool, some iterate kept the label.
        counted: [N] bool, some iterate did both.
        had_gradient: [N] bool, some step had a gradient to follow.
        goal_rose: [N] bool, some iterate's goal exceeded the first one's.  (Both True where an attack has neither.)
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
        """The same with these scores beside those that it has."""
        return replace(self, scores={**self.scores, **scores})

    def batch(self, rows) -> "AttackedMaps":
        """Those of the images with these indices, or in this slice."""
        return AttackedMaps.from_arrays({name: array[rows] for name, array in self.arrays().items()})

    @classmethod
    def join(cls, parts: Sequence["AttackedMaps"]) -> "AttackedMaps":
        """Several batches, of the same scores, as one."""
        arrays = [part.arrays() for part in parts]
        return cls.from_arrays({name: np.concatenate([each[name] for each in arrays]) for name in arrays[0]})

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays by name, as files hold it."""
        own = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self) if f.name != "scores"}
        return {**own, **{SCORE + name: np.asarray(values) for name, values in self.scores.items()}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "AttackedMaps":
        """What `arrays` gave."""
        own = {name: array for name, array in arrays.items() if not name.startswith(SCORE)}
        return cls(**own, scores={k.removeprefix(SCORE): v for k, v in arrays.items() if k.startswith(SCORE)})

    def records(self) -> list[dict[str, Any]]:
        """Scores and fates of each image, as plain values."""
        return as_records({**self.scores, **self.fates}, len(self))


def as_records(columns: Mapping[str, np.ndarray], n: int) -> list[dict[str, Any]]:
    """Columns [n] by name as a dict of plain values for each row; None for NaN, which JSON has not."""
    plain = {name: [None if value != value else value for value in values.tolist()] for name, values in columns.items()}
    return [{name: values[row] for name, values in plain.items()} for row in range(n)]

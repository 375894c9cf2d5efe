"""What the growth of a training step and of an evaluation is measured against, and how large each measured point is.

Importing it costs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tfrobust.checks import check_choice, check_fields, check_number, check_whole
from tfrobust.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Point:
    """One step of IG-SUM-NORM on the MNIST network, or one evaluation by IFIA, of random images.

    Attributes:
        path_points: m, of Integrated Gradients in the descent and in the inner attack; of the maps of an evaluation.
        attack_steps: iterations of the inner attack.
        batch: images of the step, over all replicas.
        side: rows and columns of an image.
        replicas: that share the batch, and the cores.
        images: of the evaluation; 0: the point is a training step.
        width: factor for the units of the network.
        iterations: of the attack of an evaluation.
    """

    path_points: int
    attack_steps: int
    batch: int
    side: int
    replicas: int = 1
    images: int = 0
    width: float = 1.0
    iterations: int = 20

    def __post_init__(self):
        check_fields(check_whole, self, "path_points", "batch", "side", "replicas", "iterations", least=1)
        check_fields(check_whole, self, "attack_steps", "images")
        check_number("width", self.width)


@dataclass(frozen=True)
class Axis:
    """What grows.

    Attributes:
        name: of the field of a Point.
        what: the same in words.
        usual: its values in the table of docs/cost.md.
        unit: power of the field that the work should be proportional to; the side of an image counts as pixels.
    """

    name: str
    what: str
    usual: tuple[int, ...]
    unit: int = 1


AXES = {
    axis.name: axis
    for axis in (
        Axis("path_points", "path points m", (3, 6, 12, 25, 50)),
        Axis("attack_steps", "steps of the inner attack", (1, 2, 4, 8, 16)),
        Axis("batch", "images of a batch", (4, 8, 16, 32, 64)),
        Axis("side", "pixels of an image", (14, 20, 28, 40, 56), unit=2),
        Axis("replicas", "replicas on the same cores", (1, 2, 4)),
        Axis("images", "images of an evaluation", (2, 4, 8, 16, 32)),
    )
}
_ALONE = ("replicas", "images")  # Points of the other axes have one replica and are no evaluations.


class Plan(NamedTuple):
    """What is measured.

    Attributes:
        base: the point whose fields stay as they are while another one grows.
        points: name of the axis -> its points, in rising order.
    """

    base: Point
    points: dict[str, list[Point]]


def plan_points(ranges: Mapping[str, Sequence[int]], against: Sequence[str], **fixed) -> Plan:
    """The points of each axis: while one field grows, the others stay in the middle of their ranges.

    Args:
        ranges: values of each field of AXES.
        against: the axes that are wanted.
        **fixed: fields of a Point that are the same for all, such as width.

    Raises:
        InputError: for an unknown axis, an axis without two different values, and values that no point can have.
    """
    for name in against:
        check_choice("axis", name, AXES)
        if len(set(ranges[name])) < 2:
            raise InputError(f"growth against {name} needs two different numbers at least")
        if min(ranges[name]) < 1:
            raise InputError(f"growth against {name} needs numbers of 1 or more")
    middle = {name: sorted(ranges[name])[len(ranges[name]) // 2] for name in AXES if name not in _ALONE}
    base = Point(**middle, **fixed)
    if "replicas" in against and max(ranges["replicas"]) > base.batch:
        raise InputError(f"{max(ranges['replicas'])} replicas cannot share a batch of {base.batch}")
    return Plan(base, {name: [replace(base, **{name: n}) for n in sorted(set(ranges[name]))] for name in against})


def size_of(point: Point, axis: Axis) -> int:
    """The number against which a point stands in the table of its axis."""
    return getattr(point, axis.name) ** axis.unit

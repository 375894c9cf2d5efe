"""What an audit measures, and how much of it fits into the time that there is."""

import math
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

from tfrobust.attacks import Ifia, Pgd, TopK
from tfrobust.attributions import IntegratedGradients, MapSpec, make_map
from tfrobust.errors import InputError
from tfrobust.evaluation import MapTask, Suite
from tfrobust.similarity import Comparison

PIXEL = 1 / 255
EPS = (2 * PIXEL, 4 * PIXEL, 8 * PIXEL)
MAPS = ("IG", "gradient")
PGD_STEPS = 20
ATTACK_PATH_LENGTH_IN_EPS = 4  # Of all steps of the attack on maps together: a step is 4 eps / steps long.
# Steps of the attack on maps, and points of Integrated Gradients: as much as there is time for.
LEVELS = ((50, 50), (40, 32), (30, 24), (20, 16), (10, 10))
LAST_LEVEL = (5, 5)  # Where nothing else fits.
ENOUGH_IMAGES = 24  # A cheaper level is taken where fewer would fit into the time.
MOST_PREDICTED_IMAGES = 256  # Whose predictions are attacked.
# What is traced once, in attacks on maps: the path of Integrated Gradients and its map; the attack on predictions of
# each eps.
TRACED = {"maps": 2.0, "predictions": 0.67}
PREDICTION_TIME_SHARE = 0.15  # Of the time, for the attacks on predictions.


def in_pixels(eps: float) -> str:
    """eps as people write it: 4/255."""
    return f"{eps / PIXEL:.3g}/255"


@dataclass(frozen=True)
class Plan:
    """eps: radii (l-infinity), ascending.  steps: of the attack on maps.  points: of Integrated Gradients.  k: size of
    the top set that is attacked and measured.  predicted: images under PGD.  batch, chunk: images and path points held
    at once.  seed: of every draw."""

    eps: Tuple[float, ...]
    steps: int
    points: int
    k: int
    predicted: int
    batch: int
    chunk: Optional[int]
    seed: int = 0

    def suite(self, images: int, doubled: int) -> Suite:
        """The maps of so many images attacked, of so many of them once more with twice the steps."""
        pgd = {f"PGD at {in_pixels(e)}": Pgd(e, PGD_STEPS, e / 4, random_start=True, seed=self.seed) for e in self.eps}
        return Suite(
            "audit",
            pgd,
            {self.name_of(name, e): self.task(name, e) for name in MAPS for e in self.eps},
            examples=self.predicted,
            attribution_examples=images,
            doubled=doubled,
            faithful=False,
            aligned=False,
            seed=self.seed,
        )

    @staticmethod
    def name_of(map_name: str, eps: float) -> str:
        """What the task on a map of MAPS is called."""
        return f"{map_name} at {in_pixels(eps)}"

    def task(self, map_name: str, eps: float, steps: Optional[int] = None) -> MapTask:
        """The attack on a map of MAPS, with so many steps (None: those of the plan)."""
        spec = MapSpec(IntegratedGradients(self.points)) if map_name == "IG" else make_map("gradient")
        return MapTask(spec, self.attack(eps, steps or self.steps), Comparison(self.k))

    def attack(self, eps: float, steps: int) -> Ifia:
        """IFIA top-k.  The map stays the network's and only its second derivative is softplus' (FAR): a surrogate with
        softplus throughout is another network the deeper it is.  A step that changes the prediction is taken back:
        networks that were not trained against attacks lose it at once."""
        return Ifia(
            eps,
            steps,
            ATTACK_PATH_LENGTH_IN_EPS * eps / steps,
            goal=TopK(self.k),
            curvature_only=True,
            keep_label=True,
            seed=self.seed,
        )

    @property
    def units(self) -> float:
        """Second derivatives of one image that an image of the audit takes."""
        return len(self.eps) * (self.steps * (self.points + 1) + self.points)


def make_plan(
    seconds: float,
    cost: float,
    eps: Sequence[float],
    shape,
    batch: int,
    chunk,
    images: int,
    seed: int = 0,
    before=0.0,
    tracing=0.0,
) -> Plan:
    """The most thorough plan for `seconds`, where the second derivative of one image takes `cost` of them.

    What gives way first: steps and points down to LEVELS' last, at ENOUGH_IMAGES images; images, down to a batch; all
    eps but the middle one; the size of the batch, halved down to one image; steps and points down to LAST_LEVEL.

    Args:
        seconds, cost: that there are, and that a second derivative of one image takes.
        eps: radii that are wanted.
        shape: (H, W, C).
        batch: images held at once, at most.
        chunk: points -> path points held at once.
        images: the most of them that are wanted.
        seed: of every draw.
        before: seconds that were spent before.
        tracing: seconds that tracing an attack on maps takes, of which some are set aside (see TRACED).

    Raises:
        InputError: where even the cheapest plan takes longer.
    """
    k = max(1, shape[0] * shape[1] // 8)
    middle = (sorted(eps)[len(eps) // 2],)
    halves = [batch >> i for i in range(1, batch.bit_length())]
    tries = [
        (eps, LEVELS, min(ENOUGH_IMAGES, images), batch),
        (eps, LEVELS[-1:], min(batch, images), batch),
        (middle, LEVELS[-1:], min(batch, images), batch),
        *((middle, LEVELS[-1:], min(size, images), size) for size in halves),
        (middle, (LAST_LEVEL,), 1, 1),
    ]
    for radii, levels, enough, size in tries:
        once = tracing * sum(n * (1 if what == "maps" else len(radii)) for what, n in TRACED.items())
        for steps, points in levels:
            predicted = _predicted(seconds - once, cost, len(radii), size)
            plan = Plan(tuple(sorted(radii)), steps, points, k, predicted, size, chunk(points), seed)
            if plan.units * cost * enough <= (1 - PREDICTION_TIME_SHARE) * (seconds - once):
                return plan
    least = before + once + plan.units * cost / (1 - PREDICTION_TIME_SHARE)
    raise InputError(
        f"this network takes {math.ceil(least / 6) / 10:.1f} minutes at the least (one eps, one image, "
        f"{LAST_LEVEL[0]} steps): give as many, or a smaller network"
    )


def _predicted(seconds: float, cost: float, radii: int, batch: int) -> int:
    """The images whose predictions are attacked: as many as fit into their share of the time, two batches at least."""
    fitting = PREDICTION_TIME_SHARE * seconds / (radii * PGD_STEPS * cost / 3)
    return batch * int(min(max(fitting // batch, 2), max(MOST_PREDICTED_IMAGES // batch, 2)))

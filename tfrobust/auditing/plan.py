"""What an audit measures, and how much of it fits into the time that there is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tfrobust.attacks import AutoAttack, MapAttack, auto_ensemble
from tfrobust.attacks.auto import PATH_POINTS, top_k_climb
from tfrobust.attributions import IntegratedGradients, MapSpec, make_map
from tfrobust.errors import InputError
from tfrobust.evaluation import MapTask, Suite
from tfrobust.similarity import Comparison

PIXEL = 1 / 255
EPS = (2 * PIXEL, 4 * PIXEL, 8 * PIXEL)
HARDLY_VISIBLE = 8 * PIXEL  # Largest change of a pixel that the reports call hardly visible.
MapName = Literal["IG", "gradient"]
MAPS: tuple[MapName, ...] = ("IG", "gradient")
APGD_STEPS, FEWER_APGD_STEPS = 20, 10
# (steps of the attack on maps, points of Integrated Gradients): the first level for which there is time is taken.
LEVELS = ((50, 50), (40, 32), (30, 24), (20, 16), (10, 10))
LAST_LEVEL = (5, 5)  # Taken where no other level fits into the time.
QUICK_POINTS = 32  # The whole of the ensemble auto is planned only at levels with this many points or more.
ENOUGH_IMAGES = 24  # A cheaper level is taken where fewer images would fit into the time.
MOST_PREDICTED_IMAGES = 256  # The predictions of at most so many images are attacked.
# Time of tracing, in units of that of one attack on maps: the path of Integrated Gradients and its map; the attack on
# predictions at each eps; the other parts of auto.
TRACED = {"maps": 2.0, "predictions": 0.67, "quick": 4.0}
UNTRACED_TIME_SHARE = 0.8  # Share of the time that is planned for where nothing is traced: a step was timed only once.
BESIDE_STEPS = 1.5  # Time of the maps before and after an attack, noise and surrogate, in steps of the attack on maps.
FIRST_DERIVATIVE = 1 / 3  # Cost of a step of the attack on predictions, in second derivatives.
PREDICTION_TIME_SHARE = 0.15  # Share of the time for the attacks on predictions.


@dataclass(frozen=True)
class Cost:
    """What an audit of a network costs, in seconds.

    Attributes:
        image: of a second derivative of one image.
        tracing: of an attack on maps.
        call: what a second derivative takes however few images there are (next to nothing of a traced function).
        traced: whether functions are.
    """

    image: float
    tracing: float = 0.0
    call: float = 0.0
    traced: bool = True


def in_pixels(eps: float) -> str:
    """`eps` as people write it: 4/255."""
    return f"{eps / PIXEL:.3g}/255"


def in_levels(eps: float) -> str:
    """`eps` for people who do not count in 255ths; up to HARDLY_VISIBLE it says that such a change hardly shows."""
    return f"{eps / PIXEL:.3g} of 255 brightness levels{', hardly visible' * (eps < HARDLY_VISIBLE + PIXEL / 2)}"


@dataclass(frozen=True)
class Plan:
    """What an audit measures.

    Attributes:
        eps: radii (l-infinity), ascending.
        steps: of the attack on maps.
        points: of Integrated Gradients.
        k: size of the top set that is attacked and measured.
        predicted: images whose predictions are attacked.
        batch, chunk: images and path points held at once.
        seed: of every draw.
        traced: whether functions are, or run operation by operation.
        maps: that are attacked.
        apgd_steps: of the attack on predictions, half of them on each of its two losses.
        quick: whether Integrated Gradients at the middle eps, which the verdict is about, are attacked by the whole
          ensemble auto at quick.
    """

    eps: tuple[float, ...]
    steps: int
    points: int
    k: int
    predicted: int
    batch: int
    chunk: int | None
    seed: int = 0
    traced: bool = True
    maps: tuple[MapName, ...] = MAPS
    apgd_steps: int = APGD_STEPS
    quick: bool = False

    @property
    def middle_eps(self) -> float:
        """The radius that the verdict is about."""
        return self.eps[len(self.eps) // 2]

    def suite(self, images: int, doubled: int) -> Suite:
        """The suite that attacks the maps of `images` images, and of `doubled` of them again with twice the steps."""
        steps = max(self.apgd_steps // 2, 1)
        on_predictions = {
            f"APGD at {in_pixels(e)}": AutoAttack(e, steps, version="quick", seed=self.seed) for e in self.eps
        }
        return Suite(
            "audit",
            on_predictions,
            {self.name_of(name, e): self.task(name, e) for name in self.maps for e in self.eps},
            examples=self.predicted,
            attribution_examples=images,
            doubled=doubled,
            faithful=False,
            aligned=False,
            seed=self.seed,
        )

    @staticmethod
    def name_of(map_name: MapName, eps: float) -> str:
        """What the task on a map of MAPS is called.

        Args:
            map_name: one of MAPS.
            eps: of the task.
        """
        return f"{map_name} at {in_pixels(eps)}"

    def task(self, map_name: MapName, eps: float, steps: int | None = None) -> MapTask:
        """The task that attacks a map.

        Args:
            map_name: one of MAPS.
            eps: radius.
            steps: of the attack; None: those of the plan, and auto where the plan has it.
        """
        spec = MapSpec(IntegratedGradients(self.points)) if map_name == "IG" else make_map("gradient")
        whole = self.quick and map_name == "IG" and eps == self.middle_eps and steps is None
        attack = self._ensemble(eps) if whole else self.attack(eps, steps or self.steps)
        return MapTask(spec, attack, Comparison(self.k))

    def attack(self, eps: float, steps: int) -> MapAttack:
        """The attack on the top-k set that the ensemble auto has (`attacks.auto`), at `eps` with so many `steps`.

        Where there is time for one attack, it is that on what the verdict is about.
        """
        return top_k_climb(eps, self.k, steps, seed=self.seed)

    def _ensemble(self, eps: float) -> MapAttack:
        return auto_ensemble(eps, self.k, "quick", seed=self.seed)

    @property
    def units(self) -> float:
        """How many second derivatives of one image an image of the audit takes."""
        climbs = len(self.eps) * (self.steps * (self.points + len(self.maps) - 1) + self.points)
        return climbs + self.quick * self._units_of_ensemble()

    def _units_of_ensemble(self) -> float:
        """Second derivatives that auto takes more than the single attack in whose place it is made."""
        ensemble = self._ensemble(self.middle_eps)
        judged = FIRST_DERIVATIVE * self.points * ensemble.rounds
        return ensemble.gradients * PATH_POINTS + judged - self.steps * self.points

    def seconds_of_tracing(self, cost: Cost) -> float:
        """Seconds that tracing the functions of the plan takes, at that `cost`."""
        of_maps = TRACED["maps"] + self.quick * TRACED["quick"]
        return self.traced * cost.tracing * (of_maps + TRACED["predictions"] * len(self.eps))

    def seconds_of_maps(self, cost: Cost, images: int) -> float:
        """Seconds, at that `cost`, that attacks on the maps of a batch of `images` take, with the noise beside them."""
        calls = len(self.maps) * len(self.eps) * (self.steps + BESIDE_STEPS)
        return self.units * cost.image * images + calls * cost.call

    def seconds_of_predictions(self, cost: Cost) -> float:
        """Seconds that the attacks on predictions take, at that `cost`."""
        batches = -(-self.predicted // self.batch)
        once = cost.image * self.predicted + cost.call * batches
        return len(self.eps) * self.apgd_steps * FIRST_DERIVATIVE * once


def make_plan(
    seconds: float,
    cost: Cost,
    eps: Sequence[float],
    shape: Sequence[int],
    batch: int,
    *,
    chunk: Callable[[int], int],
    images: int,
    seed: int = 0,
    before: float = 0.0,
) -> Plan:
    """The most thorough plan for a time.

    What gives way first: the whole of auto in the attack that the verdict is about, with steps and points down to
    QUICK_POINTS; steps and points down to LEVELS' last, at ENOUGH_IMAGES images; images, down to a batch; all eps but
    the middle one; the size of the batch, halved down to one image; steps and points down to LAST_LEVEL, with
    as many images as fit of a batch then; the attack on the gradient, and half of APGD's steps.

    Args:
        seconds: that there are.
        cost: of the network.
        eps: radii that are wanted.
        shape: (H, W, C) of the images.
        batch: images held at once, at most.
        chunk: points -> path points of that many images held at once.
        images: the most of them that are wanted.
        seed: of every draw.
        before: seconds that were spent before.

    Raises:
        InputError: where even the cheapest plan takes longer.
    """
    k = max(1, shape[0] * shape[1] // 8)
    share = 1.0 if cost.traced else UNTRACED_TIME_SHARE
    seconds *= share
    middle = (sorted(eps)[len(eps) // 2],)
    sizes = [batch >> i for i in range(batch.bit_length())]
    whole, part = (MAPS, APGD_STEPS), (MAPS[:1], FEWER_APGD_STEPS)
    of_quick = tuple(level for level in LEVELS if level[1] >= QUICK_POINTS and cost.traced)
    tries = [
        (True, eps, of_quick, min(ENOUGH_IMAGES, images), batch, whole),
        (False, eps, LEVELS, min(ENOUGH_IMAGES, images), batch, whole),
        (False, eps, LEVELS[-1:], min(batch, images), batch, whole),
        *((False, middle, LEVELS[-1:], min(size, images), size, whole) for size in sizes),
        *((False, middle, (LAST_LEVEL,), min(size, images), size, whole) for size in sizes),
        *((False, middle, (LAST_LEVEL,), min(size, images), size, part) for size in sizes),
    ]
    for quick, radii, levels, enough, size, (maps, apgd_steps) in tries:
        for steps, points in levels:
            predicted = _predicted(seconds, cost, len(radii) * apgd_steps, size)
            own = min(chunk(points) * (batch // size), points), seed, cost.traced, maps, apgd_steps, quick
            plan = Plan(tuple(sorted(radii)), steps, points, k, predicted, size, *own)
            least = plan.seconds_of_tracing(cost) + _least(plan, cost, enough)
            if least <= seconds:
                return plan
    minutes = math.ceil((before + least / share) / 6) / 10
    raise InputError(
        f"this network takes {minutes:.1f} minutes at the least (one eps, one image, {LAST_LEVEL[0]} steps): give as "
        "many, or a smaller network"
    )


def _least(plan: Plan, cost: Cost, images: int) -> float:
    """Seconds of the plan with so many images, of which the attacks on predictions have their share."""
    maps = plan.seconds_of_maps(cost, images)
    return max(maps / (1 - PREDICTION_TIME_SHARE), maps + plan.seconds_of_predictions(cost))


def _predicted(seconds: float, cost: Cost, steps: int, batch: int) -> int:
    """The images whose predictions are attacked, with so many steps: as many as fit into their share of the time; at
    least two batches, or one where functions are not traced."""
    of_a_batch = steps * FIRST_DERIVATIVE * (cost.image * batch + cost.call)
    fitting, least = int(PREDICTION_TIME_SHARE * seconds / of_a_batch), 2 if cost.traced else 1
    return batch * min(max(fitting, least), max(MOST_PREDICTED_IMAGES // batch, least))

"""An audit: how far the explanations of one network, of whatever make, can be moved within a budget of pixels.

Measured with the pieces of `evaluation`: APGD on predictions, an attack on Integrated Gradients and on the gradient,
noise of the same budget, the diagnosis of the attacks.  The time is given, not the work: what a second derivative of
this network costs is measured first, the plan follows from it, and images are added batch by batch while there is time.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfrobust import memory_budget as memory_of
from tfrobust.auditing.inputs import AUTO, AuditInputs, make_inputs
from tfrobust.auditing.measured_cost import traced_cost, untraced, untraced_cost
from tfrobust.auditing.plan import APGD_STEPS, EPS, LAST_LEVEL, LEVELS, MAPS, Plan, in_pixels, make_plan
from tfrobust.auditing.time_budget import OutOfTimeError, TimeBudget
from tfrobust.evaluation import Evaluation, evaluate
from tfrobust.evaluation.evaluator import Keep, compute
from tfrobust.kernels import onednn, say_hint
from tfrobust.names import AUDITED_IMAGES
from tfrobust.types import InputError

# Images that are held at once; the large batch is for networks whose layers give fewer numbers for an image than this.
BATCH, LARGE_BATCH, SMALL_NETWORK = 8, 32, 100_000
PIXELS_TIME_SHARE = 0.1  # Share of all the time that finding the range of the pixels may take.
MOST_TRACING = 0.5  # Functions are not traced where that would take more than this share of the time that is left.
TIME_FOR_MORE = 0.85  # Share of the time after the first batch that is planned for: others may need the machine, too.


WHOLE_NUMBERS = ("steps", "points", "k", "predicted", "batch", "chunk", "apgd_steps")  # Fields of a plan.


class Measured(NamedTuple):
    """What an audit measured.

    Attributes:
        inputs: what was audited.
        plan: what was planned.
        asked_eps: the radii that were wanted, ascending.
        images, doubled: how many were attacked, and how many of them with twice the steps.
        result: of the suite.
        seconds, budget: taken and given.
        names: of the images given, [N]; None where they have none.
        versions: of the software, and whether oneDNN's kernels were in force.
        unfinished: images of the plan that there was no time for.
        class_names: of the classes; None where they are not known.
    """

    inputs: AuditInputs
    plan: Plan
    asked_eps: Sequence[float]
    images: int
    doubled: int
    result: Evaluation
    seconds: float
    budget: float
    names: Sequence[str] | None
    versions: dict[str, Any]
    unfinished: int = 0
    class_names: Sequence[str] | None = None

    def class_of(self, label: int) -> str:
        """What the class `label` is called: its name, or its number."""
        return str(label) if self.class_names is None else str(self.class_names[label])

    def name(self, index: int) -> str:
        """What the image is called that has this `index` in the records."""
        row = self.inputs.rows[index]
        return f"x[{row}]" if self.names is None else self.names[row]

    @property
    def records(self) -> list[dict[str, Any]]:
        """A dict per image and task; `image`: its name."""
        return [
            {"image": self.name(r["index"]), **{key: value for key, value in r.items() if key != "index"}}
            for r in self.result.records
        ]


def measure(
    network: keras.Model,
    x: Any,
    y: Any,
    *,
    pixels: str | None = AUTO,
    eps: Sequence[float] = EPS,
    minutes: float = 10.0,
    images: int = AUDITED_IMAGES,
    classes: int | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
    memory: float | None = None,
    head: str | None = None,
    keep: Keep = compute,
    report: Callable[[str, float, float], None] = lambda what, passed, expected: None,
    class_names: Sequence[str] | None = None,
    spent: float = 0.0,
) -> Measured:
    """Audits any Keras classifier.

    Args:
        network: any Keras classifier.
        x: images [N,H,W,C] or [N,H,W], uint8 or float in [0, 1].
        y: labels [N], whole numbers.
        pixels: the range that the network expects, one of networks.PIXELS, or auto: the one that its first layers are
          made for, or, where they do not say, the one in which it predicts most of the images correctly.
        classes: of the data: the network must know as many; None: not known.
        head: the name of the output that gives the classes, of a network with several.
        eps: radii in units of [0, 1].
        minutes: that it may take, over by a tenth at most once a first batch is through.
        images: whose maps are attacked, at most.
        names: of the images x.
        seed: of every draw.
        memory: bytes for path points; None: half of what is free.
        keep: see evaluation.evaluate; the plan and the number of images are kept, too.
        report: see TimeBudget.
        class_names: of the classes, for the page; as many as the network knows.
        spent: seconds of the minutes that are over already.

    Raises:
        InputError: where something does not fit, or not even one batch fits into the time.
    """
    _check(eps, minutes, images)
    say_hint()
    time_budget = TimeBudget(60 * minutes, report, spent)
    report("network and pixels", 0.0, time_budget.expected)
    inputs = make_inputs(
        network,
        x,
        y,
        pixels=pixels,
        classes=classes,
        seed=seed,
        head=head,
        seconds=PIXELS_TIME_SHARE * time_budget.budget,
        keep=keep,
    )
    known = inputs.network.output_shape[-1]
    if class_names is not None and len(class_names) != known:
        raise InputError(f"{len(class_names)} class names were given and the network knows {known} classes")
    planned = keep(
        "plan", lambda: _planned(inputs, tuple(sorted(eps)), images, seed, memory=memory, time_budget=time_budget)
    )
    plan = _from_arrays(planned, seed)
    rounds = _Rounds(
        inputs, plan, images, time_budget, keep=keep, cost=float(planned["cost"]), seconds=float(planned["until"])
    )
    with untraced(not plan.traced):
        result = rounds.run()
    return Measured(
        inputs,
        plan,
        sorted(eps),
        rounds.images,
        rounds.doubled,
        result,
        time_budget.passed,
        time_budget.budget,
        names,
        {"tensorflow": tf.__version__, "keras": keras.__version__, "onednn": onednn()},
        rounds.planned - rounds.images,
        class_names,
    )


def _check(eps, minutes, images):
    if not eps or not all(0 < e <= 1 for e in eps) or len(set(eps)) != len(eps):
        raise InputError("eps must be one or more different radii above 0 and at most 1 (8/255, not 8)")
    if not 0 < minutes < float("inf") or images < 1:
        raise InputError("minutes must be above 0, images at least 1")


def _planned(inputs: AuditInputs, eps, images, seed, *, memory, time_budget) -> dict[str, np.ndarray]:
    """The plan as arrays, made after the cost of a step was measured."""
    time_budget.report("cost of a step", time_budget.passed, time_budget.expected)
    budget = memory_of.budget(memory)
    batch = LARGE_BATCH if memory_of.activations(inputs.network) < SMALL_NETWORK else BATCH
    while batch > 1 and memory_of.taken(inputs.network, batch) > budget:
        batch //= 2
    batch = min(batch, len(inputs.x))
    points = lambda m: memory_of.chunk_for(inputs.network, batch, m, budget)  # noqa: E731
    trial = Plan(
        eps, 1, LAST_LEVEL[1], max(1, inputs.x[0, ..., 0].size // 8), batch, batch, points(LAST_LEVEL[1]), seed
    )

    def planned(cost):
        passed = time_budget.passed
        given = {"chunk": points, "images": images, "seed": seed, "before": passed}
        return cost, make_plan(time_budget.budget - passed, cost, eps, inputs.x.shape[1:], batch, **given)

    cost, plan = _cheapest(inputs, trial, time_budget, planned)
    own = {name: getattr(plan, name) for name in (*WHOLE_NUMBERS, "eps", "traced", "quick")}
    own |= {"maps": len(plan.maps), "cost": cost.image, "until": time_budget.left}
    return {name: np.array(value) for name, value in own.items()}


def _cheapest(inputs, trial, time_budget, planned):
    """(cost, plan) with traced functions; with untraced ones where half of the time would go into tracing, or too
    little would be left after it."""
    cost = untraced_cost(inputs, trial)
    if trial.seconds_of_tracing(cost) <= MOST_TRACING * time_budget.left:
        try:
            return planned(traced_cost(inputs, trial))
        except InputError:
            pass
    return planned(cost)


def _from_arrays(arrays, seed) -> Plan:
    whole: dict[str, Any] = {name: int(arrays[name]) for name in WHOLE_NUMBERS}
    eps, maps = tuple(float(e) for e in arrays["eps"]), MAPS[: int(arrays["maps"])]
    chosen = {name: bool(arrays[name]) for name in ("traced", "quick")}
    return Plan(eps=eps, seed=seed, maps=maps, **chosen, **whole)


class _Rounds:
    """The suite on a first batch of images, then on as many as were planned after it, in rounds of twice as many: what
    a round did, the next finds done, and where the time is up the last whole round counts.

    keep: of the caller, for the number of images and for all batches.  cost: seconds of a second derivative of one
    image.  seconds: for the rounds, of the run that made the plan.
    """

    def __init__(self, inputs, plan, images, time_budget, *, keep, cost, seconds):
        self.inputs, self.plan, self.time_budget, self.cost, self.seconds = inputs, plan, time_budget, cost, seconds
        self.keep, self.kept, self.timed = keep, {}, time_budget.timed(keep)
        self.batch, self.most = plan.batch, images
        self.images = self.planned = min(plan.batch, images)
        self.doubled = 0

    def run(self) -> Evaluation:
        try:
            result = self._round(self.images, 0)
        except OutOfTimeError as e:
            minutes = self.time_budget.budget / 60
            raise InputError(
                f"{minutes:.3g} minutes were over before a first batch was through: give twice as many, or the same "
                "command once more, which goes on where this one stopped"
            ) from e
        right = round(result.summary["natural"]["accuracy"]["mean"] * result.summary["natural"]["examples"])
        decided = self.keep("images", lambda: self._decided(min(self.most, right)))
        self.planned, doubled = int(decided["images"]), int(decided["doubled"])
        try:
            for images in self._rounds(doubled):
                result = self._round(images, doubled)
                self.images, self.doubled = images, doubled
        except OutOfTimeError:
            pass
        return result

    def _rounds(self, doubled) -> list[int]:
        """The number of images in each round after the first; the attack of twice the steps comes first, on as many."""
        images, rounds = self.images, [self.images] if doubled else []
        while images < self.planned:
            images = min(2 * images, self.planned)
            rounds.append(images)
        return rounds

    def _round(self, images, doubled) -> Evaluation:
        def keep(key, work):
            if key not in self.kept:
                self.kept[key] = self.timed(key, work)
            return dict(self.kept[key])

        self.time_budget.strict = True
        inputs, plan = self.inputs, self.plan
        suite = plan.suite(images, doubled)
        return evaluate(
            inputs.network,
            inputs.x,
            inputs.y,
            suite,
            batch_size=plan.batch,
            chunk=plan.chunk,
            progress=self.time_budget,
            keep=keep,
        )

    def _decided(self, most: int) -> dict[str, np.ndarray]:
        """Decides how many images are attacked, and how many of them again with twice the steps.

        It follows from nothing but what was kept, so that an interrupted audit that is resumed decides the same.
        """
        images, doubled = self.images, 0
        if most:
            attack, whole = self._seconds()
            left = TIME_FOR_MORE * (self.seconds - sum(self.time_budget.took.values()))
            missing = max(-(-(most - images) // self.batch), 0)
            if 2 * attack < (0.5 * left if missing else left):
                doubled = min(self.batch, most)
                left -= 2 * attack
            more = min(max(int(left / whole), 0), missing)
            images = max(images, min(images + more * self.batch, most))
            expected = self.time_budget.passed + 2 * attack * bool(doubled) + more * whole
            self.time_budget.expected = min(self.time_budget.budget, expected)
        return {"images": np.array(images), "doubled": np.array(doubled)}

    def _seconds(self):
        """(seconds that the attacks on the maps of a batch take, the same with noise and surrogate), tracing left out
        where there are several eps."""

        def least(kind):
            seconds = 0.0
            for tasks in self._alike():
                keys = [f"{task}{kind}" for task in tasks]
                of = [t for key, t in self.time_budget.took.items() if key.rsplit(" ", 1)[0] in keys]
                seconds += len(tasks) * min(of) if of else 0.0
            return seconds

        attack = least("") or self.plan.units * self.cost * self.batch
        return attack, max(attack + least(" noise") + least(" surrogate"), 1e-3)

    def _alike(self) -> list[list[str]]:
        """The tasks on maps, grouped by how long they take: a group is one map and kind of attack, at each eps."""
        kinds: dict[tuple, list[str]] = {}
        for name in self.plan.maps:
            for eps in self.plan.eps:
                kind = name, type(self.plan.task(name, eps).attack)
                kinds.setdefault(kind, []).append(self.plan.name_of(name, eps))
        return list(kinds.values())


def cuts(measured: Measured) -> list[str]:
    """Sentences on what the audit had no time for; empty where nothing was cut."""
    plan, out = measured.plan, []
    if measured.unfinished:
        out.append(f"{measured.unfinished} more images were planned and not attacked (the same command goes on there)")
    if len(plan.eps) < len(measured.asked_eps):
        gone = [in_pixels(e) for e in measured.asked_eps if e not in plan.eps]
        out.append(f"eps {', '.join(gone)} were left out")
    if (plan.steps, plan.points) != LEVELS[0]:
        out.append(
            f"the attack on maps took {plan.steps} steps instead of {LEVELS[0][0]}, Integrated Gradients {plan.points} "
            f"points instead of {LEVELS[0][1]}"
        )
    if not plan.quick:
        out.append("the other attacks of the ensemble were not run (they need more --minutes)")
    if plan.maps != MAPS:
        out.append("the attack on the gradient was left out")
    if plan.apgd_steps != APGD_STEPS:
        out.append(f"APGD took {plan.apgd_steps} steps instead of {APGD_STEPS}")
    return out

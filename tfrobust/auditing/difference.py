"""Two networks on the same images: what they predict, how they explain it, and how fragile each explanation is.

What a difference of maps is worth is told by two yardsticks: how far noise on the image moves the maps of the first
network, and, where other networks of the same training are given (other seeds), how much their maps differ from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfrobust import memory_budget
from tfrobust.attacks import AttackedMaps, auto
from tfrobust.attributions import IntegratedGradients, MapSpec, make_map
from tfrobust.auditing.inputs import AUTO, AuditInputs, make_inputs
from tfrobust.checks import check_whole
from tfrobust.evaluation import MapTask
from tfrobust.evaluation.attacked import attack_maps, plain_maps
from tfrobust.evaluation.evaluator import Keep, compute
from tfrobust.evaluation.predictions import batches
from tfrobust.progress import SILENT, Progress
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

BEFORE, AFTER = "before", "after"
MAPS = ("IG", "gradient")


@dataclass(frozen=True, kw_only=True)
class DifferencePlan:
    """What is compared.

    Attributes:
        eps: radius (l-infinity) of the noise and of the attack, in units of [0, 1].
        images: whose predictions are compared, at most.
        explained: whose maps are compared, at most, of those for which both predict the same.
        attacked: whose maps are attacked, at most, of those explained that both predict correctly.
        steps: of the attack.
        points: of Integrated Gradients.
        batch: images held at once.
        seed: of every draw.
    """

    eps: float = 4 / 255
    images: int = 500
    explained: int = 48
    attacked: int = 16
    steps: int = 20
    points: int = 32
    batch: int = 16
    seed: int = 0

    def __post_init__(self):
        if not 0 < self.eps <= 1:
            raise InputError("eps must be above 0 and at most 1 (8/255, not 8)")
        for name in ("images", "explained", "steps", "points", "batch"):
            check_whole(name, getattr(self, name), 1)
        check_whole("attacked", self.attacked)

    def specs(self) -> dict[str, MapSpec]:
        """The maps that are compared, by name."""
        return {"IG": MapSpec(IntegratedGradients(self.points)), "gradient": make_map("gradient")}

    def task(self, k: int) -> MapTask:
        """The attack on Integrated Gradients, for a top set of `k` pixels."""
        attack = auto.top_k_climb(self.eps, k, self.steps, seed=self.seed)
        return MapTask(self.specs()["IG"], attack, Comparison(k))


class Difference(NamedTuple):
    """Two networks compared.

    Attributes:
        inputs: of the network before; x, y are the images looked at.
        plan: what was asked for.
        k: size of the top set, an eighth of the pixels.
        probabilities: before, after -> [N,classes].
        explained: places of the explained images in x, [M]; both networks predict the same class there.
        maps: before, after -> kind of map -> [M,H,W], of that class.
        scores: kind of map -> measure -> [M]: how alike the two explain each image.
        noise: kind of map -> measure -> [M]: how alike the first network explains it with noise on the image.
        seeds: kind of map -> measure -> [M]: how alike other networks of the same training explain it, their mean;
          NaN where none of them predicts the same. Empty: no others were given.
        agreeing: of each of those others, how often it predicts what the first network does.
        attacks: before, after -> the maps under attack, of the same images; empty: none were attacked.
        attacked: places of those images in x.
        names: of all the images given, [..]; None where they have none.
        class_names: of the classes; None where they are not known.
    """

    inputs: AuditInputs
    plan: DifferencePlan
    k: int
    probabilities: dict[str, np.ndarray]
    explained: np.ndarray
    maps: dict[str, dict[str, np.ndarray]]
    scores: dict[str, dict[str, np.ndarray]]
    noise: dict[str, dict[str, np.ndarray]]
    seeds: dict[str, dict[str, np.ndarray]]
    agreeing: list[float]
    attacks: dict[str, AttackedMaps]
    attacked: np.ndarray
    names: Sequence[str] | None
    class_names: Sequence[str] | None

    def predicted(self, which: str) -> np.ndarray:
        """The classes that one of the two predicts, [N]."""
        return self.probabilities[which].argmax(axis=1)

    def name(self, place: int) -> str:
        """What the image at that `place` is called."""
        row = self.inputs.rows[place]
        return f"x[{row}]" if self.names is None else self.names[row]


def measure_difference(
    before: keras.Model,
    after: keras.Model,
    x: Any,
    y: Any,
    plan: DifferencePlan = DifferencePlan(),
    *,
    others: Sequence[keras.Model] = (),
    pixels: str = AUTO,
    head: str | None = None,
    classes: int | None = None,
    names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    memory: float | None = None,
    keep: Keep = compute,
    progress: Progress = SILENT,
) -> Difference:
    """Compares two Keras classifiers on the same images.

    Args:
        before: any Keras classifier.
        after: another one, for images of the same size and for the same classes.
        x: images [N,H,W,C] or [N,H,W], uint8 or float in [0, 1], of which some are drawn.
        y: labels [N], whole numbers.
        plan: what is compared.
        others: networks of the same training as `before`, which differ in the seed: the yardstick.
        pixels: the range that the networks expect, see `inputs.make_inputs`; auto: it is found for each network.
        head: the name of the output that gives the classes, of networks with several.
        classes: of the data: the networks must know as many; None: not known.
        names: of the images x.
        class_names: of the classes, for the page.
        memory: bytes for path points; None: half of what is free.
        keep: see evaluation.evaluate.
        progress: shows how far it is.

    Raises:
        InputError: where the networks and the images do not fit each other.
    """
    every = {BEFORE: before, AFTER: after, **{f"other {i}": other for i, other in enumerate(others)}}
    found = {
        what: make_inputs(
            network, x, y, pixels=pixels, classes=classes, seed=plan.seed, head=head, keep=_own(keep, what)
        )
        for what, network in every.items()
    }
    inputs = found[BEFORE]
    _check_alike(found, class_names)
    inputs = inputs._replace(x=inputs.x[: plan.images], y=inputs.y[: plan.images], rows=inputs.rows[: plan.images])
    networks = {what: own.network for what, own in found.items()}
    bar = progress.bar(2 * len(networks) + 3, "comparing")
    work = _Work(networks, inputs, plan, memory=memory, keep=keep, bar=bar)
    try:
        return _compared(work, names, class_names)
    finally:
        bar.close()


def _compared(work, names, class_names) -> Difference:
    inputs, plan = work.inputs, work.plan
    chances = {what: work.probabilities(what) for what in work.networks}
    said = {what: own.argmax(axis=1) for what, own in chances.items()}
    same = np.flatnonzero(said[BEFORE] == said[AFTER])[: plan.explained]
    if not len(same):
        raise InputError("the two networks agree on no image: there is no prediction whose explanations compare")
    label = said[BEFORE]
    k = max(1, inputs.x[0, ..., 0].size // 8)
    alike = Comparison(k)
    maps = {what: work.maps(what, same, label[same]) for what in work.networks}
    scores = {kind: alike.measure(maps[BEFORE][kind], maps[AFTER][kind]) for kind in MAPS}
    noisy = work.maps(BEFORE, same, label[same], noise=True)
    noise = {kind: alike.measure(maps[BEFORE][kind], noisy[kind]) for kind in MAPS}
    others = [what for what in work.networks if what not in (BEFORE, AFTER)]
    seeds = {kind: _of_others(alike, kind, maps, said, same, others=others) for kind in MAPS} if others else {}
    right = same[label[same] == inputs.y[same]][: plan.attacked]
    attacks = {what: work.attack(what, right, k) for what in (BEFORE, AFTER)} if len(right) else {}
    agreeing = [float(np.mean(said[what] == label)) for what in others]
    return Difference(
        inputs,
        plan,
        k,
        probabilities={what: chances[what] for what in (BEFORE, AFTER)},
        explained=same,
        maps={what: maps[what] for what in (BEFORE, AFTER)},
        scores=scores,
        noise=noise,
        seeds=seeds,
        agreeing=agreeing,
        attacks=attacks,
        attacked=right,
        names=names,
        class_names=class_names,
    )


def _of_others(alike, kind, maps, said, same, *, others) -> dict[str, np.ndarray]:
    """measure -> [M], the mean over the other networks that predict the same for an image; NaN where none does."""
    columns: dict[str, list[np.ndarray]] = {}
    for what in others:
        agrees = said[what][same] == said[BEFORE][same]
        for measure, values in alike.measure(maps[BEFORE][kind], maps[what][kind]).items():
            columns.setdefault(measure, []).append(np.where(agrees, values, np.nan))
    return {measure: _mean_of_known(np.stack(values)) for measure, values in columns.items()}


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    total, count = np.where(known, values, 0).sum(axis=0), known.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _own(keep: Keep, what: str) -> Keep:
    return lambda key, work: keep(f"{what} {key}", work)


def _check_alike(found: dict[str, AuditInputs], class_names) -> None:
    first = found[BEFORE]
    for own in found.values():
        if own.x.shape != first.x.shape:
            sizes = " and ".join(f"{h}x{w}x{c}" for h, w, c in (first.x.shape[1:], own.x.shape[1:]))
            raise InputError(f"the networks take images of different sizes, {sizes}: their maps cannot be compared")
        known, others = (each.network.output_shape[-1] for each in (first, own))
        if known != others:
            raise InputError(f"the networks know {known} and {others} classes: their predictions cannot be compared")
    known = first.network.output_shape[-1]
    if class_names is not None and len(class_names) != known:
        raise InputError(f"{len(class_names)} class names were given and the networks know {known} classes")


class _Work:
    """The parts of a comparison, each kept when it is done."""

    def __init__(self, networks, inputs, plan, *, memory, keep, bar):
        self.networks, self.inputs, self.plan, self.keep, self.bar = networks, inputs, plan, keep, bar
        self.memory = memory_budget.budget(memory)

    def probabilities(self, what: str) -> np.ndarray:
        network, x = self.networks[what], self.inputs.x

        def work():
            logits = [network(tf.constant(x[rows]), training=False) for rows in batches(len(x), 4 * self.plan.batch)]
            return {"p": tf.nn.softmax(tf.concat(logits, axis=0)).numpy()}

        return self._done(f"{what} predictions", work)["p"]

    def maps(self, what: str, rows: np.ndarray, label: np.ndarray, noise: bool = False) -> dict[str, np.ndarray]:
        network, x = self.networks[what], self.inputs.x[rows]
        if noise:
            drawn = np.random.RandomState(self.plan.seed).uniform(-self.plan.eps, self.plan.eps, x.shape)
            x = np.clip(x + drawn, 0, 1).astype(np.float32)

        def work():
            own = network, x, label.astype(np.int32)
            return {
                kind: plain_maps(*own, spec, self.plan.batch, chunk=self._chunk(network))
                for kind, spec in self.plan.specs().items()
            }

        return dict(self._done(f"{what} maps{' under noise' * noise}", work))

    def attack(self, what: str, rows: np.ndarray, k: int) -> AttackedMaps:
        network, x, y = self.networks[what], self.inputs.x[rows], self.inputs.y[rows]

        def work():
            more: dict[str, Any] = {"chunk": self._chunk(network), "examples": rows.astype(np.int32)}
            return attack_maps(network, x, y, self.plan.task(k), self.plan.batch, **more).arrays()

        return AttackedMaps.from_arrays(self._done(f"{what} under attack", work))

    def _chunk(self, network) -> int:
        return memory_budget.chunk_for(network, self.plan.batch, self.plan.points, self.memory)

    def _done(self, key, work):
        arrays = self.keep(key, work)
        self.bar.update()
        return arrays

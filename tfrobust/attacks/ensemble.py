"""An ensemble of attacks on the same maps: for each image and measure the strongest of them counts.

A score under one attack is an upper bound on how still a map is, and a single goal, start or surrogate leaves it loose:
each measure is hit best by the goal that resembles it, and local maxima end most runs.  The minimum over attacks that
fail for different reasons is the tighter bound; which of them reached it says what the others miss.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfrobust.attacks.attack import Attack
from tfrobust.attacks.attacked_maps import AttackedMaps
from tfrobust.attacks.best_iterate import BestIterate, Judge, judge_of
from tfrobust.attacks.ifia import Ifia
from tfrobust.attacks.map_attack import BlackBoxAttack, MapAttack, Search
from tfrobust.attacks.noise import Noise
from tfrobust.attributions import MapSpec
from tfrobust.checks import check_number, check_positive
from tfrobust.distribution import shard_over_replicas
from tfrobust.errors import InputError
from tfrobust.similarity import Comparison, kendall
from tfrobust.spec_values import replace_known

if TYPE_CHECKING:
    import keras

# The criteria that are kept, and the measure of `Comparison` that each stands for.
CRITERIA = {"kendall": "kendall", "spearman": "spearman", "intersection": "top_k_intersection"}
CLASSES = 10  # The far targets are chosen among the maps of so many most probable classes, the label left out.


@dataclass(frozen=True)
class Ensemble(MapAttack, Attack):
    """Attacks on maps that are made one after the other.

    Attributes:
        parts: the attacks by name; they have the ball of the ensemble.
        floor: an image whose measures have all fallen to this is left out of the parts that follow.
        betas: values of softplus_beta that are tried on each network before the attack (see `surrogate_choice`), for
          the parts that follow the network's own map; empty: the parts keep their own.
        criterion: whose images are shown where one set of images stands for the whole ensemble.
    """

    parts: Mapping[str, MapAttack]
    floor: float = 0.0
    betas: tuple[float, ...] = ()
    criterion: str = "kendall"

    name = "ensemble"
    tag = 17

    def __post_init__(self):
        super().__post_init__()
        check_number("floor of an ensemble", self.floor, -1, 1)
        if self.restarts != 1:
            raise InputError("an ensemble has the restarts of its attacks: with_options(restarts=...) sets them")
        if not self.parts:
            raise InputError("an ensemble needs at least one attack")
        for beta in self.betas:
            check_positive("a beta of an ensemble", beta)
        for name, part in self.parts.items():
            if (part.eps, part.norm) != (self.eps, self.norm):
                raise InputError(f"{name}: the attacks of an ensemble have one ball, {self.norm} of eps {self.eps:g}")

    @property
    def rounds(self) -> int:
        """Iterations of all its parts."""
        return sum(part.rounds for part in self.parts.values())

    @property
    def gradients(self) -> int:
        """Those of all its parts."""
        return sum(part.gradients for part in self.parts.values())

    @property
    def first_climb(self) -> Ifia | None:
        """The first part that follows a gradient; None where none does."""
        return next((part for part in self.parts.values() if isinstance(part, Ifia) and part.gradients), None)

    def __hash__(self):
        return hash((type(self), self.eps, self.norm, self.seed, *self.parts.items()))

    def describe(self) -> str:
        """The attack in words: its parts and its ball."""
        return f"the strongest of {', '.join(self.parts)} ({self.norm}, eps {self.eps:.4g})"

    def check(self, shape: Sequence[int]) -> None:
        for part in self.parts.values():
            part.check(shape)

    def with_options(self, **options: Any) -> Ensemble:
        """A copy with these settings, such as seed=1, in the ensemble and in every part that has them; restarts are the
        parts' alone."""
        parts = {name: replace_known(part, **options) for name, part in self.parts.items()}
        return replace_known(self, **{**options, "restarts": 1, "parts": parts})

    def with_beta(self, beta: float) -> Ensemble:
        """A copy with this softplus_beta in every part that follows the network's own map (curvature_only)."""
        parts = {
            name: replace(part, softplus_beta=beta) if isinstance(part, Ifia) and part.curvature_only else part
            for name, part in self.parts.items()
        }
        return replace(self, parts=parts)

    def only(self, *names: str) -> Ensemble:
        """A copy with the parts of these names alone."""
        return replace(self, parts={name: self.parts[name] for name in names})

    def control(self, draws: int = 1) -> Noise:
        return Noise(self.eps, norm=self.norm, restarts=draws, seed=self.seed, criterion=self.criterion)

    def on_maps(  # type: ignore[override]  # What an ensemble finds has a form of its own.
        self, network: keras.Model, spec: MapSpec, comparison: Comparison, chunk: int | None = None
    ) -> EnsembleOnNetwork:
        return EnsembleOnNetwork(network, spec, comparison, self, chunk)

    def on_judge(self, judge: Judge, comparison: Comparison) -> EnsembleSearch:
        """The ensemble on whatever the judge asks for maps and predictions; arguments as for `BlackBoxAttack`.

        Raises:
            InputError: where a part needs more than maps and predictions.
        """
        parts = {}
        for name, part in self.parts.items():
            if not isinstance(part, BlackBoxAttack):
                raise InputError(f"{name} needs a network: take attacks that ask for maps and predictions alone")
            parts[name] = part.on_judge(judge, comparison)
        return EnsembleSearch(judge, comparison, self, parts)


@dataclass(frozen=True)
class Found:
    """What an ensemble found on N images.

    Attributes:
        least: criterion -> the images with the lowest score over all parts, with the fates of all parts joined.
        scores: (part, criterion) -> the lowest score [N] that this part reached; 1 where it found nothing, NaN where
          the image was settled before.
        curves: (part, criterion) -> the lowest score [N,T] after each of its T iterates; T is 0 where all images were
          settled before.
        gradients: (part,) -> gradients of a goal [N] taken for each image.
        seconds: (part,) -> seconds [N] spent on each image.
    """

    least: dict[str, AttackedMaps]
    scores: dict[tuple[str, ...], np.ndarray]
    curves: dict[tuple[str, ...], np.ndarray]
    gradients: dict[tuple[str, ...], np.ndarray]
    seconds: dict[tuple[str, ...], np.ndarray]

    def __len__(self) -> int:
        return len(next(iter(self.seconds.values())))

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays [N,...] by name, as files hold it; what is the same for all criteria is kept once."""
        named = {}
        for criterion, maps in self.least.items():
            for name, array in maps.arrays().items():
                named["least", criterion if name in _BY_CRITERION else "", name] = array
        for kind in _BY_PART:
            named.update({(kind, *key): array for key, array in getattr(self, kind).items()})
        return {"|".join(key): array for key, array in named.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Found:
        """Makes it from what `arrays` returned."""
        kinds: dict[str, dict[tuple[str, ...], np.ndarray]] = {kind: {} for kind in ("least", *_BY_PART)}
        for name, array in arrays.items():
            kind, *key = name.split("|")
            kinds[kind][tuple(key)] = array
        least: dict[str, dict[str, np.ndarray]] = {}
        for (criterion, name), array in kinds.pop("least").items():
            least.setdefault(criterion, {})[name] = array
        shared = least.pop("", {})
        return cls({key: AttackedMaps.from_arrays({**shared, **own}) for key, own in least.items()}, **kinds)

    def lowest(self, criterion: str, without: str | None = None) -> np.ndarray:
        """The lowest score [N] that the parts reached by a criterion.

        Args:
            criterion: kendall, spearman or intersection.
            without: the name of a part that is left out; None: all parts count.

        Returns:
            [N]; 1 where no part lowered the score, or none is left.
        """
        own = [scores for (part, of), scores in self.scores.items() if of == criterion and part != without]
        return np.fmin.reduce([np.ones(len(self)), *own])

    def winners(self, criterion: str) -> np.ndarray:
        """The names [N] of the parts that first reached the lowest score by `criterion`; "" where none lowered it."""
        parts = [part for part, of in self.scores if of == criterion]
        scores = np.stack([np.nan_to_num(self.scores[part, criterion], nan=np.inf) for part in parts])
        return np.where(scores.min(axis=0) < 1.0, np.array(parts)[scores.argmin(axis=0)], "")


_BY_CRITERION = ("x_adv", "a_adv")
_BY_PART = ("scores", "curves", "gradients", "seconds")


class EnsembleSearch:
    """The ensemble on whatever its judge asks.

    Args:
        judge: gives maps and predictions.
        comparison: gives k and ties of the measures.
        attack: the ensemble.
        parts: its attacks by name, ready to be called.
    """

    def __init__(self, judge: Judge, comparison: Comparison, attack: Ensemble, parts: Mapping[str, Search]):
        self._judge, self.comparison, self.attack, self.parts = judge, comparison, attack, parts

    def __call__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        examples: np.ndarray | None = None,
        tick: Callable[[], None] = lambda: None,
    ) -> Found:
        """Makes all attacks on a batch of images; arguments as those of `AttackOnNetwork`."""
        x, y = np.asarray(x, np.float32), np.asarray(y)
        examples = np.arange(len(x)) if examples is None else np.asarray(examples)
        all_ = BestIterate(self._judge, x, y, CRITERIA, self.comparison)
        targets = iter(self._far_targets(x, y, all_.original_map))
        fates = np.full((2, len(x)), not self.attack.gradients)
        scores, curves, gradients, seconds = _empty(), _empty(), _empty(), _empty()
        for name, part in self.parts.items():
            begun, rows = time.perf_counter(), np.flatnonzero(~self._settled(all_))
            target = next(targets)[rows] if part.attack.targeted else None
            own = part.keeper(
                x[rows], y[rows], CRITERIA, target=target, k=self.comparison.k, original_map=all_.original_map[rows]
            )
            if len(rows):
                own_fates = part.search(own, examples[rows], tick, target)
                if part.attack.gradients:  # The fates of other parts mean nothing.
                    fates[:, rows] |= own_fates
                all_.merge(own, rows)
            spent = time.perf_counter() - begun
            for criterion in CRITERIA:
                scores[name, criterion] = _at(rows, 1.0 - own.found[criterion], len(x))
                reached = np.array([found[criterion] for found in own.history]).reshape(len(own.history), len(rows))
                curves[name, criterion] = _at(rows, 1.0 - reached.T, len(x))
            gradients[name,] = _at(rows, part.attack.gradients, len(x), 0)
            seconds[name,] = _at(rows, spent / max(len(rows), 1), len(x), 0)
        least = {criterion: all_.found_maps(criterion, *fates) for criterion in CRITERIA}
        return Found(least, scores, curves, gradients, seconds)

    def _settled(self, best: BestIterate) -> np.ndarray:
        """[B] bool: all measures have fallen to the floor."""
        return np.all([1.0 - found <= self.attack.floor for found in best.found.values()], axis=0)

    def _far_targets(self, x, y, a) -> Sequence[np.ndarray]:
        """Maps [B,H,W] that the targeted parts drive to, one for each of them: there are none here."""
        return ()


class EnsembleOnNetwork(EnsembleSearch):
    """The ensemble on one network; its parts are traced when they are first called.

    Args:
        network: logits out.
        spec: of the map that is attacked and measured.
        comparison: gives k and ties of the measures.
        attack: the ensemble.
        chunk: path points held at once; None: all.
    """

    def __init__(
        self, network: keras.Model, spec: MapSpec, comparison: Comparison, attack: Ensemble, chunk: int | None
    ):
        parts = {name: part.on_maps(network, spec, comparison, chunk) for name, part in attack.parts.items()}
        super().__init__(judge_of(network, spec, chunk), comparison, attack, parts)
        self.network = network
        self._logits = shard_over_replicas(lambda x: network(x, training=False))

    def _far_targets(self, x, y, a) -> Sequence[np.ndarray]:
        """For each targeted part, a map [B,H,W] of another class at x: the farthest by Kendall first."""
        wanted = sum(part.attack.targeted for part in self.parts.values())
        if not wanted:
            return ()
        logits = self._logits(tf.constant(x)).numpy()
        logits[np.arange(len(x)), y] = -np.inf
        others = np.argsort(-logits, axis=1)[:, : min(CLASSES, logits.shape[1] - 1)]
        maps = np.stack([self._judge.maps(x, classes.astype(y.dtype)) for classes in others.T])
        distance = np.stack([kendall(a, b, self.comparison.ties) for b in maps])
        order = np.argsort(distance, axis=0, kind="stable")
        rows = np.arange(len(x))
        return [maps[order[i % len(maps)], rows] for i in range(wanted)]


def _empty() -> dict[tuple[str, ...], np.ndarray]:
    return {}


def _at(rows: np.ndarray, values: np.ndarray | float, n: int, elsewhere=np.nan) -> np.ndarray:
    """An array [n,...] with the values [R,...], or one value for all, at these rows, and `elsewhere` at the others."""
    out = np.full((n, *np.shape(values)[1:]), elsewhere, np.float64)
    out[rows] = values
    return out

"""Maps each printed number, and each point of a swept figure, to the suite task and statistic that measure it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from tfrobust.attacks import auto_ensemble
from tfrobust.attributions import MapSpec, make_map
from tfrobust.evaluation import MapTask, Suite
from tfrobust.papers import downstream_numbers, training_terms
from tfrobust.papers.reported import Reported


class Measurement(NamedTuple):
    """A column of a table: the entry summary[task][key][statistic] of a suite.

    Attributes:
        heading: of the column.
        task, key, statistic: where the number stands in the summary.
        spec: the attack on predictions, or the task on maps, that is made; None where there is none.
        source: method whose network the attack is made on ("": the attacked network itself).
        natural: it compares with the natural network of the same table.
        how: what a task that is none of the suite does (see downstream_numbers, training_terms, TIMES).
    """

    heading: str
    task: str
    key: str
    statistic: str
    spec: Any = None
    source: str = ""
    natural: bool = False
    how: str = ""

    @property
    def transferred(self) -> bool:
        """Whether the attack is made on another network."""
        return self.task.endswith(ELSEWHERE)

    @property
    def attacks_maps(self) -> bool:
        """Whether it measures maps under an attack that moves them away, wherever to."""
        return isinstance(self.spec, MapTask) and self.key in MEASURES.values() and not self.spec.attack.targeted

    def read(self, summary: Mapping[str, Any]) -> dict[str, float] | None:
        """value, and of a mean low and high, in the `summary` of a suite; None where there was nothing to measure."""
        entry = summary.get(self.task, {}).get(self.key)
        if not entry:
            return None
        interval = ("low", "high") if self.statistic == "mean" else ()  # It is that of the mean.
        return {"value": entry[self.statistic], **{name: entry[name] for name in interval}}


ELSEWHERE = " made on the natural network"  # What a suite calls an attack made on the other network it was given.
MEASURES = {"topk_intersection": "top_k_intersection", "kendall": "kendall", "spearman": "spearman"}
MAPS = {"ig": "integrated_gradients", "gradient": "gradient", "gradshap": "grad_shap"}
ACCURACIES = ("natural_accuracy", "top1_acc")
TERMS = {"train_cross_entropy": ("cross-entropy", "cross_entropy"), "train_ig_l1_norm": ("l1 norm of IG", "ig_norm")}
TIMES = "time of training"  # A task of the run alone, not of a suite.


def statistic(paper: str) -> Literal["median", "mean"]:
    """The statistic that a paper prints of its measures: ER gives medians, all others means."""
    return "median" if paper == "er" else "mean"


def measurement(number: Reported, suite: Suite) -> Measurement | None:
    """How a printed `number` is measured with the paper's `suite`; None where this project does not measure it."""
    attack = re.search(r"(?:^|; )attack=([^;]*)(?:; eps=(\d+)/255)?", number.variant)
    if number.metric in ACCURACIES:
        return Measurement("natural", "natural", "accuracy", "mean")
    if number.metric == "adversarial_accuracy":
        source = re.search(r"created on ([\w-]+) model", number.variant)
        name, spec = prediction_attack(suite, *(attack.groups() if attack else ("", None)))
        return on_predictions(name, spec, _method(source[1]) if source else "", number.method)
    if number.metric in MEASURES:
        kind = "manipulation" if "targeted" in number.variant else ""
        return on_maps(suite, number.paper, number.metric, number.attribution, kind)
    downstream = downstream_numbers.task_of(number.metric, number.attribution)
    if downstream:
        heading, task, key, how = downstream
        return Measurement(heading, task, key, "mean", how=how)
    if number.metric in TERMS:
        heading, key = TERMS[number.metric]
        how = "means over training images, at the inner maximum of training"
        return Measurement(f"{heading} at the end", training_terms.TASK, key, "mean", how=how)
    if number.metric == "relative_training_time":
        source = "trades" if "TRADES" in number.variant else "madry"
        return time_of(f"time beside {source}", number.metric, source)
    if number.metric == "spearman_to_natural_model":
        key = "integrated_gradients_as_natural"
        return Measurement("Spearman to natural", "alignment", key, "mean", _first_map(suite), natural=True)
    return None


def time_of(heading: str, key: str, source: str = "") -> Measurement:
    """Measures the time of training.

    Args:
        heading: of the column.
        key: epoch_seconds, or relative_training_time: of a step, beside one of `source`.
        source: the method it is compared with.
    """
    how = "mean over all steps of the run, tracing included; maps are made before"
    return Measurement(heading, TIMES, key, "mean", source=source, how=how)


def _method(source: str) -> str:
    return {"Natural": "natural", "ART": "art"}.get(source, "madry")


def prediction_attack(suite: Suite, text: str, eps: str | None) -> tuple[str, object]:
    """The attack on predictions that a variant's "attack=..." means.

    Args:
        suite: of the paper.
        text: what follows "attack="; empty: the suite's first attack.
        eps: in 1/255, where the variant says one.

    Returns:
        (name, attack).
    """
    if not text:
        return next(iter(suite.predictions.items()))
    name = text.split(" linf")[0].replace("uniform noise", "noise")
    if eps:
        name = f"{name} at {eps}/8 eps"
    known = [n for n in suite.predictions if name.startswith(n)]  # Of "PGD-40 l2 eps=1.0" PGD-40 as well.
    name = max(known, key=len, default=name)
    if name not in suite.predictions:  # PGD of another length.
        pgd: Any = suite.predictions["PGD-40"]
        return name, replace(pgd, steps=int(name.removeprefix("PGD-")))
    return name, suite.predictions[name]


def on_predictions(name: str, spec: Any, source: str = "", method: str = "") -> Measurement:
    """Measures the accuracy under an attack.

    Args:
        name: of the attack.
        spec: the attack.
        source: the method on whose network it is made; empty: the network itself.
        method: of the network that is attacked.
    """
    if not source or source == method:
        heading = f"{name} of {source}" if source else name
        return Measurement(heading, name, "accuracy", "mean", spec, source)
    return Measurement(f"{name} of {source}", name + ELSEWHERE, "accuracy", "mean", spec, source)


def under_auto(m: Measurement, level: str) -> Measurement:
    """The same measure of the same map in the same ball under the ensemble auto.

    Args:
        m: measures maps.
        level: of the ensemble's budget, one of AUTO_LEVELS.
    """
    task, attack = m.spec, m.spec.attack
    ensemble = auto_ensemble(attack.eps, task.comparison.k, level, attack.norm, attack.seed)
    return m._replace(heading=f"auto: {m.heading}", task=f"auto beside {m.task}", spec=replace(task, attack=ensemble))


def _first_map(suite: Suite):
    return next(iter(suite.attributions.values()))


def on_maps(suite: Suite, paper: str, metric: str, attribution: str, kind: str = "") -> Measurement:
    """Measures how alike maps stay under the suite's attack on them.

    Args:
        suite: of the paper.
        paper: its name, which says the statistic.
        metric: as printed, one of MEASURES.
        attribution: which map, one of MAPS.
        kind: the task, such as manipulation; empty: the IFIA.
    """
    task = kind or next(iter(suite.attributions))
    own = suite.attributions[task]
    task = kind or f"IFIA on {attribution}"
    spec = replace(own, map=_map_of(suite, MAPS[attribution]))
    heading = f"{attribution} {metric.split('_')[0]}{' (manipulation)' if kind else ''}"
    return Measurement(heading, task, MEASURES[metric], statistic(paper), spec)


def _map_of(suite: Suite, method: str) -> MapSpec:
    """The suite's map of that method."""
    known = (*(task.map for task in suite.attributions.values()), *suite.transfer.values())
    return next((spec for spec in known if spec.method == method), make_map(method))


def sweep(paper: str, table: str, suite: Suite) -> Sequence[Measurement]:
    """The columns of a figure that prints no numbers.

    Args:
        paper: the short name of a paper.
        table: which of its figures; both together are one of SWEEPS or FIGURES.
        suite: of the paper.
    """
    if (paper, table) in FIGURES:
        return figure(paper, table, suite)
    maps = [on_maps(suite, paper, metric, "ig") for metric in ("topk_intersection", "kendall")]
    accuracies = [Measurement("natural", "natural", "accuracy", "mean")]
    accuracies.append(on_predictions(*next(iter(suite.predictions.items()))))
    if (paper, table) == ("sat", "F2"):
        return _saliency_attacks(suite)
    if paper == "sat":
        return [on_predictions(name, attack) for name, attack in suite.predictions.items() if name.startswith("PGD-5 ")]
    if table == "F5":
        return [_with_beta(suite, beta) for beta in (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)]
    if table == "F12":
        return [_at(m, eps / 8) for m in maps for eps in (2, 4, 8, 12)]
    if table == "F14":
        return [on_predictions(*at) for norm in ("", " l2") for at in _scaled(suite, f"PGD-40{norm}")]
    return {"F3": [*accuracies, *maps], "F8": maps, "F9": accuracies}[table]


SWEEPS = (("art", "F8"), ("art", "F9"), ("art", "F12"), ("art", "F14"), ("far", "F3"), ("far", "F5"))
SWEEPS += (("sat", "F2"), ("sat", "F5"))
# Figures that sweep nothing: box plots of Table 1 or 2, the cosine of image and gradient, times.
FIGURES = (("rar", "F2"), ("er", "F2"), ("art", "F6"), ("art", "F11"), ("sat", "F4"), ("sat", "F6"))


def figure(paper: str, table: str, suite: Suite) -> Sequence[Measurement]:
    """The columns of one of FIGURES; for the arguments see `sweep`."""
    if paper == "sat":
        return [time_of("seconds of an epoch", "epoch_seconds")]
    if table == "F6":
        return [Measurement("cosine of image and gradient", "alignment", "cosine", name) for name in ("mean", "std")]
    maps = [on_maps(suite, paper, metric, "ig") for metric in ("topk_intersection", "kendall")]
    return [m._replace(heading=f"{m.heading} {name}", statistic=name) for m in maps for name in ("median", "std")]


def _saliency_attacks(suite: Suite) -> list[Measurement]:
    """SAT's Fig. 2: the accuracy under the saliency attack at 2, 4 and 8/255."""
    own: dict[str, Any] = {name: attack for name, attack in suite.predictions.items() if name.startswith("saliency")}
    return [on_predictions(f"saliency at {a.eps * 255:.3g}/255", a) for a in own.values() if a.eps <= 8.5 / 255]


def _at(m: Measurement, part: float) -> Measurement:
    """The same with eps and the steps' length multiplied by `part`."""
    attack = m.spec.attack
    attack = replace(attack, eps=part * attack.eps, step_size=part * attack.step_size)
    text = f"at {attack.eps * 255:.3g}/255"
    return m._replace(heading=f"{m.heading} {text}", task=f"{m.task} {text}", spec=replace(m.spec, attack=attack))


def _scaled(suite: Suite, name: str):
    attack: Any = suite.predictions[name]
    for part in (0.25, 0.5, 1.0, 1.5, 2.0):
        scaled = replace(attack, eps=part * attack.eps, step_size=part * attack.step_size)
        shown = f"{scaled.eps:.3g}" if attack.norm == "l2" else f"{scaled.eps * 255:.3g}/255"
        yield f"{name} at {shown}", scaled


def _with_beta(suite: Suite, beta: float) -> Measurement:
    """FAR's Fig. 5: top-k intersection of |gradient| maps over beta of the approximated second derivative."""
    m = on_maps(suite, "far", "topk_intersection", "gradient")
    text = f"beta {beta:g}"
    spec = replace(m.spec, attack=replace(m.spec.attack, softplus_beta=beta))
    return m._replace(heading=f"{m.heading} {text}", task=f"{m.task} {text}", spec=spec)


def reduced(suite: Suite, columns: list[Measurement]) -> Suite:
    """The `suite` with the tasks of these `columns` alone."""
    predictions = {m.task.removesuffix(ELSEWHERE): m.spec for m in columns if m.key == "accuracy" and m.spec}
    attributions = {m.task: m.spec for m in columns if m.key in MEASURES.values()}
    natural = next((m.spec for m in columns if m.natural), None)
    if natural and not attributions:  # The task whose maps are compared with those of the natural network.
        attributions["map"] = natural
    aligned = any(m.task == "alignment" for m in columns)
    return replace(
        suite,
        predictions=predictions,
        prediction_examples={name: n for name, n in suite.prediction_examples.items() if name in predictions},
        attributions=attributions,
        transfer={},
        faithful=False,
        aligned=aligned,
    )

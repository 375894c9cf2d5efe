"""What the numbers of an audit say, in words: each sentence is made of the summary, with the control beside it.

The grade is of the middle eps and of Integrated Gradients, by the share of the most important pixels that are still
among them under the attack: below a half the explanation is another one.  The limits are conventions, not laws; they
stand in the report.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from tfrobust.auditing.advice import MORE_MINUTES, NOTHING_TO_DO, advice_on
from tfrobust.auditing.audit import Measured
from tfrobust.auditing.plan import in_levels, in_pixels
from tfrobust.evaluation import statistics
from tfrobust.evaluation.diagnosis import Flag

FRAGILE, STILL = 0.5, 0.8
MAP_NAMES = {"IG": "Integrated Gradients", "gradient": "the gradient"}
# Flags that make a network look more robust than it is.
HIDING = ("no_gradient", "never_moved", "label_never_kept", "random_beats_attack", "not_converged", "k_above_nonzero")
HIDING += ("masked_gradient", "more_budget_lowers")


Grade = Literal["fragile", "moves", "holds", "unsure", "none"]


class Verdict(NamedTuple):
    """What the numbers of an audit say.

    Attributes:
        grade: fragile, moves, holds, unsure (the maps held still, and the attack was hindered), or none (the attack did
          not beat noise).
        headline: the verdict, for people.
        sentences: what it rests on.
    """

    grade: Grade
    headline: str
    sentences: list[str]


def middle(measured: Measured) -> float:
    """The eps that the verdict of an audit is about, the middle one of its plan."""
    return measured.plan.middle_eps


def gain(records: Sequence[Mapping[str, Any]], task: str) -> dict[str, float]:
    """How much further than noise the attack of a `task` lowered the top-k intersection: its mean and interval."""
    own = [r for r in records if r["task"] == task]
    return statistics.describe(np.array([r["noise_top_k_intersection"] - r["top_k_intersection"] for r in own]))


def reach_verdict(measured: Measured) -> Verdict:
    """The verdict on what was measured."""
    predictions = [_predictions(measured), *looks(measured)]
    if not measured.result.maps:
        nothing = (
            "Nothing to judge: none of the images looked at is predicted correctly, so no map was attacked. What to "
            "do: look whether labels and range of pixels are those of the training, or give more minutes, in which "
            "more images are looked at."
        )
        return Verdict("none", nothing, predictions)
    eps = middle(measured)
    task = measured.plan.name_of("IG", eps)
    grade = _grade(measured, task)
    sentences = [_sentence(measured, measured.plan.name_of(name, eps)) for name in measured.plan.maps]
    warned = warnings_of(measured.result.flags)
    return Verdict(grade, headline(grade, _moved(measured, eps)), [*sentences, *predictions, *warned])


def headline(
    grade: str,
    moved: str,
    unproven: str = "the attack was hindered or not tried for longer",
    more: str = "audit more images for longer (--images, --minutes, or minutes= and images= in Python)",
) -> str:
    """The verdict in a sentence or two.

    Args:
        grade: as of `Verdict`.
        moved: what `moved_in_words` says.
        unproven: why maps that moved little prove nothing, where the grade is unsure.
        more: what to do where the attack did not beat noise.
    """
    return {
        "fragile": f"The explanations of this network are fragile: {moved}.",
        "moves": f"The explanations of this network can be moved, in part: {moved}.",
        "holds": f"The explanations of this network held still under this attack: {moved}.",
        "unsure": f"The explanations moved little, but {unproven}, so this is no proof that they hold still: {moved}.",
        "none": f"No verdict: the attack did not beat random noise, so it says nothing. {moved}. What to do: {more}; "
        "where that changes nothing, try a larger eps, and see in the report, under How sure this is, what hindered "
        "the attack.",
    }[grade]


def grade_of(summary: Mapping[str, Any], points: Mapping[str, float], hindered: bool) -> Grade:
    """The grade of the maps of one task.

    Args:
        summary: of the task.
        points: what `gain` says of it.
        hindered: something speaks against a good result.
    """
    attacked = summary["top_k_intersection"]["mean"]
    if points["low"] <= 0:
        return "none"
    if attacked < STILL:
        return "fragile" if attacked < FRAGILE else "moves"
    return "unsure" if hindered else "holds"


def _grade(measured, task) -> Grade:
    hindered = any(flag.raised and flag.name in HIDING for flag in measured.result.flags[task])
    points = gain(measured.result.records, task)
    return grade_of(measured.result.summary[task], points, hindered or not measured.doubled)


def _moved(measured, eps) -> str:
    """What the verdict rests on, and beside it the numbers of the other maps."""
    tasks = {MAP_NAMES[name]: measured.plan.name_of(name, eps) for name in measured.plan.maps}
    found = {name: measured.result.summary[task] for name, task in tasks.items() if task in measured.result.summary}
    (judged, summary), *others = found.items()
    beside = [
        f"; of {name}: {own['top_k_intersection']['mean']:.0%} (noise: {own['noise_top_k_intersection']['mean']:.0%})"
        for name, own in others
    ]
    return moved_in_words(judged, summary, measured.plan.k) + "".join(beside)


def moved_in_words(name: str, summary: Mapping[str, Any], k: int, norm: str = "linf") -> str:
    """How many of the k most important pixels stay, under the attack of a task and under noise.

    Args:
        name: of the maps.
        summary: of the task.
        k: size of the top-k set.
        norm: that eps bounds, linf or l2.
    """
    eps = summary["eps"]
    bound = f"{in_pixels(eps)} per pixel ({in_levels(eps)})" if norm == "linf" else f"{in_pixels(eps)} in {norm}"
    return (
        f"{name[0].upper()}{name[1:]}, changes of at most {bound} that keep the prediction: "
        f"{summary['top_k_intersection']['mean']:.0%} of the {k} most important pixels are still among the {k} most "
        f"important; after random noise of the same size {summary['noise_top_k_intersection']['mean']:.0%} are"
    )


def _sentence(measured, task) -> str:
    name = MAP_NAMES[task.split(" at ")[0]]
    return sentence_on(name, measured.result.summary[task], gain(measured.result.records, task), measured.plan.k)


def sentence_on(name: str, summary: Mapping[str, Any], points: Mapping[str, float], k: int) -> str:
    """A sentence on the maps of one task.

    Args:
        name: of the maps.
        summary: of the task.
        points: what `gain` says of it.
        k: size of the top-k set.
    """
    attacked, noise = (round(100 * summary[key]["mean"]) for key in ("top_k_intersection", "noise_top_k_intersection"))
    kind = "fewer" if points["low"] > 0 else "fewer, which may be chance"
    return (
        f"{name[0].upper()}{name[1:]}, eps {in_pixels(summary['eps'])}: {attacked}% of the top {k} pixels stay "
        f"under the attack, {noise}% under noise: {noise - attacked} points {kind} (95 % interval "
        f"{100 * points['low']:.0f} to {100 * points['high']:.0f}, {summary['examples']} images). Kendall's tau "
        f"{summary['kendall']['mean']:.2f} under the attack, {summary['noise_kendall']['mean']:.2f} under noise."
    )


def _predictions(measured) -> str:
    summary = measured.result.summary
    natural = summary["natural"]
    under = [
        f"{s['accuracy']['mean']:.0%} at {in_pixels(s['eps'])}" for n, s in summary.items() if n.startswith("APGD at ")
    ]
    return (
        f"Predictions: {natural['accuracy']['mean']:.0%} of {natural['examples']} images are predicted correctly; "
        f"under APGD {', '.join(under)}."
    )


def looks(measured: Measured) -> list[str]:
    """Sentences on how the images were read: in which range of pixels, and whether they were resized."""
    inputs = measured.inputs
    others = ", ".join(f"{name}: {share:.0%}" for name, share in inputs.shares.items() if name != inputs.pixels)
    out = [
        f"Pixels: read as {inputs.pixels}, which predicts {inputs.shares.get(inputs.pixels, np.nan):.0%} of the "
        f"images tried correctly ({others})."
    ]
    if inputs.resized_from:
        (h, w), (to_h, to_w) = inputs.resized_from, inputs.x.shape[1:3]
        out.append(f"Images of {h}x{w} pixels were resized to the network's {to_h}x{to_w}.")
    return out


def warnings_of(flags: Mapping[str, Sequence[Flag]]) -> list[str]:
    """The flags that were raised, each once: what was seen, where, and what to do next.

    Args:
        flags: task -> its flags.
    """
    return [f"{seen} What to do: {todo}." for seen, todo in raised_in(flags)]


def raised_in(flags: Mapping[str, Sequence[Flag]]) -> list[tuple[str, str]]:
    """(A sentence on what was seen, what to do next) for each kind of flag that was raised, task -> its flags."""
    found: dict[tuple[str, str], list[str]] = {}
    for task, own in flags.items():
        for flag in own:
            if flag.raised:
                place = f"{_place(task)}{flag.count} of {flag.of} images"
                found.setdefault(advice_on(flag.name, flag.text), []).append(place)
    return [(f"{seen[0].upper()}{seen[1:]} ({'; '.join(places)}).", todo) for (seen, todo), places in found.items()]


def actions_on(flags: Mapping[str, Sequence[Flag]]) -> list[str]:
    """What to do about the flags that were raised, each once, first what more time may settle."""
    every = dict.fromkeys(todo for _, todo in raised_in(flags) if todo != NOTHING_TO_DO)
    return sorted(every, key=lambda todo: todo != MORE_MINUTES)


def _place(task: str) -> str:
    """What a flag is about, before a count: a kind of map or of attack and its eps, or the images without an attack."""
    kind, _, eps = task.partition(" at ")
    return f"{MAP_NAMES.get(kind, kind)}, changes of at most {eps}: " if eps else ""

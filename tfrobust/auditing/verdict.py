"""What the numbers of an audit say, in words: each sentence is made of the summary, with the control beside it.

The grade is of the middle eps and of Integrated Gradients, by the share of the most important pixels that are still
among them under the attack: below a half the explanation is another one.  The limits are conventions, not laws; they
stand in the report.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from tfrobust.auditing.advice import in_words
from tfrobust.auditing.audit import Measured
from tfrobust.auditing.plan import in_pixels
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
    return Verdict(grade, headline(grade, _moved(measured, task)), [*sentences, *predictions, *warnings(measured)])


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
        "none": f"No verdict: the attack did not beat random noise, so it says nothing ({moved}). What to do: {more}; "
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


def _moved(measured, task) -> str:
    return moved_in_words(measured.result.summary[task], measured.plan.k)


def moved_in_words(summary: Mapping[str, Any], k: int, measured: str = "per pixel") -> str:
    """How many of the k most important pixels stay, under the attack of a task and under noise.

    Args:
        summary: of the task.
        k: size of the top-k set.
        measured: what eps bounds, in words that follow it.
    """
    return (
        f"of the {k} most important pixels {summary['top_k_intersection']['mean']:.0%} are still among the {k} most "
        f"important after a change of at most {in_pixels(summary['eps'])} {measured} that keeps the prediction; after "
        f"random noise of the same size {summary['noise_top_k_intersection']['mean']:.0%} are"
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


def warnings(measured: Measured) -> list[str]:
    """The flags that were raised, each once: what was seen, where, and what to do next."""
    return warnings_of(measured.result.flags)


def warnings_of(flags: Mapping[str, Sequence[Flag]]) -> list[str]:
    """The same for `flags`, task -> its flags."""
    found = {}
    for task, own in flags.items():
        for flag in own:
            if flag.raised:
                place = f"{task}: {flag.count} of {flag.of}"
                found.setdefault(in_words(flag.name, flag.text), []).append(place)
    return [f"{words} ({'; '.join(places)})" for words, places in found.items()]

"""What the numbers of an audit say, in words: each sentence is made of the summary, with the control beside it.

The grade is of the middle eps and of Integrated Gradients, by the share of the most important pixels that are still
among them under the attack: below a half the explanation is another one.  The limits are conventions, not laws; they
stand in the report.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from tfrobust.auditing.advice import in_words
from tfrobust.auditing.audit import Measured
from tfrobust.auditing.plan import in_pixels
from tfrobust.evaluation import statistics

FRAGILE, STILL = 0.5, 0.8
MAP_NAMES = {"IG": "Integrated Gradients", "gradient": "the gradient"}
# Flags that make a network look more robust than it is.
HIDING = ("no_gradient", "never_moved", "label_never_kept", "random_beats_attack", "not_converged", "k_above_nonzero")
HIDING += ("masked_gradient", "more_budget_lowers")


class Verdict(NamedTuple):
    """What the numbers of an audit say.

    Attributes:
        grade: fragile, moves, holds, unsure (the maps held still, and the attack was hindered), or none (the attack did
          not beat noise).
        headline: the verdict, for people.
        sentences: what it rests on.
    """

    grade: Literal["fragile", "moves", "holds", "unsure", "none"]
    headline: str
    sentences: list[str]


def middle(measured: Measured) -> float:
    """The eps that the verdict of an audit is about, the middle one of its plan."""
    return measured.plan.middle_eps


def gain(measured: Measured, task: str) -> dict[str, float]:
    """How much further than noise the attack of a `task` lowered the top-k intersection: its mean and interval."""
    own = [r for r in measured.result.records if r["task"] == task]
    return statistics.describe([r["noise_top_k_intersection"] - r["top_k_intersection"] for r in own])


def reach_verdict(measured: Measured) -> Verdict:
    """The verdict on what was measured."""
    predictions = [_predictions(measured), *_looks(measured)]
    if not measured.result.maps:
        headline = (
            "Nothing to judge: none of the images looked at is predicted correctly, so no map was attacked. What to "
            "do: look whether labels and range of pixels are those of the training, or give more minutes, in which "
            "more images are looked at."
        )
        return Verdict("none", headline, predictions)
    eps = middle(measured)
    task = measured.plan.name_of("IG", eps)
    grade = _grade(measured, task)
    sentences = [_sentence(measured, measured.plan.name_of(name, eps)) for name in measured.plan.maps]
    return Verdict(grade, _headline(grade, measured, task), [*sentences, *predictions, *warnings(measured)])


def _headline(grade, measured, task) -> str:
    """The verdict in a sentence or two."""
    return {
        "fragile": f"The explanations of this network are fragile: {_moved(measured, task)}.",
        "moves": f"The explanations of this network can be moved, in part: {_moved(measured, task)}.",
        "holds": f"The explanations of this network held still under this attack: {_moved(measured, task)}.",
        "unsure": f"The explanations moved little, but the attack was hindered or not tried for longer, so this is no "
        f"proof that they hold still: {_moved(measured, task)}.",
        "none": f"No verdict: the attack did not beat random noise, so it says nothing ({_moved(measured, task)}). "
        "What to do: audit more images for longer (--images, --minutes, or minutes= and images= in Python); where that "
        "changes nothing, try a larger eps, and see under Diagnosis what hindered the attack.",
    }[grade]


def _grade(measured, task) -> str:
    attacked = measured.result.summary[task]["top_k_intersection"]["mean"]
    if gain(measured, task)["low"] <= 0:
        return "none"
    if attacked < STILL:
        return "fragile" if attacked < FRAGILE else "moves"
    hindered = any(flag.raised and flag.name in HIDING for flag in measured.result.flags[task])
    return "unsure" if hindered or not measured.doubled else "holds"


def _moved(measured, task) -> str:
    s, eps = measured.result.summary[task], measured.result.summary[task]["eps"]
    return (
        f"of the {measured.plan.k} most important pixels {s['top_k_intersection']['mean']:.0%} are still among the "
        f"{measured.plan.k} most important after a change of at most {in_pixels(eps)} per pixel that keeps the "
        f"prediction; after random noise of the same size {s['noise_top_k_intersection']['mean']:.0%} are"
    )


def _sentence(measured, task) -> str:
    s, points = measured.result.summary[task], gain(measured, task)
    name = MAP_NAMES[task.split(" at ")[0]]
    attacked, noise = (round(100 * s[key]["mean"]) for key in ("top_k_intersection", "noise_top_k_intersection"))
    kind = "fewer" if points["low"] > 0 else "fewer, which may be chance"
    return (
        f"{name[0].upper()}{name[1:]}, eps {in_pixels(s['eps'])}: {attacked}% of the top {measured.plan.k} pixels stay "
        f"under the attack, {noise}% under noise: {noise - attacked} points {kind} (95 % interval "
        f"{100 * points['low']:.0f} to {100 * points['high']:.0f}, {s['examples']} images). "
        f"Kendall's tau {s['kendall']['mean']:.2f} under the attack, {s['noise_kendall']['mean']:.2f} under noise."
    )


def _predictions(measured) -> str:
    summary = measured.result.summary
    natural = summary["natural"]
    under = [
        f"{s['accuracy']['mean']:.0%} at {in_pixels(s['eps'])}" for n, s in summary.items() if n.startswith("PGD at ")
    ]
    return (
        f"Predictions: {natural['accuracy']['mean']:.0%} of {natural['examples']} images are predicted correctly; "
        f"under PGD {', '.join(under)}."
    )


def _looks(measured) -> list[str]:
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
    found = {}
    for row in raised(measured):
        place = f"{row['task']}: {row['count']} of {row['of']}"
        found.setdefault(in_words(row["name"], row["text"]), []).append(place)
    return [f"{words} ({'; '.join(places)})" for words, places in found.items()]


def raised(measured: Measured) -> list[dict[str, Any]]:
    """The raised flags as rows: task, name, count, of, text."""
    return [
        {"task": task, **flag._asdict()} for task, own in measured.result.flags.items() for flag in own if flag.raised
    ]

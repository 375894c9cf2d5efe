"""The report of an audit: one HTML file for people, its numbers as JSON, a line per image and task as JSONL."""

import json
import os
from dataclasses import asdict
from typing import Any

import numpy as np

from tfrobust import report
from tfrobust.auditing.audit import Measured, cuts
from tfrobust.auditing.plan import in_pixels
from tfrobust.auditing.verdict import FRAGILE, STILL, Verdict, middle, reach_verdict, warnings

GRADES = {"fragile": "bad", "moves": "middle", "holds": "good", "unsure": "middle", "none": "middle"}
COLOURS = {name: report.MEANINGS[name] for name in ("attacked", "noise")}
MAPS = (
    report.Column("task", "maps under attack"),
    report.Column("top_k_intersection", "top-k", ".3f"),
    report.Column("low", "top-k 95 % from", ".3f"),
    report.Column("high", "to", ".3f"),
    report.Column("noise_top_k_intersection", "noise top-k", ".3f"),
    report.Column("kendall", "Kendall", ".3f"),
    report.Column("noise_kendall", "noise Kendall", ".3f"),
    report.Column("spearman", "Spearman", ".3f"),
    report.Column("noise_spearman", "noise Spearman", ".3f"),
    report.Column("examples", "images", ",d"),
)
MEANING = (
    "top-k: the share of the k most important pixels of the map that are among the k most important ones of the "
    "attacked map. Kendall, Spearman: how alike the two rank all pixels (1: the same, 0: nothing in common). noise: "
    "the same under one draw of random noise of the same size. Only images that are predicted correctly are attacked, "
    "and only changes that keep the prediction count. An attack that found nothing scores 1; a stronger one could only "
    "find less stable maps."
)


def map_rows(measured: Measured) -> list[dict[str, Any]]:
    """A row per attack on maps: means, with the interval of the top-k intersection."""
    rows = []
    for task in measured.result.maps:
        summary = measured.result.summary[task]
        means = {key: value["mean"] for key, value in summary.items() if isinstance(value, dict)}
        interval = {end: summary["top_k_intersection"][end] for end in ("low", "high")}
        rows.append({"task": task, **means, **interval, "examples": summary["examples"]})
    return rows


def summarize(measured: Measured, about: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything but the records, as plain values; `about`: further facts."""
    words, inputs = reach_verdict(measured), measured.inputs
    suite = measured.plan.suite(measured.images, measured.doubled)
    return {
        "verdict": words._asdict(),
        "eps_of_verdict": middle(measured),
        "summary": measured.result.summary,
        "flags": measured.result.plain_flags,
        "cut": cuts(measured),
        "pixels": {"chosen": inputs.pixels, "shares": inputs.shares},
        "seconds": measured.seconds,
        "about": {
            "suite": suite.as_dict(),
            "plan": asdict(measured.plan),
            "versions": measured.versions,
            **(about or {}),
        },
    }


def render_page(measured: Measured, title: str, repeat: str = "", about: dict[str, Any] | None = None) -> str:
    """The report as one self-contained HTML file.

    Args:
        measured: by the audit.
        title: of the page.
        repeat: the command that makes it again; empty: none is shown.
        about: settings and versions that are shown, too.
    """
    return report.html_page(title, render_body(measured, repeat, about))


def render_body(measured: Measured, repeat: str = "", about: dict[str, Any] | None = None) -> list[str]:
    """The report as pieces of HTML.

    Args:
        measured: by the audit.
        repeat, about: see `render_page`.
    """
    words = reach_verdict(measured)
    parts = [report.html_text(words.headline, f"verdict {GRADES[words.grade]}")]
    flagged = warnings(measured)
    parts.append(report.html_list([sentence for sentence in words.sentences if sentence not in flagged]))
    parts.append(report.html_text(_limits(measured), "note"))
    if measured.result.maps:
        parts += [report.html_heading("Maps"), report.html_table(map_rows(measured), MAPS)]
        parts += [report.html_text(MEANING, "note"), report.html_legend(COLOURS), *_pictures(measured)]
    parts += [report.html_heading("Predictions"), report.html_table(measured.result.accuracies, report.ACCURACIES)]
    parts += [*_diagnosis(measured), *_how(measured, words, repeat, about)]
    return parts


def _limits(measured) -> str:
    return (
        f"The verdict is of Integrated Gradients at eps {in_pixels(middle(measured))}: fragile where under "
        f"{FRAGILE:.0%} of the top {measured.plan.k} pixels stay, still where {STILL:.0%} do and no "
        "flag says that the attack was hindered. These limits are conventions."
    )


def _pictures(measured) -> list[str]:
    result, parts = measured.result, []
    for measure, name in (("top_k_intersection", "top-k"), ("kendall", "Kendall")):
        groups = {task: result.scores(task, measure) for task in result.maps}
        title = f"{name} of map and attacked map, every image"
        draw = lambda file, g=groups, t=title, n=name: report.draw_boxes(g, file, t, n)  # noqa: E731
        parts.append(report.html_picture(draw, title))
    if len(measured.plan.eps) > 1:
        title = "mean top-k over eps, with 95 % intervals"
        draw = lambda file: report.draw_curves(_curves(measured), file, title, "top-k", "eps (pixels of 255)")  # noqa: E731
        parts.append(report.html_picture(draw, title))
    parts.append(report.html_heading("The images whose maps moved most, median and least, by top-k"))
    for task, maps in result.maps.items():
        if task.endswith(f" at {in_pixels(middle(measured))}"):
            parts += _changes(measured, task, maps)
    return parts


def _changes(measured, task, maps) -> list[str]:
    """Pictures, as HTML, of the images whose maps moved most, median and least."""
    indices, parts = [r["index"] for r in measured.result.records if r["task"] == task], []
    names = [f"{measured.name(i)}, class {measured.class_of(measured.inputs.y[i])}" for i in indices]
    panels = dict(zip(("most", "median", "least"), report.worst_median_best(maps, names, "top_k_intersection")))
    if len(maps.x) < len(panels):
        panels = {"median": panels["median"]} if len(maps.x) == 1 else {w: panels[w] for w in ("most", "least")}
    for what, panel in panels.items():
        caption = f"{task}, {what}: {panel.network}"
        panel = panel._replace(caption=panel.caption.replace("   ", "\n"))
        alt = f"{caption}: image, map, attacked image, map after, difference of the maps"
        draw = lambda file, panel=panel: report.draw_panels([panel], file, layout="blocks")  # noqa: E731
        parts += [report.html_text(caption), report.html_picture(draw, alt)]
    return parts


def _curves(measured):
    """The curves over eps: name -> points (eps in pixels, mean, low, high), beginning with 1 at eps 0."""
    curves = {}
    for task in measured.result.maps:
        summary = measured.result.summary[task]
        for key, what in (("top_k_intersection", "attacked"), ("noise_top_k_intersection", "noise")):
            values = summary[key]
            point = (255 * summary["eps"], *np.clip([values[s] for s in ("mean", "low", "high")], 0, 1))
            curves.setdefault(f"{task.split(' at ')[0]}, {what}", [(0.0, 1.0, 1.0, 1.0)]).append(point)
    return curves


def _diagnosis(measured) -> list[str]:
    checks, flagged = sum(len(own) for own in measured.result.flags.values()), warnings(measured)
    said = f"{checks} checks. " + ("What they found, and what to do:" if flagged else "Nothing suspicious was found.")
    parts = [report.html_heading("Diagnosis"), report.html_text(said)]
    if flagged:
        parts.append(report.html_list(flagged))
    if not measured.doubled:
        text = "Not checked, for want of time: whether twice the steps would find more. Give more minutes."
        parts.append(report.html_text(text))
    return parts


def _how(measured, words: Verdict, repeat, about) -> list[str]:
    plan = measured.plan
    on_predictions = next(iter(plan.suite(1, 0).predictions.values()))
    attacked = max((len(maps.x) for maps in measured.result.maps.values()), default=0)
    predicted = measured.result.summary["natural"]["examples"]
    done = [
        f"Maps of {attacked} images, attacked by the top-k part of the ensemble auto: {plan.steps} of APGD's steps "
        f"from a random point, k = {plan.k}, an eighth of the pixels, along softplus' second derivative, steps halved "
        f"until they keep the prediction, in l-infinity balls of {', '.join(in_pixels(e) for e in plan.eps)}. "
        f"Integrated Gradients from black with {plan.points} points.",
        *_of_ensemble(measured),
        f"Predictions of {predicted} images, attacked by the untargeted parts of AutoAttack: {on_predictions.steps} of "
        "APGD's steps on the cross-entropy, and as many on the difference-of-logits ratio.",
        f"This run took {measured.seconds / 60:.1f} of {measured.budget / 60:.3g} minutes.",
        *(f"Cut, for want of time: {cut}." for cut in cuts(measured)),
    ]
    parts = [report.html_heading("What was done"), report.html_list(done)]
    if repeat:
        parts += [report.html_text("To repeat it:"), report.html_code(repeat)]
    facts = {"about": summarize(measured, about)["about"]}
    return [*parts, report.html_details("All settings", report.html_code(json.dumps(facts["about"], indent=1)))]


def _of_ensemble(measured) -> list[str]:
    """What was done of the whole of auto; nothing where there was no time for it."""
    plan = measured.plan
    if not plan.quick:
        return []
    parts = plan.task("IG", plan.middle_eps).attack.parts
    return [
        f"Integrated Gradients at eps {in_pixels(plan.middle_eps)}, which the verdict is about, attacked by the whole "
        f"of auto at quick instead: the strongest of {', '.join(parts)} counts for each image and measure."
    ]


def write_audit(
    directory: str, measured: Measured, title: str, repeat: str = "", about: dict[str, Any] | None = None
) -> str:
    """Writes audit.html, audit.json and audit_records.jsonl.

    Args:
        directory: of the files, which exists.
        measured, title, repeat, about: see `render_page`.

    Returns:
        The path of the first.
    """
    path = os.path.join(directory, "audit")
    report.write_records(path + "_records.jsonl", measured.records)
    report.write_json(path + ".json", summarize(measured, about))
    report.write_text(path + ".html", render_page(measured, title, repeat, about))
    return path + ".html"

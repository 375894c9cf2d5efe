"""The report of an audit: one HTML file for people, its numbers as JSON, a line per image and task as JSONL."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from tfrobust import report
from tfrobust.attacks import AttackedMaps
from tfrobust.auditing.audit import Measured, cuts
from tfrobust.auditing.meaning import TO_DO, certainty, meaning_of
from tfrobust.auditing.plan import in_pixels
from tfrobust.auditing.verdict import MAP_NAMES, Verdict, looks, middle, reach_verdict

GRADES = {"fragile": "bad", "moves": "middle", "holds": "good", "unsure": "middle", "none": "middle"}
MAPS = (
    report.Column("name", "explanation, largest change"),
    report.Column("top_k_intersection", "top pixels that stay", ".1%"),
    report.Column("interval", "95 % interval"),
    report.Column("noise_top_k_intersection", "under noise", ".1%"),
    report.Column("kendall", "order (Kendall)", ".2f"),
    report.Column("noise_kendall", "order under noise", ".2f"),
    report.Column("examples", "images", ",d"),
)
SECTIONS = {
    "meaning": "What this means",
    "next": "What to do next",
    "certainty": "How sure this is",
    "numbers": "The numbers",
    "pictures": "The pictures",
    "method": "How it was measured",
    "repeat": "How to repeat it",
}
TYPICAL = "a typical image (the median)"
READING = (
    "Above stand the image and the attacked image, and what was changed (white: nothing). Below them the "
    "explanation over the image and alone, before and after: the brighter a pixel, the more important. Last what the "
    "attack took away (orange) and brought in (violet)."
)


def map_rows(measured: Measured) -> list[dict[str, Any]]:
    """A row per attack on maps: its means, and the interval of the share of top pixels that stay."""
    return [map_row(task, measured.result.summary[task]) for task in measured.result.maps]


def map_row(task: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the table MAPS: what the `summary` says of a `task`."""
    means = {key: value["mean"] for key, value in summary.items() if isinstance(value, dict)}
    low, high = (np.clip(summary["top_k_intersection"][end], 0, 1) for end in ("low", "high"))
    own = {"name": name_of(task), "interval": f"{low:.0%}\u00a0to\u00a0{high:.0%}", "examples": summary["examples"]}
    return {"task": task, **means, **own}


def name_of(task: str) -> str:
    """What a task is called on the page."""
    kind, _, eps = task.partition(" at ")
    name = MAP_NAMES.get(kind, kind).removeprefix("the ")
    return f"{name[0].upper()}{name[1:]}, {eps}"


def summarize(measured: Measured, about: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything but the records, as plain values; `about`: further facts."""
    words, inputs = reach_verdict(measured), measured.inputs
    suite = measured.plan.suite(measured.images, measured.doubled)
    return {
        "verdict": words._asdict(),
        "eps_of_verdict": middle(measured),
        "summary": measured.result.summary,
        "output_change": measured.result.outputs,
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
    """The report as pieces of HTML: verdict, what to do, how sure it is; numbers; pictures; how to repeat it.

    Args:
        measured: by the audit.
        repeat: the command that makes it again; empty: none is shown.
        about: settings and versions that are shown, too.
    """
    words = reach_verdict(measured)
    meaning = meaning_of(measured, words)
    sections = {
        "meaning": [report.html_text(meaning.means)],
        "next": [report.html_list(meaning.todo, ordered=True)] if meaning.todo else [],
        "certainty": [report.html_list(certainty(measured))],
        "numbers": _numbers(measured),
        "pictures": _pictures(measured),
        "method": [report.html_list(_method(measured))],
        "repeat": _repeat(measured, repeat, about),
    }
    return in_order(words, sections)


def in_order(words: Verdict, sections: Mapping[str, list[str]]) -> list[str]:
    """The pieces of a report: the verdict, the list of contents, the sections.

    Args:
        words: the verdict.
        sections: place, one of SECTIONS, -> its pieces; a section without any is left out.
    """
    lead, _, found = words.headline.partition(TO_DO)[0].partition(": ")
    shown = {place: SECTIONS[place] for place, parts in sections.items() if parts}
    verdict = report.html_verdict(lead, f"{found[:1].upper()}{found[1:]}", GRADES[words.grade])
    parts = [verdict, report.html_contents(shown)]
    for place, heading in shown.items():
        parts += [report.html_heading(heading, place), *sections[place]]
    return parts


def _numbers(measured) -> list[str]:
    """The tables, what their columns are, and the curves."""
    parts = []
    if measured.result.maps:
        parts += [
            report.html_table(map_rows(measured), MAPS),
            report.html_text(describe_columns(measured.plan.k, measured.result.maps), "note"),
        ]
        parts += _charts(measured)
    text = "How many images are predicted correctly, as they are and when an attack aims at the prediction instead:"
    rows = [{**row, "task": row["task"].replace("natural", "no attack")} for row in measured.result.accuracies]
    return [*parts, report.html_text(text), report.html_table(rows, report.ACCURACIES)]


def describe_columns(k: int, maps: Mapping[str, AttackedMaps], share: str = " (an eighth of all)") -> str:
    """What the columns of MAPS are.

    Args:
        k: size of the top set.
        maps: task -> what its attack found.
        share: how many of all pixels k are.
    """
    nothing, attacks = (sum(counts) for counts in zip(*((np.sum(~m.counted), len(m)) for m in maps.values())))
    return (
        f"Top pixels that stay: the share of the {k} most important pixels{share} that are among the {k} "
        "most important after the attack. Order: how alike all pixels are ranked before and after (Kendall's tau; 1: "
        "the same, 0: nothing in common). Under noise: the same for random noise of the same size. Only images that "
        "are predicted correctly are attacked, and only changes that keep the prediction count; an attack that found "
        f"nothing counts as 100 % ({nothing} of the {attacks} attacks in the table)."
    )


def _charts(measured) -> list[str]:
    result, parts = measured.result, []
    eps = in_pixels(middle(measured))
    own = [task for task in result.maps if task.endswith(f" at {eps}")]
    groups = {name_of(task).partition(",")[0]: result.scores(task, "top_k_intersection") for task in own}
    title, label = "Top pixels that stay, every image", f"top pixels that stay, up to {eps}"
    draw = lambda file: report.draw_boxes(groups, file, title, label, "svg", percent=True)  # noqa: E731
    alt = f"{title}: the line is the median, the box holds the middle half of the images"
    parts.append(report.html_picture(draw, alt, "svg"))
    if len(measured.plan.eps) > 1:
        title = "Top pixels that stay: means with 95 % intervals"
        labels = title, "top pixels that stay", "largest change of a pixel, of 255"
        draw = lambda file: report.draw_curves(_curves(measured), file, *labels, form="svg", percent=True)  # noqa: E731
        parts.append(report.html_picture(draw, title, "svg"))
    return parts


def _pictures(measured) -> list[str]:
    """Of each explanation at the eps of the verdict, the images whose map moved most, median and least."""
    parts = []
    for task, maps in measured.result.maps.items():
        if task.endswith(f" at {in_pixels(middle(measured))}"):
            parts += _changes(measured, task, maps)
    return [report.html_text(READING), *parts] if parts else []


def _changes(measured, task, maps) -> list[str]:
    indices, parts = [r["index"] for r in measured.result.records if r["task"] == task], []
    for how, panel in _chosen(maps).items():
        n = int(panel.network)
        said = f"class {measured.class_of(measured.inputs.y[indices[n]])}"
        caption = f"{name_of(task)}: {how}: {measured.name(indices[n])}, {said}"
        alt = f"{caption}. Image, attacked image, maps before and after, difference of the maps"
        stay, order = (maps.scores[measure][n] for measure in ("top_k_intersection", "kendall"))
        scores = f"top pixels\nthat stay {stay:.0%}\n\nKendall {order:.2f}"
        shown = panel._replace(network="", caption=scores, before=said, after=f"still {said}")
        draw = lambda file, shown=shown: report.draw_panels([shown], file, layout="blocks")  # noqa: E731
        parts.append(report.html_figure(caption, report.html_picture(draw, alt)))
    return parts


def _chosen(maps) -> dict[str, report.Panel]:
    """What is said of an image -> its panel, called after its place: that whose map moved most, the median, the least,
    each once."""
    places = [str(n) for n in range(len(maps.x))]
    most, median, least = report.worst_median_best(maps, places, "top_k_intersection")
    if len(places) == 1:
        return {TYPICAL: median}
    return {"moved most": most, **({TYPICAL: median} if len(places) > 2 else {}), "moved least": least}


def _curves(measured):
    """The curves over eps: name -> points (eps in pixels, mean, low, high), beginning with 1 at eps 0."""
    curves = {}
    for task in measured.result.maps:
        summary = measured.result.summary[task]
        for key, what in (("top_k_intersection", "attacked"), ("noise_top_k_intersection", "noise")):
            values = summary[key]
            point = (255 * summary["eps"], *np.clip([values[s] for s in ("mean", "low", "high")], 0, 1))
            curves.setdefault(f"{name_of(task).partition(',')[0]}, {what}", [(0.0, 1.0, 1.0, 1.0)]).append(point)
    return curves


def _method(measured) -> list[str]:
    plan = measured.plan
    on_predictions = next(iter(plan.suite(1, 0).predictions.values()))
    attacked = max((len(maps.x) for maps in measured.result.maps.values()), default=0)
    predicted = measured.result.summary["natural"]["examples"]
    return [
        *looks(measured),
        f"Of {predicted} images {_right(measured)} are predicted correctly; the maps of {attacked} of these were "
        f"attacked, by the top-k part of the ensemble auto: {plan.steps} of APGD's steps "
        f"from a random point, k = {plan.k}, along softplus' second derivative, steps halved "
        f"until they keep the prediction, in l-infinity balls of {', '.join(in_pixels(e) for e in plan.eps)}. "
        f"Integrated Gradients from black with {plan.points} points.",
        *_of_ensemble(measured),
        f"Predictions of {predicted} images, attacked by the untargeted parts of AutoAttack: {on_predictions.steps} of "
        "APGD's steps on the cross-entropy, and as many on the difference-of-logits ratio.",
        f"This run took {measured.seconds / 60:.1f} of {measured.budget / 60:.3g} minutes.",
    ]


def _right(measured) -> int:
    """How many images are predicted correctly."""
    natural = measured.result.summary["natural"]
    return round(natural["accuracy"]["mean"] * natural["examples"])


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


def _repeat(measured, command, about) -> list[str]:
    settings = report.html_code(json.dumps(summarize(measured, about)["about"], indent=1))
    text = "Stopped, the same command goes on where it was; the numbers and a line for each image lie beside this file."
    parts = [report.html_code(command), report.html_text(text)] if command else []
    return [*parts, report.html_details("All settings and versions", settings)]


def write_audit(
    directory: str, measured: Measured, title: str, repeat: str = "", about: dict[str, Any] | None = None
) -> str:
    """Writes audit.html, audit.json and audit_records.jsonl.

    Args:
        directory: of the files, which exists.
        measured: by the audit.
        title: of the page.
        repeat: the command that makes it again; empty: none is shown.
        about: settings and versions that are shown, too.

    Returns:
        The path of the first.
    """
    page, values = render_page(measured, title, repeat, about), summarize(measured, about)
    return report.write_report(directory, "audit", page=page, values=values, records=measured.records)

"""The report of a comparison of two networks: one HTML file for people, its numbers as JSON, a line per image as "
"JSONL."""

import json
import os
from typing import Any

import numpy as np

from tfrobust import report
from tfrobust.attacks.attacked_maps import as_records
from tfrobust.auditing.difference import AFTER, BEFORE, Difference
from tfrobust.auditing.difference_verdict import (
    CONVENTIONS,
    DifferenceVerdict,
    agreement,
    alike,
    fragility,
    reach_difference_verdict,
    right,
    summarize_difference,
)
from tfrobust.auditing.page import TYPICAL
from tfrobust.auditing.plan import in_pixels
from tfrobust.auditing.verdict import MAP_NAMES
from tfrobust.evaluation import statistics

LOOK = "Look where the bright pixels of the second lie: on the object, or always in one place?"
READING = (
    "Above stand the image and both explanations over it, below them the difference and both explanations alone: the "
    "brighter a pixel, the more important. The difference is the second less the first: violet pixels are more "
    "important to the second, orange ones to the first."
)
KINDS = {"identical": "good", "same": "good", "partly": "middle", "otherwise": "bad", "other": "middle"}
CALLED = {BEFORE: "the first", AFTER: "the second"}
SECTIONS = {
    "meaning": "What this means",
    "next": "What to do next",
    "certainty": "How sure this is",
    "numbers": "The numbers",
    "pictures": "Where they part",
    "method": "How it was measured",
    "repeat": "How to repeat it",
}
PREDICTIONS = (
    report.Column("what", "predictions"),
    report.Column("mean", "share", ".1%"),
    report.Column("low", "95 % from", ".1%"),
    report.Column("high", "to", ".1%"),
)
MAPS = (
    report.Column("what", "explanations compared"),
    report.Column("mean", "top pixels shared", ".1%"),
    report.Column("low", "95 % from", ".1%"),
    report.Column("high", "to", ".1%"),
    report.Column("kendall", "order (Kendall)", ".2f"),
    report.Column("images", "images", ",d"),
)
ATTACKED = (
    report.Column("what", "under attack"),
    report.Column("mean", "top pixels that stay", ".1%"),
    report.Column("low", "95 % from", ".1%"),
    report.Column("high", "to", ".1%"),
    report.Column("kendall", "order (Kendall)", ".2f"),
    report.Column("p", "p", ".2g"),
)


def render_difference(difference: Difference, title: str, repeat: str = "", about: dict[str, Any] | None = None) -> str:
    """The report as one self-contained HTML file.

    Args:
        difference: of the two networks.
        title: of the page.
        repeat: the command that makes it again; empty: none is shown.
        about: settings and versions that are shown, too.
    """
    words = reach_difference_verdict(difference)
    sections = {
        "meaning": [report.html_text(words.means)],
        "next": [report.html_list(words.todo, ordered=True)],
        "certainty": [
            report.html_list(words.certainty),
            report.html_text("What the words mean (the limits are conventions):"),
            report.html_list(CONVENTIONS),
        ],
        "numbers": _numbers(difference),
        "pictures": _pictures(difference, words),
        "method": [report.html_list(_method(difference))],
        "repeat": _repeat(difference, repeat, about),
    }
    verdict = report.html_verdict(words.lead, words.found, KINDS[words.kind])
    parts = [*_which(about or {}), verdict, report.html_contents(SECTIONS)]
    for place, heading in SECTIONS.items():
        parts += [report.html_heading(heading, place), *sections[place]]
    return report.html_page(title, parts)


def _which(about) -> list[str]:
    """Which file is the first and which the second, where `about` says it; by their paths if their names are alike."""
    paths = [str(about.get(which, "")) for which in (BEFORE, AFTER)]
    if not all(paths):
        return []
    names = [os.path.basename(path) for path in paths]
    first, second = paths if names[0] == names[1] else names
    return [report.html_text(f"First: {first} (before). Second: {second} (after).")]


def _numbers(difference) -> list[str]:
    hits = right(difference)
    predictions = [{"what": f"{CALLED[which]} is right", **statistics.share(own)} for which, own in hits.items()]
    predictions.append({"what": "both predict the same", **agreement(difference)})
    parts = [report.html_table(predictions, PREDICTIONS), report.html_table(map_rows(difference), MAPS)]
    parts.append(report.html_text(_columns(difference), "note"))
    if difference.attacks:
        parts.append(report.html_table(attack_rows(difference), ATTACKED))
    return parts


def map_rows(difference: Difference) -> list[dict[str, Any]]:
    """A row per explanation: the two networks, and the yardsticks, noise on the image and other seeds."""
    rows = []
    for kind, own in alike(difference).items():
        name = MAP_NAMES[kind].removeprefix("the ")
        rows.append(_row(f"{name}: the second", own, difference.scores[kind]))
        noise = difference.noise[kind]
        of_noise = statistics.describe(noise["top_k_intersection"], 0.0, 1.0)
        rows.append(_row(f"{name}: the first, noise on the image", of_noise, noise))
        if difference.seeds:
            seeds = {key: values[np.isfinite(values)] for key, values in difference.seeds[kind].items()}
            if len(seeds["top_k_intersection"]):
                of_seeds = statistics.describe(seeds["top_k_intersection"], 0.0, 1.0)
                rows.append(_row(f"{name}: two seeds", of_seeds, seeds))
    return rows


def _row(what, found, scores) -> dict[str, Any]:
    return {"what": what, **found, "kendall": float(scores["kendall"].mean()), "images": len(scores["kendall"])}


def attack_rows(difference: Difference) -> list[dict[str, Any]]:
    """A row for each network under attack, and one for the difference, image by image."""
    rows = []
    for which, own in difference.attacks.items():
        found = statistics.describe(own.scores["top_k_intersection"], 0.0, 1.0)
        rows.append({"what": CALLED[which], **found, "kendall": float(own.scores["kendall"].mean())})
    paired = fragility(difference)
    return [*rows, {"what": "the second less the first", **paired._asdict()}] if paired else rows


def _columns(difference) -> str:
    return (
        f"Each is compared with the explanation of the first. Top pixels shared: the share of the {difference.k} most "
        "important pixels (an eighth of all) that both have. Order: how alike all pixels are ranked (Kendall's tau; "
        f"1: the same, 0: nothing in common).{_of_seeds(difference)}"
    )


def _of_seeds(difference) -> str:
    """What the rows of two seeds are, and why they are of fewer images where they are."""
    if not difference.seeds:
        return ""
    return (
        " Two seeds: the first and another training that differs in nothing but its random start, on the images for "
        "which both predict the same class."
    )


def _pictures(difference, words: DifferenceVerdict) -> list[str]:
    """The images whose explanations differ most, in the middle and least, of the map that the verdict rests on."""
    kind = min(difference.scores, key=lambda name: difference.scores[name]["top_k_intersection"].mean())
    shared = difference.scores[kind]["top_k_intersection"]
    order = np.argsort(shared, kind="stable")
    chosen = {"differ most": order[0], TYPICAL: order[len(order) // 2], "differ least": order[-1]}
    parts = [report.html_text(LOOK), report.html_text(READING)]
    for how, n in chosen.items():
        if n in [m for other, m in chosen.items() if other != how][: list(chosen).index(how)]:
            continue  # Of one or two images.
        place = difference.explained[n]
        caption = f"{MAP_NAMES[kind]}: {how}: {difference.name(place)}, {_said(difference, place)}"
        maps = difference.maps[BEFORE][kind][n], difference.maps[AFTER][kind][n]
        x, said = difference.inputs.x[place], f"top pixels shared: {shared[n]:.0%}"
        panel = report.Panel("", x, maps[0], None, maps[1], said, CALLED[BEFORE], CALLED[AFTER])
        alt = f"{caption}. Image, both maps, and the difference"
        draw = lambda file, panel=panel: report.draw_panels([panel], file, layout="pairs")  # noqa: E731
        parts.append(report.html_figure(f"{caption[0].upper()}{caption[1:]}", report.html_picture(draw, alt)))
    return parts


def _said(difference, place) -> str:
    """What both predict for an image, and its label where that is another class."""
    predicted, label = int(difference.predicted(BEFORE)[place]), int(difference.inputs.y[place])
    names = [report.class_name(n, difference.class_names) for n in (label, predicted)]
    both = f"both predict class {names[1]}"
    return both if label == predicted else f"labelled {names[0]}, {both}"


def _method(difference) -> list[str]:
    plan, own = difference.plan, difference.inputs
    return [
        f"The class that both predict is explained, by Integrated Gradients from black with {plan.points} points and "
        f"by the gradient, on the first {len(difference.explained)} images on which they agree.",
        f"Noise: one uniform draw of at most {in_pixels(plan.eps)} a pixel on the images of the first.",
        f"Attack: {plan.steps} of APGD's steps against the top {difference.k} pixels of Integrated Gradients, "
        f"changes of at most {in_pixels(plan.eps)} that keep the prediction, on the first {len(difference.attacked)} "
        "images that both predict correctly, the same for both.",
        "Paired tests over the images: sign flips for what has a size, McNemar's for right and wrong.",
        f"Pixels of the first were read as {own.pixels}.",
        *(f"Another seed predicts the same class on {share:.1%} of the images." for share in difference.agreeing),
    ]


def _repeat(difference, command, about) -> list[str]:
    settings = report.html_code(json.dumps(about or {}, indent=1))
    parts = [report.html_code(command)] if command else []
    return [*parts, report.html_details("All settings and versions", settings)]


def difference_records(difference: Difference) -> list[dict[str, Any]]:
    """A line for each image: its name, label and predictions, and how alike its maps are, where they were compared."""
    said = {which: difference.predicted(which) for which in (BEFORE, AFTER)}
    columns = {
        f"{kind}_{measure}": values for kind, own in difference.scores.items() for measure, values in own.items()
    }
    scores = dict(zip(difference.explained.tolist(), as_records(columns, len(difference.explained))))
    return [
        {
            "image": difference.name(place),
            "label": int(label),
            **{f"prediction_{which}": int(own[place]) for which, own in said.items()},
            **scores.get(place, {}),
        }
        for place, label in enumerate(difference.inputs.y)
    ]


def write_difference(
    directory: str, difference: Difference, title: str, repeat: str = "", about: dict[str, Any] | None = None
) -> str:
    """Writes diff.html, diff.json and diff_records.jsonl.

    Args:
        directory: of the files, which exists.
        difference: of the two networks.
        title: of the page.
        repeat: the command that makes it again; empty: none is shown.
        about: settings and versions that are shown, too.

    Returns:
        The path of the first.
    """
    page, values = render_difference(difference, title, repeat, about), summarize_difference(difference, about)
    return report.write_report(directory, "diff", page=page, values=values, records=difference_records(difference))

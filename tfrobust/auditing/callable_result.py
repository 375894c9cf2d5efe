"""`CallableAudit`: the result object that `tfrobust.audit_callable` returns, in the words of `Audit`."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from tfrobust import report
from tfrobust.attacks.ensemble import CRITERIA
from tfrobust.auditing.advice import MORE_MINUTES
from tfrobust.auditing.callables import CallableMeasured, task_name
from tfrobust.auditing.meaning import MEANINGS, NOTHING, Meaning, explained, under_noise
from tfrobust.auditing.page import MAPS, describe_columns, in_order, map_row
from tfrobust.auditing.plan import in_pixels
from tfrobust.auditing.verdict import (
    FRAGILE,
    STILL,
    Verdict,
    actions_on,
    gain,
    grade_of,
    headline,
    moved_in_words,
    raised_in,
    sentence_on,
    warnings_of,
)

UNPROVEN = "the attacks asked for maps and predictions alone, and one that follows a gradient may find more"
MORE_QUERIES = "repeat the audit with more queries (queries=)"
MORE = "audit more images with more queries (images=, queries=)"
PARTS = (
    report.Column("task", "maps under attack"),
    report.Column("part", "attack"),
    report.Column("top_k_intersection", "top pixels that stay", ".1%"),
    report.Column("kendall", "Kendall", ".3f"),
    report.Column("spearman", "Spearman", ".3f"),
    report.Column("won_kendall", "lowest Kendall", ".0%"),
)


class CallableAudit:
    """A finished audit of two functions; in a notebook, its report.

    Args:
        measured: by `callables.measure_callable`.
        title: of the report.

    Attributes:
        grade: fragile, moves, unsure (little moved, which a search without gradients does not prove), or none.
        verdict: a sentence.
        sentences: what it rests on.
        measured: the numbers and the arrays.
    """

    def __init__(self, measured: CallableMeasured, title: str):
        self.measured, self.title = measured, title
        self.grade, self.verdict, self.sentences = _verdict(measured)

    @property
    def summary(self) -> dict[str, Any]:
        """All numbers and settings, as plain values."""
        m = self.measured
        return {
            "verdict": Verdict(self.grade, self.verdict, self.sentences)._asdict(),
            "eps_of_verdict": m.middle_eps,
            "summary": m.summary,
            "flags": {task: [flag._asdict() for flag in own] for task, own in m.flags.items()},
            "seconds": m.seconds,
            "about": {"attacks": m.settings, "queries": m.queries},
        }

    @property
    def records(self) -> list[dict[str, Any]]:
        """A dict per image and task; `image`: which of those given."""
        return [
            {"image": f"x[{record['index']}]", **{key: value for key, value in record.items() if key != "index"}}
            for record in self.measured.records
        ]

    def html(self) -> str:
        """The report, one self-contained file."""
        return report.html_page(self.title, self._body())

    def save(self, folder: str) -> str:
        """Writes audit.html, audit.json and audit_records.jsonl into the `folder`; returns the path of the first."""
        os.makedirs(folder, exist_ok=True)
        return report.write_report(folder, "audit", page=self.html(), values=self.summary, records=self.records)

    def __repr__(self) -> str:
        return "\n- ".join([self.verdict, *self.sentences])

    def _repr_html_(self) -> str:
        return f"<style>{report.STYLE}</style>" + "\n".join(self._body())

    def _body(self) -> list[str]:
        m, words = self.measured, Verdict(self.grade, self.verdict, self.sentences)
        meaning = _meaning(m, words)
        facts = report.html_code(json.dumps(self.summary["about"], indent=1))
        sections = {
            "meaning": [report.html_text(meaning.means)],
            "next": [report.html_list(meaning.todo, ordered=True)] if meaning.todo else [],
            "certainty": [report.html_list([*_measured(m), *(seen for seen, _ in raised_in(m.flags)), _limits(m)])],
            "numbers": _numbers(m) if m.maps else [],
            "method": [report.html_list(_done(m)), report.html_details("All settings", facts)],
        }
        return in_order(words, sections)


def _verdict(m: CallableMeasured) -> Verdict:
    if not m.maps:
        text = "Nothing to judge: none of the images is predicted correctly, so no map was attacked. What to do: look "
        return Verdict("none", text + "whether labels and images are those that predict was made for.", _measured(m))
    task = task_name(m.middle_eps)
    grade = grade_of(m.summary[task], gain(m.records, task), hindered=True)
    text = headline(grade, moved_in_words("the maps", m.summary[task], m.k, m.settings["norm"]), UNPROVEN, MORE)
    return Verdict(grade, text, [*_measured(m), *map(_in_python, warnings_of(m.flags))])


def _measured(m) -> list[str]:
    """What was measured, a sentence for each eps and one on predictions."""
    natural = m.summary["natural"]
    said = f"Predictions: {natural['accuracy']['mean']:.0%} of {natural['examples']} images are predicted correctly."
    return [*(sentence_on("maps", m.summary[name], gain(m.records, name), m.k) for name in m.maps), said]


def _meaning(m, words: Verdict) -> Meaning:
    """The verdict explained, with what its own headline and the flags that were raised say to do."""
    if not m.maps:
        return explained(words, NOTHING)
    known = MEANINGS[words.grade]
    means = f"{known.means} {under_noise(m.summary[task_name(m.middle_eps)])}"
    own = known._replace(means=means, todo=tuple(map(_in_python, known.todo)))
    return explained(words, own, [_in_python(todo) for todo in actions_on(m.flags)])


def _in_python(todo: str) -> str:
    """What to do, where an audit has queries and no minutes, and no command line."""
    return todo.replace(MORE_MINUTES, MORE_QUERIES).replace("--fail_if", "tfrobust.gate")


def _limits(m) -> str:
    return (
        f"The verdict is at eps {in_pixels(m.middle_eps)}: fragile where under {FRAGILE:.0%} of the top {m.k} pixels "
        f"stay, moved in part where {FRAGILE:.0%} to {STILL:.0%} do. These limits are conventions. No search "
        "without gradients shows that maps hold still."
    )


def _numbers(m) -> list[str]:
    """The tables, what their columns are, and the pictures of all scores."""
    rows = [map_row(task, m.summary[task]) for task in m.maps]
    note = report.html_text(describe_columns(m.k, m.maps, ""), "note")
    return [report.html_table(rows, MAPS), note, report.html_table(_part_rows(m), PARTS), *_pictures(m)]


def _part_rows(m) -> list[dict[str, Any]]:
    """A row for each ball and attack: its mean scores, and on how many images it was the strongest."""
    rows = []
    for task, found in m.found.items():
        for part in dict.fromkeys(part for part, _ in found.scores):
            means = {measure: float(np.nanmean(found.scores[part, of])) for of, measure in CRITERIA.items()}
            rows.append({"task": task, "part": part, **means, "won_kendall": np.mean(found.winners("kendall") == part)})
    return rows


def _pictures(m) -> list[str]:
    parts = []
    for measure, name in (("top_k_intersection", "top pixels that stay"), ("kendall", "order (Kendall)")):
        groups = {task: _scores(m, task, measure) for task in m.maps}
        title, share = f"{name[0].upper()}{name[1:]}, every image", measure == "top_k_intersection"
        draw = lambda file, own=(groups, title, name, share): _draw_boxes(file, *own)  # noqa: E731
        parts.append(report.html_picture(draw, title))
    return parts


def _draw_boxes(file, groups, title, label, share) -> None:
    report.draw_boxes(groups, file, title, label, percent=share)


def _scores(m, task, measure) -> dict[str, list[float]]:
    own = [record for record in m.records if record["task"] == task]
    return {"attacked": [r[measure] for r in own], "noise": [r[f"noise_{measure}"] for r in own]}


def _done(m) -> list[str]:
    attacked = max((len(maps) for maps in m.maps.values()), default=0)
    return [
        f"Maps of {attacked} images, in {m.settings['norm']} balls of {', '.join(map(in_pixels, m.eps))}, attacked by "
        f"{m.settings['queries']} queries of squares, one query of stripes and a tenth as many draws of noise; for "
        "each image and measure the strongest counts, of the changes that keep the prediction.",
        f"predict saw {m.queries.get('predict', 0):,d} images, explain {m.queries.get('explain', 0):,d}.",
        f"This took {m.seconds / 60:.1f} minutes.",
    ]

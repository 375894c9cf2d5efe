"""Sections for technical documentation from an audit's report.

For Articles 13 and 15 and Annex IV of Regulation (EU) 2024/1689 (the AI Act), MEASURE 2.7 and 2.9 of NIST's AI Risk
Management Framework 1.0 (AI 100-1), in the words of ISO/IEC TR 24029-1:2021 and ISO/IEC 24029-2:2023: robustness of
what, to what, within which bounded domain, by which method, with which limits, and what was not measured.  It is
evidence, not a judgement of conformity: that takes the rest of the documentation, and a person.
"""

from tfrobust.evidence.facts import Facts, in_pixels, in_words
from tfrobust.report import Column, in_markdown, markdown

TABLE = (
    Column("what", "property"),
    Column("share", "measured"),
    Column("noise", "under random noise"),
    Column("examples", "images", ",d"),
)
NOT_MEASURED = (
    "Changes other than small changes of pixels: blur, weather, rotation, other cameras, patches (see the library's "
    "corruptions and spatial attacks).",
    "Images of another kind than those of the audit; drift over time.",
    "Data poisoning, backdoors, theft of the model, attacks on confidentiality.",
    "Formal guarantees: no bound was proved; nothing here says that no change within the domain moves an explanation "
    "further.",
    "Whether the explanations are faithful to the model, complete, or understood by those who read them.",
    "Differences between groups of persons.",
    "Explanation methods other than those named.",
)


def evidence_sections(facts: Facts, purpose: str = "") -> str:
    """The sections, as Markdown.

    Args:
        facts: of the audit.
        purpose: what the network is for; empty: marked as to be filled in.
    """
    said = in_markdown(purpose.strip().rstrip(".")) or "*to be filled in*"
    parts = [
        f"# Evidence on robustness: {in_markdown(facts.name)}",
        f"Intended purpose: {said}. Made from the report of an audit alone; to be read with the rest of the "
        "documentation. It is evidence for the points named, not a statement of conformity.",
        *_iso(facts),
        *_ai_act(facts),
        *_nist(facts),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _iso(facts) -> list[str]:
    return [
        "## Robustness of what, to what (in the words of ISO/IEC 24029)",
        _bullets(
            f"**Of what**: the stability of the predicted class, and of {_kinds(facts)} of that class, by the share "
            f"of the {facts.plan.get('k', 'k')} most important pixels that stay among the most important. ISO/IEC "
            "24029 itself is about predictions; explanations are treated here in the same way.",
            "**To what**: changes of single pixels that somebody chooses in order to move the prediction, or to "
            "move the explanation while the prediction stays. As a control: random noise of the same size.",
            f"**Within which bounded domain**: around each image, every change of at most {_radii(facts)} of the "
            "range of a pixel (l-infinity), in the range of valid pixels.",
            f"**By which method**: empirical (a search by attacks), not formal. {_method(facts)}",
            f"**On what**: {in_markdown(facts.data)}, {_images(facts)}.",
            "**With which limits**: the search is a lower bound of what an attacker can do. Every share that stays is "
            "therefore an upper bound.",
        ),
        "### Results",
        markdown(_rows(facts), TABLE),
        f"Verdict of the report: {in_markdown(facts.verdict)}",
        "### What makes the results less certain",
        _bullets(*_uncertain(facts)),
        "### What was not measured",
        _bullets(*NOT_MEASURED, *(f"For want of time: {cut}." for cut in facts.cut)),
    ]


def _ai_act(facts) -> list[str]:
    natural = next((measure for measure in facts.accuracy if measure.task == "natural"), None)
    accuracy = natural.percent if natural else "not measured"
    versions = ", ".join(f"{name} {value}" for name, value in facts.about.get("versions", {}).items())
    return [
        "## Regulation (EU) 2024/1689 (AI Act)",
        "### Article 13 (transparency, instructions for use)",
        _bullets(
            f"13(3)(b)(ii), level of accuracy and robustness against which it was tested: accuracy {accuracy} on "
            f"{in_markdown(facts.data)}; under attack {_attacked(facts)}.",
            f"13(3)(b)(iii), foreseeable circumstances that affect it: images that somebody has changed on purpose, "
            f"by amounts as small as {_radii(facts).split(',')[0]} a pixel.",
            f"13(3)(b)(iv) and (vii), what helps to explain and to interpret its output: maps by {_kinds(facts)}. "
            f"{_reading(facts)}",
        ),
        "### Article 15 (accuracy, robustness and cybersecurity)",
        _bullets(
            f"15(3), levels of accuracy to be declared: {accuracy}.",
            "15(4), resilience to errors and inconsistencies: see the column under random noise of the table above; "
            "other faults were not measured.",
            f"15(5), adversarial examples and model evasion: accuracy under attack {_attacked(facts)}; explanations "
            f"under attack {_stay(facts)}. Not covered: data and model poisoning, confidentiality attacks.",
        ),
        "### Annex IV (technical documentation)",
        _bullets(
            f"1(c), versions of software: {versions or 'not recorded'}.",
            "2(g), validation and testing procedures, data, metrics, test logs: the method, the data and the table "
            "above; the log is audit_records.jsonl, a line for each image and attack. *To be dated and signed by the "
            "responsible person.*",
            "2(h), cybersecurity measures: *to be filled in*; the findings above say against what.",
            "3, capabilities and limitations: the table above, with what was not measured.",
            "4, appropriateness of the metrics: the share of the top pixels that stay is what a reader of a map sees "
            "of it; accuracy and noise stand beside it as controls.",
            "6, changes through the lifecycle: repeat the audit for each version; it can be compared with this one "
            "by a gate.",
        ),
    ]


def _nist(facts) -> list[str]:
    return [
        "## NIST AI Risk Management Framework 1.0",
        "### MEASURE 2.7 (security and resilience are evaluated and documented)",
        _bullets(
            f"Evaluated: evasion by small changes of pixels, aimed at predictions and at explanations; {_stay(facts)}.",
            "Documented: this file, audit.json (numbers, settings, versions, fingerprints) and audit_records.jsonl.",
            "Residual: see what was not measured. *To be filled in: the risks of the MAP function that this concerns.*",
        ),
        "### MEASURE 2.9 (the model is explained, validated and documented; its output is interpreted within its "
        "context)",
        _bullets(
            f"Explained by {_kinds(facts)}. {_reading(facts)}",
            "Validated: whether the explanations hold still under attack. Not validated here: whether they are "
            "faithful.",
            "*To be filled in: who reads the explanations, and what they decide by them.*",
        ),
    ]


def _bullets(*lines: str) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _kinds(facts) -> str:
    kinds = list(dict.fromkeys(in_words(measure.task).split(",")[0] for measure in facts.maps))
    return " and ".join(kinds) or "no explanation (none could be attacked)"


def _radii(facts) -> str:
    radii = sorted({measure.eps for measure in [*facts.accuracy, *facts.maps] if measure.eps})
    return ", ".join(in_pixels(eps) for eps in radii) or "nothing"


def _images(facts) -> str:
    shown = {measure.examples for measure in facts.maps}
    predicted = max((measure.examples for measure in facts.accuracy), default=0)
    return f"{predicted} images for predictions, {max(shown, default=0)} for explanations (those predicted correctly)"


def _method(facts) -> str:
    plan = facts.plan
    if not plan:
        return "The report does not say how it was planned."
    whole = " The verdict rests on the whole of an ensemble of attacks." if plan.get("quick") else ""
    return (
        f"Predictions: projected gradient descent, {plan.get('pgd_steps')} steps from a random start. Explanations: "
        f"{plan.get('steps')} adaptive gradient steps that keep the prediction, Integrated Gradients with "
        f"{plan.get('points')} points.{whole}"
    )


def _rows(facts) -> list[dict]:
    rows = [
        {
            "what": f"predictions right, {m.task.replace('natural', 'no attack')}",
            "share": m.percent,
            "examples": m.examples,
        }
        for m in facts.accuracy
    ]
    for m in facts.maps:
        noise = facts.noise[m.task].percent
        rows.append(
            {
                "what": f"top pixels that stay, {in_words(m.task)}",
                "share": m.percent,
                "noise": noise,
                "examples": m.examples,
            }
        )
    return rows


def _uncertain(facts) -> list[str]:
    found = [f"{in_markdown(text)} ({task}: {count} of {of} images)." for task, text, count, of in facts.suspicious]
    judged = facts.judged
    if judged is not None:
        found.append(f"The verdict rests on {judged.examples} images; its interval is in the table.")
    return found or ["Nothing suspicious was found by the checks of the audit."]


def _stay(facts) -> str:
    """What the verdict rests on; the other numbers stand in the table."""
    judged = facts.judged
    if judged is None:
        return "no explanation could be attacked"
    noise = facts.noise[judged.task].percent
    return f"{judged.percent} of the top pixels of {in_words(judged.task)}, stay (under random noise {noise})"


def _attacked(facts) -> str:
    """The accuracy under the attack of the verdict's size, or of the largest there is."""
    attacked = [measure for measure in facts.accuracy if measure.eps]
    if not attacked:
        return "not measured"
    eps = facts.report["eps_of_verdict"]
    nearest = min(attacked, key=lambda measure: abs(measure.eps - eps))
    return f"{nearest.percent} under {nearest.task}"


def _reading(facts) -> str:
    return {
        "fragile": "They must not be taken as evidence on their own where images may have been tampered with.",
        "moves": "Their details must not be relied on where images may have been tampered with.",
        "holds": "They held still under the attack of the audit; that is no guarantee.",
        "unsure": "Whether they hold still could not be told.",
        "none": "Whether they hold still could not be told.",
    }[facts.grade]

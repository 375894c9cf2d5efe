"""A model card from the report of an audit or an evaluation: Markdown with the metadata that Hugging Face reads."""

from tfrobust.evidence.facts import Facts, in_words, plain
from tfrobust.report import Column, in_markdown, markdown

RESULTS = (
    Column("what", "what"),
    Column("value", "share", ".1%"),
    Column("low", "95 % from", ".1%"),
    Column("high", "to", ".1%"),
    Column("noise", "under noise", ".1%"),
    Column("examples", "images", ",d"),
)


def model_card(facts: Facts, purpose: str = "", licence: str = "", split: str = "test", training: str = "") -> str:
    """The model card: metadata between lines of dashes, then text (huggingface.co/docs/hub/model-cards).

    What the report does not know, such as the intended use and the training data, is left to be filled in, and marked.

    Args:
        facts: of the report.
        purpose: what the network is for.
        licence: of the network, as Hugging Face names it, such as apache-2.0.
        split: of the data that was measured on.
        training: data and method of the training, as Markdown.
    """
    parts = [_metadata(facts, licence, split), f"# {in_markdown(facts.name)}", _use(purpose, training)]
    parts += [_explanations(facts)] if facts.verdict else []
    parts += [_results(facts), _limits(facts), _repeat(facts)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _metadata(facts, licence, split) -> str:
    lines = ["---", *([f"license: {plain(licence)}"] if licence else [])]
    lines += ["library_name: keras", "pipeline_tag: image-classification"]
    lines += [
        "tags: [robustness, explainability, attribution, tfrobust]",
        "model-index:",
        f"- name: {plain(facts.name)}",
    ]
    lines += ["  results:", "  - task:", "      type: image-classification", "    dataset:"]
    lines += [f"      name: {plain(facts.data)}", f"      type: {plain(facts.data)}", f"      split: {plain(split)}"]
    lines += ["    metrics:"]
    for measure in facts.accuracy:
        name = "Accuracy" if measure.task == "natural" else f"Accuracy under {measure.task}"
        lines += ["    - type: accuracy", f"      name: {plain(name)}", f"      value: {measure.value:.4f}"]
    for measure in facts.maps:
        name = f"Top-k intersection of explanations, {measure.task} (at most)"
        lines += ["    - type: top_k_intersection", f"      name: {plain(name)}", f"      value: {measure.value:.4f}"]
    return "\n".join([*lines, "---"])


def _use(purpose, training) -> str:
    said = in_markdown(purpose) or "*To be filled in: what the network is for, and what it must not be used for.*"
    trained = training or "*To be filled in: data and method of the training, known biases.*"
    return f"## Intended use\n\n{said}\n\n{trained}"


def _explanations(facts) -> str:
    return f"## Its explanations under attack\n\n{in_markdown(facts.verdict)}"


def _results(facts) -> str:
    rows = [{"what": f"predictions right, {_of_task(m.task)}", **_row(m)} for m in facts.accuracy]
    rows += [
        {"what": f"top pixels that stay, {in_words(m.task)}", **_row(m), "noise": facts.noise[m.task].value}
        for m in facts.maps
    ]
    return f"## Results\n\nOn {in_markdown(facts.data)}.\n\n{markdown(rows, RESULTS)}"


def _of_task(task) -> str:
    return "no attack" if task == "natural" else task


def _row(measure) -> dict:
    low, high = (None if end is None else min(max(end, 0.0), 1.0) for end in (measure.low, measure.high))
    return {"value": measure.value, "low": low, "high": high, "examples": measure.examples}


def _limits(facts) -> str:
    lines = [
        "The share of top pixels that stay is an upper bound: a stronger attack can only find that fewer stay.",
        "It is about the explanations, images and changes named above, and no promise about others.",
        *(f"Found suspicious: {text} ({task}: {count} of {of})." for task, text, count, of in facts.suspicious),
        *(f"For want of time: {cut}." for cut in facts.cut),
    ]
    return "## Limits\n\n" + "\n".join(f"- {in_markdown(line)}" for line in lines)


def _repeat(facts) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in facts.about.get("versions", {}).items())
    subject = facts.about.get("subject", {})
    lines = [f"Made from a report of tfrobust ({in_markdown(versions)})."]
    if subject:
        prints = ", ".join(f"{name} {value}" for name, value in subject.items())
        lines.append(f"Fingerprints: {in_markdown(prints)}.")
    return "## Provenance\n\n" + "\n".join(lines)

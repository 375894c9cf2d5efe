"""The model card of a network of a release: the form of `evidence.model_card`, filled from the index."""

from tfrobust.evidence import Facts, model_card
from tfrobust.evidence.facts import Measure
from tfrobust.report import in_markdown
from tfrobust.zoo.index import EvaluationRecord, ZooNetwork

PURPOSE = "Comparing how still explanations hold under attack. It is no network for decisions about people or things."


def network_card(network: ZooNetwork) -> str:
    """The card of a network, as Markdown with Hugging Face's metadata."""
    facts = _facts(network)
    return model_card(facts, PURPOSE, network.licence, training=_training(network)) + _how(network)


def _facts(network) -> Facts:
    """What the evaluations say, each with its name in front of its tasks."""
    accuracy, maps, noise = [], [], {}
    for record in network.evaluations:
        for task, own in record.scores.items():
            named = f"{task} in {record.name}"
            if "accuracy" in own:
                accuracy.append(_measure(task if task == "natural" else named, "accuracy", own))
            if "top_k_intersection" in own:
                maps.append(_measure(named, "top_k_intersection", own))
                noise[named] = _measure(named, "noise_top_k_intersection", own)
    accuracy = list({measure.task: measure for measure in accuracy}.values())
    about = {"versions": {**network.versions, **({"commit": network.commit} if network.commit else {})}}
    about["subject"] = {"SHA-256": network.sha256}
    return Facts({"about": about}, network.name, network.dataset, "", "none", accuracy, maps, noise, [], [])


def _measure(task, name, own) -> Measure:
    value = own[name]
    return Measure(
        task, name, value["mean"], value.get("low"), value.get("high"), int(own["examples"]), float(own.get("eps", 0.0))
    )


def _training(network) -> str:
    rows = f" ({network.row})" if network.row else ""
    said = f"Trained on {network.dataset} with the method {network.method}{rows}: network {network.model}, "
    said += f"{network.steps:,} steps, seed {network.seed}. The settings are in {network.flags}, a flagfile."
    command = " ".join(network.command.split()).replace("`", "'")  # An index may be a stranger's.
    return f"{in_markdown(said)}\n\n```sh\n{command}\n```"


def _how(network) -> str:
    lines = ["", "## Evaluations", ""]
    lines += [f"- {_words(record)}" for record in network.evaluations] or ["None."]
    lines += [
        "",
        f"`tfrobust zoo evaluate {network.name} --index=INDEX` runs them again, with the settings of the index.",
    ]
    return "\n".join(lines) + "\n"


def _words(record: EvaluationRecord) -> str:
    tasks = [f"{task} within {own['eps']:.4g}" for task, own in record.scores.items() if own.get("eps")]
    others = f"; found of the maps: {', '.join(record.floor)}" if record.floor else ""
    return in_markdown(f"{record.name}, on {record.data['name']}: {', '.join(tasks) or 'natural images'}{others}.")

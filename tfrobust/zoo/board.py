"""The board: one static page with a line for each network, map and eps of an index, made of the index alone.

A line sets side by side what the paper reports, what the paper's attack finds, what the ensemble `auto` finds, what
noise of the same size does, whether the map is faithful at all, and what the training cost.
"""

import re
from collections.abc import Iterator
from typing import Any

from tfrobust.names import AUTO_TASK, AUTOATTACK_TASK
from tfrobust.report import Column, html_code, html_heading, html_list, html_page, html_text
from tfrobust.report.sortable import Entry, Group, html_sortable_head, html_sortable_table
from tfrobust.zoo.index import EvaluationRecord, Index, ZooNetwork

TITLE = "Board: how still explanations hold under attack"
GROUPS = (
    Group(
        "",
        (
            Column("name", "network"),
            Column("dataset", "data set"),
            Column("method", "method"),
            Column("map", "map"),
            Column("eps", "eps", "g"),
        ),
    ),
    Group(
        "reported by the paper",
        (
            Column("reported_natural", "natural", ".1%"),
            Column("reported_attacked", "under attack", ".1%"),
            Column("reported_top_k", "top-k", ".3f"),
            Column("reported_kendall", "Kendall", ".3f"),
        ),
    ),
    Group(
        "maps under the paper's attack",
        (
            Column("attack", "attack"),
            Column("top_k", "top-k", ".3f"),
            Column("kendall", "Kendall", ".3f"),
            Column("unmoved", "unmoved", ".0%"),
            Column("images", "images", ",d"),
        ),
    ),
    Group(
        "maps under auto",
        (
            Column("auto_top_k", "top-k", ".3f"),
            Column("auto_kendall", "Kendall", ".3f"),
            Column("auto_images", "images", ",d"),
        ),
    ),
    Group(
        "control: noise of that size",
        (Column("noise_top_k", "top-k", ".3f"), Column("noise_kendall", "Kendall", ".3f")),
    ),
    Group(
        "predictions",
        (
            Column("natural", "natural", ".1%"),
            Column("attacked", "under attack", ".1%"),
            Column("autoattacked", "AutoAttack", ".1%"),
        ),
    ),
    Group(
        "faithfulness",
        (
            Column("deletion", "deletion", ".3f"),
            Column("deletion_random", "random order", ".3f"),
            Column("randomised", "weights shuffled", ".3f"),
            Column("floor", "found"),
        ),
    ),
    Group(
        "cost of training",
        (Column("steps", "steps", ",d"), Column("seconds", "seconds", ",.0f"), Column("step_cost", "step cost", ".1f")),
    ),
)
FILTERS = {"dataset": "data set", "eps": "eps", "map": "map", "method": "method"}
LEGEND = (
    "Every number of a map is an upper bound: a stronger attack can only find that less stays. What counts is the "
    "lower of the paper's attack and auto, an ensemble of attacks that fail for different reasons.",
    "Where noise of the same size moves a map as far as an attack does, the attack failed: its number says nothing. "
    "unmoved: images that the attack never changed, which count as perfectly still.",
    "top-k: share of the k highest pixels that stay among the k highest; Kendall: rank correlation of the two maps. "
    "Brackets are 95 % intervals over the images.",
    "AutoAttack: on the predictions, in the version that the index names; quick has only the two parts that aim at no "
    "class.",
    "reported: the numbers that the paper prints for this row at its own budget. The networks here were trained at the "
    "budget that the columns of costs name, most of them a small part of the paper's.",
    "faithfulness, without an attack: the mean probability of the class while the highest pixels are deleted (lower "
    "is better, and it must lie below that of a random order), and the rank correlation with the map of a network of "
    "shuffled weights (near 0 for a map that depends on what was learned). A map that is not faithful may hold still "
    "and show nothing.",
    "cost: steps and seconds of the training on the machine of whoever trained it, and a step in steps of the cheapest "
    "row of the same comparison.",
)
OWN_NETWORK = """python -m launch.compare --rows=my_row.flags --flagfile=flags/rar/mnist/evaluate_cpu.flags \\
    --data_dir=DATA --auto_level=quick --name=auto --output=runs/mine
tfrobust zoo build --runs=runs/mine --output=release
tfrobust zoo board --index=release --output=board.html"""
OWN_IMAGES = """tfrobust zoo evaluate NAME --index=INDEX --data_dir=DATA --keep_images
python -m launch.verify --network=zoo/NAME.keras --attacked=x_adv.npz --against=zoo/NAME/auto/attacked/auto.npz"""
_PAPERS_MAPS = {"ig": "integrated gradients", "gradient": "gradient", "gradshap": "grad shap", "cam": "grad cam"}


def board_page(index: Index) -> str:
    """The board of an index, as one HTML file; the same index gives the same bytes."""
    rows = [row for network in index.networks for row in network_rows(network)]
    caption = f"{len(index.networks)} networks, {len(rows)} lines"
    body = [
        html_text("Networks, what their papers report, and what was measured on their files."),
        html_sortable_table(rows, _filled(rows), FILTERS, caption),
        html_heading("How to read it"),
        html_list(LEGEND),
        html_heading("Hand in a network"),
        html_text(
            "Train and evaluate it, add it to a release of your own, and send the release: the scores are run again."
        ),
        html_code(OWN_NETWORK),
        html_heading("Hand in attacked images"),
        html_text(
            "Images that lower a bound of this board: keep the images of its evaluation, find better ones within the "
            "same ball (x_adv.npz, in their order), and let launch.verify say by how much they lower the bound. Send "
            "x_adv.npz."
        ),
        html_code(OWN_IMAGES),
        html_heading("Where the numbers come from"),
        html_text(
            "Every number is of the file whose SHA-256 the index names, and comes out again with tfrobust zoo evaluate "
            "NAME --index=INDEX. The index has the settings of each evaluation, versions and commits."
        ),
    ]
    return html_page(TITLE, body, html_sortable_head())


def _filled(rows) -> list[Group]:
    """The groups of columns that any row has a value in."""
    filled = {key for row in rows for key, value in row.items() if value not in (None, "")}
    return [group for group in GROUPS if filled & {column.key for column in group.columns}]


def network_rows(network: ZooNetwork) -> list[dict[str, Any]]:
    """The lines of a network, one for each data set, map and eps that it was evaluated with."""
    lines: dict[tuple, dict[str, Any]] = {}
    for record in network.evaluations:
        for where, own in _findings(record):
            line = lines.setdefault(where, {})
            for key, (size, values) in own.items():  # Of two evaluations of one kind that of more images counts.
                if size > line.get(key, (-1, {}))[0]:
                    line[key] = size, values
    for where in [
        where for where in lines if not where[1]
    ]:  # Of predictions alone: beside the maps within the same eps.
        beside = [other for other in lines if other[1] and (other[0], other[2]) == (where[0], where[2])]
        for other in beside:
            lines[other] = {**lines[where], **lines[other]}
        if beside:
            del lines[where]
    shared = _shared(network)
    return [
        {**shared, **_place(where), **_reported(network, where[1]), **_joined(lines[where])} for where in sorted(lines)
    ]


def _joined(line) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for _, values in line.values():
        out.update({key: value for key, value in values.items() if value is not None and out.get(key) is None})
    return out


def _findings(record: EvaluationRecord) -> Iterator[tuple[tuple, dict[str, tuple[int, dict]]]]:
    """((data set, map, eps), kind of finding -> (images, values)) of an evaluation."""
    dataset, suite, scores = str(record.data.get("name", "")), record.suite, record.scores
    natural = scores.get("natural", {})
    attack = next((task for task in suite.get("predictions", {}) if task in scores), None)
    attacked = scores.get(attack, {}) if attack else {}
    predictions = {"natural": _share(natural.get("accuracy")), "attacked": _share(attacked.get("accuracy"))}
    by_images = {"predictions": (int(natural.get("examples", 0)), predictions)}
    if strongest := scores.get(AUTOATTACK_TASK):
        autoattacked = {"autoattacked": _share(strongest.get("accuracy"))}
        by_images["autoattack"] = int(strongest.get("examples", 0)), autoattacked
    seen = set()
    for task, spec in suite.get("attributions", {}).items():
        own, name = scores.get(task), map_name(spec)
        where = dataset, name, float(own.get("eps", 0)) if own else 0.0
        kind = "auto" if task == AUTO_TASK else "paper"
        if own is None or (where, kind) in seen:
            continue
        seen.add((where, kind))
        size = int(own.get("examples", 0))
        found = {kind: (size, _of_maps(task, own, kind, size))}
        found["noise" if kind == "paper" else "noise of auto"] = (size, _noise(own))
        found.update(by_images)
        if faithful := next((value for key, value in scores.items() if key.startswith("faithfulness of ")), None):
            found["faithful"] = (int(faithful.get("examples", size)), _faithful(faithful, record.floor))
        yield where, found
    if not seen and attack:
        yield (dataset, "", float(attacked.get("eps", 0))), by_images


def map_name(spec: Any) -> str:
    """The method of a task's map in words: "integrated gradients"."""
    own = spec.get("map", {}) if isinstance(spec, dict) else {}
    kind = own.get("attribution", {}).get("kind", "") if isinstance(own, dict) else ""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(kind)).lower()


def _of_maps(task, own, kind, size) -> dict[str, Any]:
    ahead = "auto_" if kind == "auto" else ""
    values = {f"{ahead}top_k": _number(own.get("top_k_intersection")), f"{ahead}kendall": _number(own.get("kendall"))}
    said = {} if ahead else {"attack": task, "unmoved": own.get("share_not_moved")}
    return {**values, f"{ahead}images": size, **said}


def _noise(own) -> dict[str, Any]:
    return {f"noise_{key}": _number(own.get(f"noise_{name}")) for key, name in MEASURES.items()}


MEASURES = {"top_k": "top_k_intersection", "kendall": "kendall"}


def _faithful(own, floor) -> dict[str, Any]:
    values = {name: _mean(own.get(name)) for name in ("deletion", "deletion_random", "randomised")}
    return {**values, "floor": ", ".join(floor) or None}


def _shared(network) -> dict[str, Any]:
    own = ("name", "method", "steps", "seconds", "step_cost")
    return {name: getattr(network, name) for name in own}


def _place(where) -> dict[str, Any]:
    dataset, name, eps = where
    return {"dataset": dataset, "map": name or None, "eps": Entry(eps_text(eps), eps)}


def eps_text(eps: float) -> str:
    """eps as people write it: 8/255, or 0.3."""
    of_pixels = 255 * eps
    whole = abs(of_pixels - round(of_pixels)) < 1e-6 and 0 < round(of_pixels) < 51
    return f"{round(of_pixels)}/255" if whole else f"{eps:.4g}"


def _reported(network, name) -> dict[str, Any]:
    """The paper's numbers, those of maps where they are of this map; the first of several counts."""
    out: dict[str, Any] = {}
    keys = {"natural_accuracy": "natural", "adversarial_accuracy": "attacked"}
    of_maps = {"topk_intersection": "top_k", "kendall": "kendall"}
    for number in network.reported:
        key = keys.get(number.metric)
        if key is None and _PAPERS_MAPS.get(number.attribution) == name:
            key = of_maps.get(number.metric)
        if key:
            out.setdefault(f"reported_{key}", number.value)
    return out


def _mean(value) -> float | None:
    return value["mean"] if isinstance(value, dict) else value


def _number(value) -> Entry | None:
    return _entry(value, lambda number: f"{number:.3f}")


def _share(value) -> Entry | None:
    return _entry(value, lambda number: f"{100 * number:.1f}", "%")


def _entry(value, text, unit="") -> Entry | None:
    """A mean, its unit, and its interval in brackets."""
    if not isinstance(value, dict):
        return None
    ends = f" [{text(value['low'])}, {text(value['high'])}]" if "low" in value else ""
    return Entry(f"{text(value['mean'])}{unit}{ends}", value["mean"])

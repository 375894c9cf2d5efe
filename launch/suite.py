"""A suite of attacks on one network, written where people look: tables on the screen and in Markdown, a line per
example and attack, pictures."""

import os

from flags import data_flags, evaluation_flags
from launch.columns import diagnosis
from launch.command_line.given_networks import given_network
from launch.command_line.progress import SCREEN
from tfrobust import report
from tfrobust.data import to_unit
from tfrobust.distribution import check_shared_folder, is_chief
from tfrobust.evaluation import Result, Suite, run_suite
from tfrobust.evaluation.batch_cache import BatchCache
from tfrobust.experiments.fingerprints import of_suite
from tfrobust.experiments.provenance import describe_evaluation
from tfrobust.networks import load_fitting_network
from tfrobust.types import InputError

SHORT = {
    "top_k_intersection": "top-k",
    "kendall": "Kendall",
    "spearman": "Spearman",
    "pearson": "Pearson",
    "lens_recall": "LENS rec.",
    "lens_precision": "LENS prec.",
    "top_k_div": "top-k-div",
}
MAPS = (
    report.Column("task", "maps under"),
    report.Column("statistic", "of the scores"),
    *(report.Column(key, heading, ".3f") for key, heading in SHORT.items()),
    *(report.Column(f"noise_{key}", f"noise {SHORT[key]}", ".3f") for key in ("top_k_intersection", "kendall")),
    report.Column("examples", "images", ",d"),
)
OTHER = (
    report.Column("task", "maps themselves"),
    report.Column("what", "what"),
    report.Column("mean", "mean", ".3f"),
    report.Column("low", "95 % from", ".3f"),
    report.Column("high", "to", ".3f"),
    report.Column("median", "median", ".3f"),
)
STATISTICS = ("mean", "median", "std")


def evaluate_suite(fv) -> None:
    """Runs --suite on --network as the flags say, and writes everything into --output, which is there."""
    network = given_network(fv.network, fv.pixels)
    natural = load_fitting_network(fv.natural, SCREEN) if fv.natural else None
    data_spec = data_flags.from_flags(fv)
    data = data_spec.read()
    asked = evaluation_flags.suite_from_flags(fv, fv.suite, data.shape)
    suite = asked.for_network(network)
    for name in asked.transfer.keys() - suite.transfer.keys():
        print(f"left out: {name}, a map that this network cannot have ({_why(network, asked.transfer[name])})")
    if fv.suite == "er" and natural is None:
        print("left out: agreement with the natural network's maps (--natural)")
    x = to_unit(data.x_test)
    identity = {**of_suite(suite, (network, natural), x, data.y_test), "batch": fv.evaluation_batch}
    check_shared_folder(fv.output)
    keep = BatchCache(os.path.join(fv.output, "batches"), identity)
    result = run_suite(
        network, x, data.y_test, suite, *evaluation_flags.chunking(fv).for_network(network), SCREEN, keep, natural
    )
    if not is_chief():
        return
    text = tables(result, suite)
    about = {"network": fv.network, **describe_evaluation(data_spec, fv.evaluation_batch, suite.as_dict())}
    write(fv.output, result, suite, text, about)
    print(text)
    if keep.found:
        print(f"({keep.found} batches were there already)")
    print(f"written: {fv.output}")


def map_rows(result: Result, suite: Suite):
    rows = []
    for name in suite.attributions:
        if name not in result.summary:
            continue
        summary = result.summary[name]
        described = {key: value for key, value in summary.items() if isinstance(value, dict)}
        for statistic in STATISTICS:
            values = {key: value[statistic] for key, value in described.items()}
            rows.append({"task": name, "statistic": statistic, **values, "examples": summary["examples"]})
        for other in suite.transfer:
            own = {key: described[f"{other}_{key}"]["mean"] for key in SHORT}
            noise = {f"noise_{key}": described[f"{other}_noise_{key}"]["mean"] for key in SHORT}
            rows.append({"task": f"{name}, map: {other}", "statistic": "mean", **own, **noise})
    return rows


def other_rows(result: Result, suite: Suite):
    names = [n for n, summary in result.summary.items() if "accuracy" not in summary and n not in suite.attributions]
    return [
        {"task": name, "what": what, **values}
        for name in names
        for what, values in result.summary[name].items()
        if isinstance(values, dict)
    ]


def tables(result: Result, suite: Suite) -> str:
    """Everything that a person reads first, as Markdown."""
    parts = [report.markdown(result.accuracies, report.ACCURACIES)]
    if map_rows(result, suite):
        parts.append(report.markdown(map_rows(result, suite), MAPS))
    if other_rows(result, suite):
        parts.append(report.markdown(other_rows(result, suite), OTHER))
    parts.append(diagnosis(result.flags))
    return "\n".join(parts)


def write(directory: str, result: Result, suite: Suite, text: str, about_it: dict) -> None:
    """suite NAME: .md, .json, records.jsonl and pictures."""
    path = os.path.join(directory, suite.name)
    report.write_text(path + ".md", f"# Suite {suite.name}\n\n{text}")
    report.write_json(path + ".json", {"summary": result.summary, "flags": result.plain_flags, "about": about_it})
    report.write_records(path + "_records.jsonl", result.records)
    draw(path, result, suite)


def _why(network, spec) -> str:
    try:
        spec.check_network(network)
    except InputError as e:
        return str(e)
    return ""


def draw(path: str, result: Result, suite: Suite) -> None:
    """Panels of the least alike, the median and the most alike maps of each attack, box plots, curves over eps."""
    if result.maps:
        panels = [
            panel
            for name, maps in result.maps.items()
            for panel in report.worst_median_best(maps, [name] * len(maps.x))
        ]
        report.draw_panels(panels, path + "_panels.png", "lowest, median and highest Kendall of each attack", 3)
        for measure in ("kendall", "top_k_intersection"):
            groups = {name: result.scores(name, measure) for name in result.maps}
            title = f"{SHORT[measure]} of map and attacked map, every example"
            report.draw_boxes(groups, f"{path}_{measure}.png", title, SHORT[measure])
    curves = prediction_curves(result, suite)
    if curves:
        report.draw_curves(curves, path + "_eps.png", "accuracy over eps", "accuracy")
    curves = map_curves(result, suite)
    if curves:
        report.draw_curves(curves, path + "_eps_maps.png", "Kendall of map and attacked map over eps", "Kendall")


def family(name: str) -> str:
    return name.split(" at ")[0]


def prediction_curves(result: Result, suite: Suite):
    """Attacks that differ in eps alone: name -> points, the natural accuracy at 0 among them."""
    natural = result.summary["natural"]["accuracy"]
    curves = {}
    for name in suite.predictions:
        if " at " in name:
            values = result.summary[name]["accuracy"]
            first = (0.0, natural["mean"], natural["low"], natural["high"])
            point = (result.summary[name]["eps"], values["mean"], values["low"], values["high"])
            curves.setdefault(family(name), [first]).append(point)
    return {name: points for name, points in curves.items() if len(points) > 2}


def map_curves(result: Result, suite: Suite):
    """The same of Kendall's tau, under attack and under noise; 1 at eps 0."""
    families = {family(name) for name in suite.attributions if " at " in name}
    curves = {}
    for name in suite.attributions:
        if family(name).split(" on ")[0] in families and name in result.summary:
            for key, what in (("kendall", "attacked"), ("noise_kendall", "noise")):
                values, eps = result.summary[name][key], result.summary[name]["eps"]
                curves.setdefault(what, [(0.0, 1.0, 1.0, 1.0)]).append(
                    (eps, values["mean"], values["low"], values["high"])
                )
    return curves

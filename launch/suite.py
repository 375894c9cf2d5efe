"""A suite of attacks on one network, written where people look: tables on the screen and in Markdown, a line per
example and attack, pictures."""

import os
from collections.abc import Callable

from flags import data_flags, evaluation_flags
from launch.columns import diagnosis, outputs
from launch.command_line.given_networks import given_network
from launch.command_line.progress import SCREEN
from tfrobust import report
from tfrobust.data import to_unit
from tfrobust.distribution import check_shared_folder, is_chief
from tfrobust.evaluation import Evaluation, evaluate
from tfrobust.evaluation.attacked_images import write_attacked
from tfrobust.evaluation.batch_cache import BatchCache
from tfrobust.evaluation.result import IN_TABLES
from tfrobust.experiments.fingerprints import fingerprint_network, identify_evaluation
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
    report.Column("cosine", "cosine", ".3f"),
    report.Column("smoothed_cosine", "exact cosine", ".3f"),
    report.Column("certified_cosine", "certified cosine", ".3f"),
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
PARTS = (
    report.Column("task", "parts of"),
    report.Column("part", "part"),
    *(report.Column(key, SHORT[key], ".3f") for key in IN_TABLES),
    *(report.Column(f"won_{key}", f"lowest {SHORT[key]}", ".0%") for key in IN_TABLES),
    *(report.Column(f"{key}_without", f"{SHORT[key]} without it", ".3f") for key in IN_TABLES),
    report.Column("gradients", "gradients", ",.0f"),
    report.Column("seconds", "s an image", ".2f"),
)
AUTOATTACK = (
    report.Column("task", "parts of"),
    report.Column("part", "part"),
    report.Column("attacked", "images attacked", ",d"),
    report.Column("fooled", "fooled", ",d"),
    report.Column("accuracy", "accuracy after it", ".1%"),
    report.Column("low", "95 % from", ".1%"),
    report.Column("high", "to", ".1%"),
    report.Column("gradients", "gradients an image", ",.0f"),
    report.Column("queries", "queries an image", ",.0f"),
    report.Column("seconds", "s an image", ".2f"),
)
REFERENCES = (
    report.Column("method", "map"),
    report.Column("with", "beside the same map with"),
    *(report.Column(key, SHORT[key], ".3f") for key in IN_TABLES),
    *(report.Column(f"least_{key}", f"lowest {SHORT[key]}", ".0%") for key in IN_TABLES),
)
STATISTICS = ("mean", "median", "std")


def evaluate_given(fv, suite_for: Callable, write: Callable) -> None:
    """Evaluates --network on the images that the flags say; what was evaluated in --output is not evaluated again.

    Args:
        fv: the flags of launch.evaluate; --output is there.
        suite_for: (network, shape of an image) -> its suite.
        write: (network, result, what repeats it) -> None, called by the process that writes.
    """
    network = given_network(fv.network, fv.pixels, fv.head)
    natural = load_fitting_network(fv.natural, SCREEN) if fv.natural else None
    data_spec = data_flags.from_flags(fv)
    data = data_spec.read()
    suite = suite_for(network, data.shape)
    x = to_unit(data.x_test)
    identity = {**identify_evaluation(suite, (network, natural), x, data.y_test), "batch": fv.evaluation_batch}
    check_shared_folder(fv.output)
    keep = BatchCache(os.path.join(fv.output, "batches"), identity)
    batch, chunk = evaluation_flags.chunking(fv).for_network(network)
    result = evaluate(
        network,
        x,
        data.y_test,
        suite,
        batch_size=batch,
        chunk=chunk,
        progress=SCREEN,
        keep=keep,
        natural=natural,
    )
    if not is_chief():
        return
    about = describe_evaluation(data_spec, fv.evaluation_batch, suite.as_dict())
    subject = {key: identity[key] for key in ("networks", "images")}
    write(network, result, {"network": fv.network, **about, **subject})
    if fv.keep_images:
        write_attacked(os.path.join(fv.output, "attacked"), result, fingerprint_network(network))
    if keep.found:
        print(f"({keep.found} batches were there already)")
    print(f"written: {fv.output}")


def without_reference(task) -> bool:
    return not task.map.attribution.has_reference


def evaluate_suite(fv) -> None:
    """Runs --suite on --network as the flags say, and writes everything into --output, which is there."""

    def suite_for(network, shape):
        asked = evaluation_flags.suite_from_flags(fv, fv.suite, shape)
        suite = asked.for_network(network)
        for name in asked.transfer.keys() - suite.transfer.keys():
            print(f"left out: {name}, a map that this network cannot have ({_why(network, asked.transfer[name])})")
        for method in sorted({task.map.method for task in suite.attributions.values() if without_reference(task)}):
            if suite.referenced:
                print(f"left out: other references of {method}, a map that has none")
        if fv.suite == "er" and not fv.natural:
            print("left out: agreement with the natural network's maps (--natural)")
        return suite

    def write_pages(network, result, about):
        text = tables(result)
        write(fv.output, result, text, about)
        print(text)

    evaluate_given(fv, suite_for, write_pages)


def map_rows(result: Evaluation):
    rows = []
    for name in result.suite.attributions:
        if name not in result.summary:
            continue
        summary = result.summary[name]
        described = {key: value for key, value in summary.items() if isinstance(value, dict)}
        for statistic in STATISTICS:
            values = {key: value[statistic] for key, value in described.items()}
            rows.append({"task": name, "statistic": statistic, **values, "examples": summary["examples"]})
        for other in result.suite.transfer:
            own = {key: described[f"{other}_{key}"]["mean"] for key in SHORT}
            noise = {f"noise_{key}": described[f"{other}_noise_{key}"]["mean"] for key in SHORT}
            rows.append({"task": f"{name}, map: {other}", "statistic": "mean", **own, **noise})
    return rows


def other_rows(result: Evaluation):
    """Measures of maps without an attack, and of those that a dual attack leaves as they are."""
    return [
        {"task": name, "what": what, **values}
        for name, summary in result.summary.items()
        if name not in result.suite.attributions
        for what, values in summary.items()
        if isinstance(values, dict) and what != "accuracy"
    ]


def tables(result: Evaluation) -> str:
    """Everything that a person reads first, as Markdown."""
    parts = [report.markdown(result.accuracies, report.ACCURACIES)]
    for task, own in result.robustness.items():
        parts.append(report.markdown([{"task": task, **row} for row in own.rows()], AUTOATTACK))
    if map_rows(result):
        parts.append(report.markdown(map_rows(result), MAPS))
        parts.append(outputs(result))
    for task, own in result.ensembles.items():
        parts.append(report.markdown([{"task": task, **row} for row in own.parts()], PARTS))
        parts.append(_of_ensemble(result.summary[task], own))
    if other_rows(result):
        parts.append(report.markdown(other_rows(result), OTHER))
    if result.references:
        parts.append(reference_table(result))
    parts.append(diagnosis(result.flags))
    return "\n".join(parts)


def reference_table(result: Evaluation) -> str:
    """How alike maps are to those with another reference, rule or number of points."""
    rows = [{"method": method, **row} for method, own in result.references.items() for row in own.rows()]
    return report.markdown(rows, REFERENCES)


def _of_ensemble(summary, ensemble) -> str:
    """What the tables do not say of an ensemble."""
    shares = ", ".join(f"{SHORT[key]} {summary[f'share_above_half_{key}']:.0%}" for key in IN_TABLES)
    text = f"Images whose minimum stays above 0.5: {shares}."
    return f"{text}\n" if ensemble.beta is None else f"{text} Beta of the surrogate: {ensemble.beta:g}.\n"


def write(directory: str, result: Evaluation, text: str, about_it: dict) -> None:
    """suite NAME: .md, .json, records.jsonl and pictures."""
    path = os.path.join(directory, result.suite.name)
    report.write_text(path + ".md", f"# Suite {result.suite.name}\n\n{text}")
    report.write_json(path + ".json", {**result.without_records(), "about": about_it})
    report.write_records(path + "_records.jsonl", result.records)
    draw(path, result)


def _why(network, spec) -> str:
    try:
        spec.check_network(network)
    except InputError as e:
        return str(e)
    return ""


def draw(path: str, result: Evaluation) -> None:
    """Panels of the least alike, the median and the most alike maps of each attack, box plots, curves over eps."""
    if result.maps:
        panels = [
            panel
            for name, maps in result.maps.items()
            for panel in report.worst_median_best(maps, [name] * len(maps.x))
        ]
        report.draw_pages(panels, path + "_panels.png", "lowest, median and highest Kendall of each attack", 3)
        for measure in ("kendall", "top_k_intersection"):
            groups = {name: result.scores(name, measure) for name in result.maps}
            title = f"{SHORT[measure]} of map and attacked map, every example"
            report.draw_boxes(groups, f"{path}_{measure}.png", title, SHORT[measure])
    curves = prediction_curves(result)
    if curves:
        report.draw_curves(curves, path + "_eps.png", "accuracy over eps", "accuracy")
    for task, own in result.ensembles.items():
        for measure, curves in own.curves().items():
            points = {part: [(spent, mean, mean, mean) for spent, mean in curve] for part, curve in curves.items()}
            title = f"mean of the lowest {SHORT[measure]} so far by each part"
            report.draw_curves(points, f"{path}_{task}_{measure}_spent.png", title, SHORT[measure], "gradients")
    curves = certified_curves(result)
    if curves:
        title = "cosine of smoothed maps under attack, and its certified lower bound"
        report.draw_curves(curves, path + "_certified.png", title, "cosine")
    curves = map_curves(result)
    if curves:
        report.draw_curves(curves, path + "_eps_maps.png", "Kendall of map and attacked map over eps", "Kendall")


def family(name: str) -> str:
    return name.split(" at ")[0]


def prediction_curves(result: Evaluation):
    """Attacks that differ in eps alone: name -> points, the natural accuracy at 0 among them."""
    natural = result.summary["natural"]["accuracy"]
    curves = {}
    for name in result.suite.predictions:
        if " at " in name:
            values = result.summary[name]["accuracy"]
            first = (0.0, natural["mean"], natural["low"], natural["high"])
            point = (result.summary[name]["eps"], values["mean"], values["low"], values["high"])
            curves.setdefault(family(name), [first]).append(point)
    return {name: points for name, points in curves.items() if len(points) > 2}


def certified_curves(result: Evaluation):
    """The cosine of the exact smoothed maps over eps, attacked and certified; 1 at eps 0."""
    curves = {}
    for name in result.suite.attributions:
        for key, what in (("smoothed_cosine", "attacked"), ("certified_cosine", "certified")):
            values = result.summary.get(name, {}).get(key)
            if values:
                point = (result.summary[name]["eps"], *(values[end] for end in ("mean", "low", "high")))
                curves.setdefault(what, [(0.0, 1.0, 1.0, 1.0)]).append(point)
    return curves


def map_curves(result: Evaluation):
    """The same of Kendall's tau, under attack and under noise; 1 at eps 0."""
    families = {family(name) for name in result.suite.attributions if " at " in name}
    curves = {}
    for name in result.suite.attributions:
        if family(name).split(" on ")[0] in families and name in result.summary:
            for key, what in (("kendall", "attacked"), ("noise_kendall", "noise")):
                values, eps = result.summary[name][key], result.summary[name]["eps"]
                curves.setdefault(what, [(0.0, 1.0, 1.0, 1.0)]).append(
                    (eps, values["mean"], values["low"], values["high"])
                )
    return curves

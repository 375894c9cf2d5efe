"""Ranks networks by how still their maps stay, under a paper's attack and under the ensemble auto.

python examples/rank_networks.py OUTPUT DATASET SOURCE NAME=NETWORK.keras[=PAPER] ...

DATASET names the budget (eps, steps, k); SOURCE is where its images are, - for a data set that needs none.  PAPER, art
or far, is the one whose attack is made beside auto and RAR's.
"""

import dataclasses
import json
import os
import sys

import numpy as np
from scipy import stats

from tfrobust.attributions import make_map
from tfrobust.data import load, to_unit
from tfrobust.evaluation import MapTask, Suite, evaluate
from tfrobust.evaluation.batch_cache import BatchCache
from tfrobust.experiments.fingerprints import identify_evaluation
from tfrobust.networks import load_network
from tfrobust.papers.suites import budget, make_suite
from tfrobust.similarity import Comparison

MEASURES = ("kendall", "spearman", "top_k_intersection")
ATTACKS = {"rar": "RAR's attack", "art": "ART's attack", "far": "FAR's attack"}
RESAMPLES = 1000


def suite_of(dataset: str, shape, papers, images: int, level: str, *, path_points: int, doubled: int) -> Suite:
    """auto, and beside it the attacks of papers on the same map, all measured with the same k."""
    suite = make_suite("auto", dataset, shape, level=level)
    attacks = {"auto": suite.first_task.attack}
    for paper in papers:
        attack = make_suite(paper, dataset, shape).attributions["IFIA on IG"].attack
        attacks[ATTACKS[paper]] = dataclasses.replace(attack, eps=attacks["auto"].eps)
    spec, comparison = make_map(steps=path_points), Comparison(budget(dataset, shape).k)
    tasks = {name: MapTask(spec, attack, comparison) for name, attack in attacks.items()}
    counts = {"examples": 2 * images, "attribution_examples": images, "doubled": doubled}
    return dataclasses.replace(suite, attributions=tasks, aligned=False, **counts)


def scores_of(result, task: str) -> dict[str, np.ndarray]:
    """measure -> the score of each image."""
    return {measure: np.array([r[measure] for r in result.records_of(task)]) for measure in MEASURES}


def row_of(result) -> dict:
    """What a table says of one network: means, the share of images on which auto is at or below, flags, parts."""
    row = {"images": result.summary["auto"]["examples"], "ensemble": result.ensembles["auto"].as_dict()}
    row["floor"] = result.below_floor
    row["flags"] = {task: [flag.name for flag in own if flag.raised] for task, own in result.flags.items()}
    row["faithfulness"] = result.summary["faithfulness of integrated_gradients"]
    auto = scores_of(result, "auto")
    for task in result.suite.attributions:
        own = scores_of(result, task)
        row[task] = {measure: result.summary[task][measure] for measure in (*MEASURES, "noise_kendall")}
        row[task]["auto_at_or_below"] = {m: float(np.mean(auto[m] <= own[m] + 1e-9)) for m in MEASURES}
    return row


def order_agreement(scores: dict[str, dict], measure: str) -> dict[str, float]:
    """Kendall's tau between the orders of the networks under RAR's attack and under auto, and its 95 % interval over
    resampled images."""
    rng = np.random.default_rng(0)

    def tau(draw):
        means = [[np.mean(draw(own[task][measure])) for own in scores.values()] for task in ("auto", ATTACKS["rar"])]
        return float(stats.kendalltau(*means)[0])

    resampled = [tau(lambda v: v[rng.integers(len(v), size=len(v))]) for _ in range(RESAMPLES)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return {"tau": tau(lambda v: v), "low": float(low), "high": float(high)}


def main(
    output: str,
    dataset: str,
    source: str,
    *networks: str,
    images: int = 100,
    level: str = "quick",
    path_points: int = 50,
    doubled: int = 0,
) -> None:
    """Prints a line per network and attack, and how far their orders agree; writes OUTPUT/ranking.json."""
    data = load(dataset, None if source == "-" else source)
    x, rows, scores = to_unit(data.x_test), {}, {}
    for name, path, *paper in (network.split("=") for network in networks):
        suite = suite_of(dataset, data.shape, ["rar", *paper], images, level, path_points=path_points, doubled=doubled)
        network = load_network(path)
        keep = BatchCache(os.path.join(output, name), identify_evaluation(suite, [network], x, data.y_test))
        result = evaluate(network, x, data.y_test, suite, keep=keep)
        if not result.maps:
            print(f"{name}: left out, none of its images is predicted correctly")
            continue
        rows[name], scores[name] = row_of(result), {task: scores_of(result, task) for task in suite.attributions}
        if "constant map" in result.below_floor:
            print(f"{name}: measured, but not ranked, because its map is constant")
            scores.pop(name)
        for task in suite.attributions:
            means = ", ".join(f"{measure} {rows[name][task][measure]['mean']:.3f}" for measure in MEASURES)
            print(f"{name}, {task}: {means}", flush=True)
    orders = {measure: order_agreement(scores, measure) for measure in MEASURES} if len(scores) > 1 else {}
    for measure, own in orders.items():
        print(f"{measure}: orders agree with tau {own['tau']:.2f} [{own['low']:.2f}, {own['high']:.2f}]")
    with open(os.path.join(output, "ranking.json"), "w", encoding="utf-8") as file:
        json.dump({"rows": rows, "orders": orders}, file, indent=1)


if __name__ == "__main__":
    settings = dict(a[2:].split("=", 1) for a in sys.argv[1:] if a.startswith("--"))
    known = {name: value if name == "level" else int(value) for name, value in settings.items()}
    main(*(a for a in sys.argv[1:] if not a.startswith("--")), **known)

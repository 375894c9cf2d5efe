"""Ranks networks by how still their maps stay under the papers' attacks and under the ensemble auto.

python examples/rank_networks.py OUTPUT DATASET SOURCE IMAGES LEVEL NAME=NETWORK.keras ...

DATASET names the budget (eps, steps, k); SOURCE is where its images are, - for a data set that needs none.
"""

import dataclasses
import json
import os
import sys
from typing import Dict, Optional

import numpy as np
from scipy import stats

from tfrobust.data import load, to_unit
from tfrobust.evaluation import Suite, evaluate
from tfrobust.evaluation.batch_cache import BatchCache
from tfrobust.experiments.fingerprints import identify_evaluation
from tfrobust.networks import load_network
from tfrobust.papers.suites import make_suite

MEASURES = ("kendall", "spearman", "top_k_intersection")
PAPERS = ("rar", "art", "far")  # Of which the attack on Integrated Gradients is made beside auto.
RESAMPLES = 1000


def suite_of(dataset: str, shape, images: int, level: str, path_points: Optional[int], doubled: int) -> Suite:
    """auto, and beside it the papers' attacks on the same map, measured with the same k."""
    suite = make_suite("auto", dataset, shape, level=level)
    auto = suite.attributions["auto"]
    if path_points:
        auto = dataclasses.replace(
            auto, map=dataclasses.replace(auto.map, attribution=type(auto.map.attribution)(path_points))
        )
    tasks = {"auto": auto}
    for paper in PAPERS:
        attack = make_suite(paper, dataset, shape).attributions["IFIA on IG"].attack
        tasks[paper] = dataclasses.replace(auto, attack=dataclasses.replace(attack, eps=auto.attack.eps))
    return dataclasses.replace(
        suite, attributions=tasks, examples=2 * images, attribution_examples=images, doubled=doubled, aligned=False
    )


def scores_of(result, task: str) -> Dict[str, np.ndarray]:
    """measure -> the score of each image."""
    return {measure: np.array([r[measure] for r in result.records_of(task)]) for measure in MEASURES}


def row_of(name: str, result) -> Dict:
    """What a table says of one network."""
    row = {"network": name, "images": result.summary["auto"]["examples"]}
    row["flags"] = {task: [f.name for f in own if f.raised] for task, own in result.flags.items()}
    row["parts"] = result.ensembles["auto"].as_dict()
    row["faithfulness"] = result.summary["faithfulness of integrated_gradients"]
    auto = scores_of(result, "auto")
    for task in ("auto", *PAPERS):
        own = scores_of(result, task)
        row[task] = {measure: result.summary[task][measure] for measure in MEASURES}
        row[task]["auto_at_or_below"] = {m: float(np.mean(auto[m] <= own[m] + 1e-9)) for m in MEASURES}
    return row


def order_agreement(scores: Dict[str, Dict[str, np.ndarray]], task: str, measure: str) -> Dict[str, float]:
    """Kendall's tau between the orders of the networks under a paper's attack and under auto, with the interval over
    resampled images (each network has its own)."""
    names = list(scores)

    def tau(draw):
        means = [[np.mean(draw(scores[name][t][measure])) for name in names] for t in (task, "auto")]
        return stats.kendalltau(*means)[0]

    rng = np.random.default_rng(0)
    taus = [tau(lambda v: v[rng.integers(len(v), size=len(v))]) for _ in range(RESAMPLES)]
    low, high = np.percentile(taus, [2.5, 97.5])
    return {"tau": float(tau(lambda v: v)), "low": float(low), "high": float(high)}


def main(
    output: str,
    dataset: str = "digits",
    source: str = "-",
    images: str = "100",
    level: str = "quick",
    *networks: str,
    path_points: Optional[int] = None,
    doubled: int = 20,
) -> None:
    """Writes OUTPUT/ranking.json and prints a line per network and attack."""
    data = load(dataset, None if source == "-" else source)
    x = to_unit(data.x_test)
    suite = suite_of(dataset, data.shape, int(images), level, path_points, doubled)
    rows, scores = [], {}
    for name, path in (network.split("=", 1) for network in networks):
        network = load_network(path)
        keep = BatchCache(os.path.join(output, name), identify_evaluation(suite, [network], x, data.y_test))
        result = evaluate(network, x, data.y_test, suite, keep=keep)
        rows.append(row_of(name, result))
        scores[name] = {task: scores_of(result, task) for task in ("auto", *PAPERS)}
        for task in ("auto", *PAPERS):
            means = ", ".join(f"{m} {rows[-1][task][m]['mean']:.3f}" for m in MEASURES)
            print(f"{name} under {task}: {means}", flush=True)
    orders = {t: {m: order_agreement(scores, t, m) for m in MEASURES} for t in PAPERS} if len(rows) > 1 else {}
    for task, own in orders.items():
        said = ", ".join(f"{m} {own[m]['tau']:.2f} [{own[m]['low']:.2f}, {own[m]['high']:.2f}]" for m in MEASURES)
        print(f"order under {task} and under auto: {said}")
    with open(os.path.join(output, "ranking.json"), "w", encoding="utf-8") as file:
        json.dump({"suite": suite.as_dict(), "rows": rows, "orders": orders}, file, indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Every table and sweep of the papers, on made images at the smoke budget; and that a number is the one it says."""

import csv
import json
import os

import numpy as np
import pytest
import tensorflow as tf

from launch import budgets, downstream, measurements, reproduce, rows, verb
from launch.tasks import corruptions
from launch.trained_rows import NETWORK
from tests.helpers import ROOT, run_tests
from tfrobust import data, report
from tfrobust.data import FACTS
from tfrobust.evaluation import make_suite
from tfrobust.networks import load_network

TABLES = [(*name.split(), dataset) for name, sets in reproduce.tables().items() for dataset in sets]
# What the papers print and is not measured: localization, segmentation, corruptions, claims, people.
ELSEWHERE = ("top1_seg", "claimed", "human", "train", "relative")


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(corruptions, "SEVERITIES", (3,))  # Of five: what is drawn eagerly takes its time.


@pytest.fixture(scope="module", autouse=True)
def eagerly():
    """Two steps are over before the graph of one would be traced."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reproduced")


def made(folder, dataset):
    """A data set of the right classes and channels, of 8x8 pixels, with boxes and masks."""
    facts, path = FACTS[dataset.removesuffix("_c")], os.path.join(folder, f"{dataset}.npz")
    if not os.path.exists(path):
        n = max(20, facts.classes)
        x = np.random.RandomState(0).randint(0, 256, (n, 8, 8, facts.shape[2])).astype(np.uint8)
        y, boxes = np.arange(n) % facts.classes, np.tile([0.0, 0.0, 0.5, 0.5], (n, 1))
        test = {"x_test": x[:40], "y_test": y[:40]} if facts.classes > 40 else {"x_test": x, "y_test": y}
        masks = np.ones((n, 8, 8), np.uint8)
        test["boxes_test"] = boxes[: len(test["x_test"])]
        np.savez(path, x_train=x, y_train=y, boxes_train=boxes, masks_train=masks, **test)
    return path


def call(folder, *flags, source=None, budget="smoke"):
    more = [f"--source={source}"] if source else []
    return reproduce.main(["reproduce", f"--output={folder}/out", f"--budget={budget}", *flags, *more])


def smoke(folder, paper, table, dataset, *more):
    flags = f"--paper={paper}", f"--table={table}", f"--dataset={dataset}"
    assert call(folder, *flags, *more, source=made(folder, dataset)) == 0
    return os.path.join(folder, "out", "tables", f"{paper}_{table}_{dataset}_smoke")


@pytest.mark.parametrize("paper, table, dataset", TABLES)
def test_every_row_of_every_table_trains_and_is_measured(paper, table, dataset, folder):
    path = smoke(folder, paper, table, dataset)
    with open(path + ".json", encoding="utf-8") as file:
        found = json.load(file)
    own = [r for r in report.paper_rows() if (r.paper, r.table, r.dataset) == (paper, table, dataset)]
    assert len(found["lines"]) == len(own)
    for line in found["lines"]:
        assert bool(line["note"]) != (line.get("steps") == 2)
    accuracies = [c for c in found["cells"] if c["column"] == "natural" or c["column"].startswith("PGD")]
    trained = {line["network"] for line in found["lines"] if not line["note"]}
    assert all(c["measured"] is not None for c in accuracies if c["line"] in trained)
    with open(path + ".csv", encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(found["cells"])
    for ending in (".md", ".tex", ".html"):
        with open(path + ending, encoding="utf-8") as file:
            assert own[0].method in file.read().replace("\\", "")
    assert ((paper, table) in measurements.SWEEPS) == os.path.exists(path + ".png")


def test_a_measured_number_is_that_of_the_saved_network_on_the_test_images(folder):
    path = smoke(folder, "rar", "T2", "gtsrb", "--methods=madry")
    with open(path + ".json", encoding="utf-8") as file:
        found = json.load(file)
    run = found["lines"][0]["run"]
    loaded = data.load(made(folder, "gtsrb"))
    equalized = data.augmented(loaded, None, equalized=True)
    network = load_network(os.path.join(run, NETWORK))
    predicted = np.argmax(network.predict(data.to_unit(equalized.x_test), verbose=0), axis=1)
    cell = next(c for c in found["cells"] if c["column"] == "natural")
    assert cell["measured"] == pytest.approx(100 * np.mean(predicted == loaded.y_test))
    assert cell["reported"] == next(
        n.value for n in report.reported() if n[:5] == ("rar", "T2", "gtsrb", "resnet_rar", "madry")
    )
    assert cell["difference"] == pytest.approx(cell["measured"] - cell["reported"])


def test_localization_and_corruptions_are_those_of_the_downstream_tasks(folder):
    path = smoke(folder, "art", "T2", "cub200", "--methods=natural")
    with open(path + ".json", encoding="utf-8") as file:
        found = json.load(file)
    cells = [c for c in found["cells"] if "loc" in c["column"] and c["line"] == "natural [resnet50]"]
    assert {c["column"]: c["reported"] for c in cells}["gradient gt known loc"] == 50.2
    run = next(line["run"] for line in found["lines"] if line["network"] == "natural [resnet50]")
    network = os.path.join(run, NETWORK)
    argv = ["downstream", "--task=localization", f"--networks=n={network}", f"--dataset={made(folder, 'cub200')}"]
    assert downstream.main([*argv, f"--output={folder}/d", "--held_out_examples=5"]) == 0
    with open(folder / "d" / "localization.json", encoding="utf-8") as file:
        gradient = json.load(file)["rows"][0]
    measured = {c["column"]: c["measured"] for c in cells}
    assert measured["gradient gt known loc"] == pytest.approx(100 * gradient["gt_known_loc"])
    assert measured["gradient top1 loc"] == pytest.approx(100 * gradient["top1_loc"])
    path = smoke(folder, "art", "T3", "cifar10_c", "--methods=natural")
    with open(path + ".json", encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    assert len(cells) == 15 and all(0 <= c["measured"] <= 100 and c["low"] <= c["measured"] <= c["high"] for c in cells)


def test_what_is_there_is_not_made_again(folder):
    path = smoke(folder, "rar", "T2", "mnist")
    with open(path + ".json", encoding="utf-8") as file:
        first = json.load(file)
    files = [os.path.join(line["run"], NETWORK) for line in first["lines"]]
    before = [os.stat(f).st_mtime_ns for f in files]
    os.remove(path + ".json")
    again = smoke(folder, "rar", "T2", "mnist")
    with open(again + ".json", encoding="utf-8") as file:
        second = json.load(file)
    assert [os.stat(f).st_mtime_ns for f in files] == before and second["cells"] == first["cells"]


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--table=T2"], "--paper and --table are required"),
        (["--paper=rar", "--table=T9"], "rar has T2, T3, T4"),
        (["--paper=rar", "--table=T2", "--dataset=svhn"], "has mnist, fashion_mnist"),
        (["--paper=rar", "--table=T2", "--dataset=mnist", "--methods=sat"], "no rows"),
        (["--paper=rar", "--table=T2", "--source=x.npz"], "--source needs --dataset"),
        (["--paper=rar", "--table=T2", "--dataset=mnist", "--data_dir=/no/such/folder"], "not a folder"),
        (["--paper=xyz"], "--paper"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(flags, words, folder, capsys):
    assert call(folder, *flags) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("reproduce:")]
    assert len(err) == 1 and words in err[0]


def test_the_list_names_every_table(capsys):
    assert reproduce.main(["reproduce", "--list"]) == 0
    out = capsys.readouterr().out
    assert "art T5" in out.replace("   ", "") and len(out.splitlines()) == len(reproduce.tables())


def test_every_printed_number_is_measured_or_known_not_to_be():
    for n in report.reported():
        if n.dataset and n.method not in ("adl", "jarn", "cure"):
            facts = FACTS[n.dataset.removesuffix("_c")]
            m = measurements.measurement(n, make_suite(n.paper, n.dataset.removesuffix("_c"), facts.shape))
            assert (m is None) == n.metric.startswith(ELSEWHERE), n


def test_numbers_of_one_line_have_columns_of_their_own():
    seen = set()
    for n in report.reported():
        if n.dataset and n.table != "text" and n.method not in ("adl", "jarn", "cure"):
            shape = FACTS[n.dataset.removesuffix("_c")].shape
            m = measurements.measurement(n, make_suite(n.paper, n.dataset.removesuffix("_c"), shape))
            key = (*report.row_of(n), m.heading if m else n.metric + n.attribution)
            assert key not in seen, key
            seen.add(key)


@pytest.mark.parametrize(
    "variant, task, eps, steps",
    [
        ("attack=PGD-20; eps=3/255", "PGD-20 at 3/8 eps", 3 / 255, 20),
        ("noise in [-8/255, 8/255]; attack=uniform noise; eps=16/255", "noise at 16/8 eps", 16 / 255, 0),
        ("attack=TRADES; eps=2/255", "TRADES at 2/8 eps", 2 / 255, 5),
    ],
)
def test_an_attack_of_sat_is_the_one_it_is_called(variant, task, eps, steps):
    n = report.Reported(
        "sat", "T4", "cifar100", "resnet34", "natural", variant, "", "adversarial_accuracy", 1.0, "", "0"
    )
    m = measurements.measurement(n, make_suite("sat", "cifar100", (32, 32, 3)))
    assert (m.task, m.spec.eps, m.spec.steps) == (task, pytest.approx(eps), steps)


def test_er_gives_medians_and_the_others_means():
    for paper, want in (("er", "median"), ("rar", "mean")):
        n = report.Reported(paper, "T1c", "mnist", "mnist_cnn", "natural", "", "ig", "kendall", 0.1, "fraction", "0")
        assert measurements.measurement(n, make_suite(paper, "mnist", (28, 28, 1))).statistic == want


def test_a_budget_only_cuts_and_an_attack_goes_as_far():
    row = rows.read_row("flags/rar/mnist/ig_norm.flags")
    assert budgets.overrides(row, 55000, None) == []
    given = budgets.overrides(row, 55000, budgets.BUDGETS["cpu"])
    cut = rows.read_row("flags/rar/mnist/ig_norm.flags", given)
    assert cut.spec.steps == 1000 and cut.objective.attack_steps * cut.objective.step_size == pytest.approx(0.4)
    assert (cut.objective.eps, cut.objective.attribution_weight) == (
        row.objective.eps,
        row.objective.attribution_weight,
    )
    suite = make_suite("rar", "flower17", (128, 128, 3))
    small = budgets.evaluated(suite, (64, 64, 3), 128, budgets.BUDGETS["cpu"])
    (spec, attack) = small.attributions["IFIA on IG"]
    assert spec.k == attack.k == 250 and attack.steps == 20 and attack.eps == 8 / 255


def test_sat_is_annealed_over_a_short_run_as_over_the_papers_epochs():
    path = "flags/sat/tiny_imagenet/sat_boxes.flags"
    row = rows.read_row(path)
    cut = rows.read_row(path, budgets.overrides(row, 100000, budgets.BUDGETS["cpu"]))
    assert cut.objective.alpha**cut.spec.steps == pytest.approx(row.objective.alpha**200)
    assert cut.objective.anneal == "step"


def test_the_help_says_what_a_budget_is():
    text = verb.help_text("reproduce", reproduce.__doc__, (reproduce.reproduce_flags,))
    assert "--budget" in text and "smoke" in text and "--list" in text


if __name__ == "__main__":
    run_tests(__file__)

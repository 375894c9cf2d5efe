"""Every table and sweep of the papers, on made images at the smoke budget; and that a number is the one it says."""

import csv
import dataclasses
import functools
import importlib
import json
import os
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from flags import recipe_flags
from launch import downstream, reproduce
from launch.command_line import verb
from tests.helpers import ROOT, run_tests, shorten_auto, the_step
from tests.launch.covering import TABLES, covering, kind, shown
from tests.shallow import be_shallow
from tfrobust import data, report, training
from tfrobust.attacks import auto
from tfrobust.data import FACTS
from tfrobust.downstream import TaskSettings
from tfrobust.downstream.heatmaps import heat_maps
from tfrobust.downstream.segmentation import segment
from tfrobust.downstream.tasks import common, corruptions, localization
from tfrobust.evaluation import Suite, evaluate
from tfrobust.evaluation.evaluator import Evaluator
from tfrobust.experiments import fingerprints, saliency_maps, training_run
from tfrobust.experiments.saved_runs import NETWORK
from tfrobust.experiments.settings_file import text_of
from tfrobust.networks import check_network, load_network
from tfrobust.objectives.inner import InnerMax
from tfrobust.papers import (
    budgets,
    downstream_numbers,
    measurements,
    paper_table,
    reproduced_table,
    reproduction,
    table_lines,
)
from tfrobust.papers.reported import Reported, paper_rows, reported_numbers, row_of
from tfrobust.papers.suites import make_suite
from tfrobust.papers.table_lines import columns_of, read_lines
from tfrobust.papers.tables import tables
from tfrobust.types import Batch

pytestmark = pytest.mark.usefixtures("eagerly")
suite_of = functools.cache(make_suite)  # For each of the printed numbers.
# What the papers print and is not measured: claims, people.
ELSEWHERE = ("claimed", "human")
# Why a printed number is none that a network can be measured for, and how many there are of each kind.
LEFT_OUT = {
    "a claim, no row of a network": 11,
    "a bound for no named data set: no measurement of a network": 2,
    "people of a study were asked: no measurement of a network": 12,
    "a method of another paper, not trained here": 4,
    "another paper's network, copied": 2,
}


@pytest.fixture(autouse=True)
def at_root(monkeypatch, request):
    monkeypatch.chdir(ROOT)
    if not request.node.get_closest_marker("exhaustive"):
        be_shallow(monkeypatch.setattr)  # The smoke budget has digits_cnn.
    # What is drawn or tried eagerly takes its time: one severity of five, a thirtieth of the grid of a spatial attack.
    monkeypatch.setattr(corruptions, "SEVERITIES", (3,))
    for name in () if request.node.get_closest_marker("exhaustive") else ("ROTATIONS", "SHIFTS"):
        monkeypatch.setattr(importlib.import_module("tfrobust.attacks.spatial"), name, 3)


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
        test.update(boxes_test=boxes[: len(test["x_test"])], masks_test=masks[: len(test["x_test"])])
        np.savez(path, x_train=x, y_train=y, boxes_train=boxes, masks_train=masks, **test)
    return path


def images_of(folder, dataset):
    loaded = data.load(made(folder, dataset))
    return loaded.x_test, loaded.y_test


def call(folder, *flags, source=None, budget="smoke"):
    more = [f"--source={source}"] if source else []
    return reproduce.main(["reproduce", f"--output={folder}/out", f"--budget={budget}", *flags, *more])


def smoke(folder, paper, table, dataset, *more):
    flags = f"--paper={paper}", f"--table={table}", f"--dataset={dataset}"
    assert call(folder, *flags, *more, source=made(folder, dataset)) == 0
    return os.path.join(folder, "out", "tables", f"{paper}_{table}_{dataset}_smoke")


def check_table(path, table, names=None):
    """The files of a table say what they should: all its lines, or those of these names."""
    with open(path + ".json", encoding="utf-8") as file:
        found = json.load(file)
    own = [r for r in paper_rows() if (r.paper, r.table, r.dataset) == table]
    assert len(found["lines"]) == len(names or own) > 0
    for line in found["lines"]:
        assert bool(line["note"]) != (line.get("steps") == 2)
    trained = {line["network"] for line in found["lines"] if not line["note"]}
    assert names is None or trained == set(names)
    accuracies = [c for c in found["cells"] if c["column"] == "natural" or c["column"].startswith("PGD")]
    assert all(c["measured"] is not None for c in accuracies if c["line"] in trained)
    with open(path + ".csv", encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(found["cells"]) > 0
    methods = {r.method for r in own} if names is None else {name.split()[0] for name in names}
    for ending in (".md", ".tex", ".html"):
        with open(path + ending, encoding="utf-8") as file:
            text = file.read().replace("\\", "")
        assert all(method in text for method in methods)
    assert ((table.paper, table.table) in measurements.SWEEPS) == os.path.exists(path + ".png")


def chosen_lines(names, *given):
    return [line for line in read_lines(*given) if line.name in names]


def new_columns(names, line, *given):
    """Of the columns of a line one for each kind of number that no chosen line before it has, or its first."""
    kinds = {kind(m): (m, number) for m, number in reversed(columns_of(line, *given)) if m}
    return [column for of, column in kinds.items() if of in names[line.name]] or list(kinds.values())[-1:]


@pytest.mark.parametrize("paper", [paper for paper in reproduce.PAPERS if paper != "far"])  # Its kinds others have.
def test_a_line_of_each_kind_of_number_trains_and_is_measured(paper, folder, monkeypatch):
    """The whole verb, for the few lines of covering.py and one number of each kind."""
    for table, names in covering().items():
        if table.paper == paper:
            with monkeypatch.context() as patch:
                patch.setattr(reproduced_table, "read_lines", functools.partial(chosen_lines, names))
                patch.setattr(reproduced_table, "columns_of", functools.partial(new_columns, names))
                check_table(smoke(folder, *table), table, names)


def test_the_chosen_lines_cover_every_kind_of_number():
    wanted = set().union(*shown().values())
    assert set().union(*(shown()[table, name] for table, names in covering().items() for name in names)) == wanted
    kinds = [each for names in covering().values() for new in names.values() for each in new]
    assert len(kinds) == len(set(kinds)) == len(wanted) == 13
    assert {table.paper for table in covering()} == {*reproduce.PAPERS} - {"far"}


def choices(spec):
    """What a dataclass, and those within it, chooses: of a number, whether it is 0; of anything else, its value."""
    if dataclasses.is_dataclass(spec):
        return type(spec), *((f.name, choices(getattr(spec, f.name))) for f in dataclasses.fields(spec))
    return spec != 0 if isinstance(spec, (int, float)) and not isinstance(spec, bool) else str(spec)


class OneStep:
    """Takes the places of training and evaluation, which are computed once for what differs in numbers alone: of a
    row, one inner maximum and one outer step on two images; of a suite, each kind of attack on the first network that
    meets it; of a teacher, its maps on images of as many channels; of a network, what its layers and weights say; of a
    flagfile, its recipe.  The pictures of sweeps are left out: the test above has one."""

    def __init__(self):
        self.networks, self.runs, self.steps, self.results, self.attacks, self.maps = {}, {}, set(), {}, {}, {}
        self.checked, self.lines = set(), []
        self.evaluate, self.summaries = reproduction.evaluate, downstream_numbers.summaries
        self.make_maps, self.read = saliency_maps.make_maps, functools.cache(recipe_flags.read)
        self.fingerprint = functools.cache(fingerprints.fingerprint_network)
        self.in_float32 = functools.cache(reproduction.in_float32)

    def step_in(self, monkeypatch):
        monkeypatch.setattr(training_run, "train", self.train)
        for module in (reproduction, training_run):
            monkeypatch.setattr(module, "load_network", self.runs.__getitem__)
        monkeypatch.setattr(saliency_maps, "load_fitting_network", lambda path, progress: self.runs[path])
        monkeypatch.setattr(reproduction, "evaluate", self.of_suite)
        monkeypatch.setattr(downstream_numbers, "summaries", self.of_downstream)
        monkeypatch.setattr(saliency_maps, "make_maps", self.of_teacher)
        monkeypatch.setattr(saliency_maps, "check_network", self.check)
        monkeypatch.setattr(fingerprints, "fingerprint_network", self.fingerprint)  # No network of them is trained.
        monkeypatch.setattr(reproduction, "in_float32", self.in_float32)
        monkeypatch.setattr(report, "draw_curves", self.draw)
        monkeypatch.setattr(
            recipe_flags, "read", lambda path, given=(), *_, **more: self.read(path, tuple(given), **more)
        )
        for name, own in (("read_lines", self.read_lines), ("write_paper_table", self.write)):
            monkeypatch.setattr(reproduced_table, name, own)
        for name in ("_attack_predictions", "_attack_maps"):
            monkeypatch.setattr(Evaluator, name, self.once(getattr(Evaluator, name)))

    def train(self, recipe, images, directory, progress, wait):
        """The folder of a finished run, whose network is as it began, and whose one step was looked at."""
        training_run.check_recipe(recipe, images)
        assert text_of(recipe.identity())
        network = self.network(recipe, images)
        if recipe.model.initial:
            initial = self.runs[recipe.model.initial.file]
            assert [w.shape for w in initial.get_weights()] == [w.shape for w in network.get_weights()]
        key = choices(recipe.objective), images.shape[-1], str([source.kind for source in recipe.saliency])
        if key not in self.steps:
            self.step(recipe, network, images)
            self.steps.add(key)
        path = os.path.join(directory, NETWORK)
        os.makedirs(directory, exist_ok=True)
        report.write_text(path, "a network")  # A recipe whose teacher it is looks for its file.
        self.runs[path] = network
        return training.Trained(network, seconds=1.0, resumed_at=0)

    def network(self, recipe, images):
        model = recipe.model
        key = model.name, model.width, model.initialization, recipe.training.seed, images.shape, images.classes
        if key not in self.networks:
            self.networks[key] = training_run.new_network(recipe, images)
        return self.networks[key]

    def step(self, recipe, network, images):
        maps = None if images.saliency is None else tf.constant(images.saliency[:2], tf.float32)
        x, y = tf.constant(data.to_unit(images.x_train[:2])), tf.constant(images.y_train[:2], tf.int32)
        batch = Batch(x, y, maps)
        x_adv = recipe.objective.inner(network, batch, the_step())
        terms = recipe.objective.outer(network, batch, x_adv, the_step())
        assert x_adv.shape == batch.x.shape and np.isfinite(x_adv).all() and terms
        if isinstance(recipe.objective, InnerMax):  # What its first step leaves as it is, no later one moves.
            assert np.any(x_adv != batch.x, axis=(1, 2, 3)).all(), recipe.name
        for name, term in terms.items():
            assert term.shape == [2] and np.isfinite(term).all(), (recipe.name, name)

    def of_suite(self, network, x, y, suite, natural, **given):
        key = str(suite.as_dict()), x.shape, network.output_shape, natural is None
        if key not in self.results:
            self.results[key] = self.evaluate(network, x, y, suite, natural=natural, **given)
        return self.results[key]

    def once(self, method):
        """A task of a suite: what was found for the first of its kind is the summary of the others too."""

        def task(evaluator, name, *given):
            specs = [choices(spec) for spec in given if dataclasses.is_dataclass(spec)]
            key = *specs, evaluator.natural is None
            if key not in self.attacks:
                method(evaluator, name, *given)
                self.attacks[key] = evaluator.summary[name], evaluator.flags.get(name, [])
            evaluator.summary[name], evaluator.flags[name] = self.attacks[key]

        return task

    def check(self, network, x):
        """Each teacher is checked once, not for each of its pupils."""
        if (network, x.shape) not in self.checked:
            check_network(network, x)
            self.checked.add((network, x.shape))

    def of_teacher(self, method, teacher, images, progress):
        key = method, images.shape[-1]
        if key not in self.maps:
            self.maps[key] = self.make_maps(method, teacher, images, progress)
        return np.resize(self.maps[key], images.x_train.shape)

    def read_lines(self, *given):
        self.lines = read_lines(*given)
        return self.lines

    def write(self, path, title, lines, cells, **given):
        """A table is written as its lines come in; here, when it has them all."""
        whole = len(lines) == len(self.lines)
        return paper_table.write_paper_table(path, title, lines, cells, **given) if whole else ""

    def draw(self, curves, path, *words):
        assert curves and all(curves.values())
        report.write_text(path, "a picture")

    def of_downstream(self, network, images, tasks, suite, batch, progress):
        key = tuple(tasks), images.name, network.output_shape
        if key not in self.results:
            self.results[key] = self.summaries(network, images, tasks, suite, batch, progress=progress)
        return self.results[key]


@pytest.fixture(scope="module")
def one_step():
    """What differs in numbers alone is computed once for the tables of all papers."""
    return OneStep()


@pytest.mark.parametrize("paper", reproduce.PAPERS)
def test_every_row_of_every_table_takes_a_step_and_is_measured(paper, one_step, tmp_path, monkeypatch):
    """The whole verb for every row, with one step on two images in the place of its training."""
    one_step.step_in(monkeypatch)
    for table in TABLES:
        if table.paper == paper:
            check_table(smoke(tmp_path, *table), table)


@pytest.mark.exhaustive
@pytest.mark.parametrize("table", TABLES, ids="-".join)
def test_every_row_of_every_table_trains_and_is_measured(table, folder):
    check_table(smoke(folder, *table), table)


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
        n.value for n in reported_numbers() if n[:5] == ("rar", "T2", "gtsrb", "resnet_rar", "madry")
    )
    assert cell["difference"] == pytest.approx(cell["measured"] - cell["reported"])


def test_auto_is_measured_beside_each_number_of_an_attack_on_maps(folder, monkeypatch):
    shorten_auto(monkeypatch, "top-k")
    given = "--methods=madry", "--auto_level=quick"
    path = smoke(folder, "rar", "T2", "gtsrb", *given)
    with open(path + ".json", encoding="utf-8") as file:
        found = json.load(file)
    cells = {c["column"]: c for c in found["cells"]}
    measures = {"auto: ig topk": "top_k_intersection", "auto: ig kendall": "kendall"}
    assert {column for column in cells if column.startswith("auto")} == set(measures)
    assert set(cells) - set(measures) == {"natural", "PGD-40", *(column.removeprefix("auto: ") for column in measures)}
    images = data.augmented(data.load(made(folder, "gtsrb")), None, equalized=True)
    network = load_network(os.path.join(found["lines"][0]["run"], NETWORK))
    task = reproduced_table.suite_of(
        reproduction.ReproductionSettings("rar", "T2", "smoke"), "gtsrb", images.shape
    ).first_task
    ensemble = auto.auto_ensemble(task.attack.eps, task.comparison.k, "quick")
    of = {"own": dataclasses.replace(task, attack=ensemble)}
    suite = Suite("own", {}, of, examples=64, attribution_examples=2, faithful=False, aligned=False)
    own = evaluate(network, data.to_unit(images.x_test), images.y_test, suite).summary["own"]
    for column, measure in measures.items():
        assert cells[column]["reported"] is None
        assert cells[column]["measured"] == pytest.approx(
            own[measure]["mean"] * (100 if cells[column]["unit"] == "percent" else 1)
        )


def test_localization_and_corruptions_are_those_of_the_downstream_tasks(folder, monkeypatch):
    """Of networks as they begin, and without a picture of the boxes."""
    monkeypatch.setattr(training, "train", lambda network, *_, **__: training.Trained(network, 1.0, 0))
    monkeypatch.setattr(localization, "draw_found_boxes", lambda *_: None)
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
    path = smoke(folder, "art", "text", "flower17", "--methods=natural")
    with open(path + ".json", encoding="utf-8") as file:
        found = json.load(file)
    masked = {c["column"]: c for c in found["cells"]}
    assert [masked[f"{kind} top1 seg"]["reported"] for kind in ("ig", "gradient")] == [0.337, 0.244]
    network = load_network(os.path.join(found["lines"][0]["run"], NETWORK))
    images = common.chosen(*images_of(folder, "flower17"), {}, 64, 0)
    heat = heat_maps(common.maps_of("gradient", network, images.x, images.y, TaskSettings()), localization.SIGMA * 8)[0]
    correct = np.argmax(network(images.x), axis=1) == images.y
    want = segment(heat, np.ones(images.x.shape[:3], np.uint8), correct)["top1_seg"]
    assert masked["gradient top1 seg"]["measured"] == pytest.approx(want)
    path = smoke(folder, "art", "T3", "cifar10_c", "--methods=natural")
    with open(path + ".json", encoding="utf-8") as file:
        found = json.load(file)
    network = os.path.join(found["lines"][0]["run"], NETWORK)
    argv = ["downstream", "--task=corruptions", f"--networks=n={network}", f"--dataset={made(folder, 'cifar10_c')}"]
    assert downstream.main([*argv, f"--output={folder}/d"]) == 0
    with open(folder / "d" / "corruptions.json", encoding="utf-8") as file:
        rows_of = {row["corruption"].replace("_", " "): row["n"] for row in json.load(file)["rows"]}
    assert len(found["cells"]) == 15
    for c in found["cells"]:
        assert c["measured"] == pytest.approx(100 * rows_of[c["column"]]) and c["low"] <= c["measured"] <= c["high"]


def test_without_a_data_set_a_table_is_made_for_each_of_its_own(folder, monkeypatch):
    made = []

    def note(settings, dataset, *rest):
        made.append(dataset)
        return reproduced_table.ReproducedTable(dataset, "", [], [], "")

    monkeypatch.setattr(reproduced_table, "reproduce_table", note)
    assert call(folder, "--paper=rar", "--table=T2") == 0
    assert made == tables()["rar T2"] and len(made) > 1


def test_what_is_there_is_not_made_again(folder):
    table = "rar", "T2", "gtsrb", "--methods=madry"
    path = smoke(folder, *table)
    with open(path + ".json", encoding="utf-8") as file:
        first = json.load(file)
    files = [os.path.join(line["run"], NETWORK) for line in first["lines"]]
    before = [os.stat(f).st_mtime_ns for f in files]
    os.remove(path + ".json")
    again = smoke(folder, *table)
    with open(again + ".json", encoding="utf-8") as file:
        second = json.load(file)
    assert [os.stat(f).st_mtime_ns for f in files] == before and second["cells"] == first["cells"]


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--table=T2"], "--paper and --table are required"),
        (["--paper=rar", "--table=T9"], "rar has T2, T3, T4"),
        (["--paper=er", "--table=text"], "er has T1a"),
        (["--paper=rar", "--table=T2", "--seeds=0"], "--seeds"),
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
    assert "art T5" in out.replace("   ", "") and len(out.splitlines()) == len(tables())


def test_every_printed_number_is_measured_or_known_not_to_be():
    for n in reported_numbers():
        if n.dataset and n.method not in ("adl", "jarn", "cure"):
            facts = FACTS[n.dataset.removesuffix("_c")]
            m = measurements.measurement(n, suite_of(n.paper, n.dataset.removesuffix("_c"), facts.shape))
            assert (m is None) == n.metric.startswith(ELSEWHERE), n


def test_every_number_that_is_a_measurement_is_reached_and_every_other_has_its_reason():
    known, left, reached = {tuple(row[:6]): row for row in paper_rows()}, Counter(), 0
    for n in reported_numbers():
        row = known[row_of(n)]
        if row.left_out:
            left[row.left_out] += 1
            continue
        suite = suite_of(n.paper, n.dataset.removesuffix("_c"), FACTS[n.dataset.removesuffix("_c")].shape)
        assert n.dataset in tables()[f"{n.paper} {n.table}"] and measurements.measurement(n, suite), n
        reached += 1
    assert left == LEFT_OUT and reached == len(reported_numbers()) - sum(LEFT_OUT.values()) == 1392


def test_several_seeds_give_mean_and_spread_of_the_tables_of_each(folder):
    given = "rar", "T2", "gtsrb", "--methods=madry"
    found = []
    for seed in (0, 1):
        with open(smoke(folder, *given, f"--seed={seed}") + ".json", encoding="utf-8") as file:
            found.append({c["column"]: c["measured"] for c in json.load(file)["cells"]})
    both = smoke(folder, *given, "--seeds=2") + "_2seeds"
    with open(both + ".json", encoding="utf-8") as file:
        several = json.load(file)
    assert several["lines"][0]["seeds"] == [0, 1] and len(several["lines"][0]["runs"]) == 2
    for c in several["cells"]:
        own = [first[c["column"]] for first in found]
        assert c["values"] == pytest.approx(own) and c["measured"] == pytest.approx(np.mean(own))
        assert c["spread"] == pytest.approx(np.std(own, ddof=1))
    with open(both + ".md", encoding="utf-8") as file:
        assert " ± " in file.read()


def test_times_of_training_are_those_of_the_runs():
    recipe = recipe_flags.read("flags/sat/cifar10/pgd_sat_gbp_resnet10_adv.flags")
    run = reproduction.Run("", steps=10, seconds=5.0, recipe=recipe, images=1280)
    other = run._replace(seconds=20.0)
    columns = [measurements.time_of("", "epoch_seconds"), measurements.time_of("", "relative_training_time", "madry")]
    found = table_lines.times_of(run, columns, lambda method: {"madry": other}[method])
    assert found["epoch_seconds"]["mean"] == pytest.approx(0.5 * 1280 / 128)
    assert found["relative_training_time"]["mean"] == pytest.approx(0.25)


def test_numbers_of_one_line_have_columns_of_their_own():
    seen = set()
    for n in reported_numbers():
        if n.dataset and n.method not in ("adl", "jarn", "cure"):
            shape = FACTS[n.dataset.removesuffix("_c")].shape
            m = measurements.measurement(n, suite_of(n.paper, n.dataset.removesuffix("_c"), shape))
            key = (*row_of(n), m.heading if m else n.metric + n.attribution)
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
    n = Reported("sat", "T4", "cifar100", "resnet34", "natural", variant, "", "adversarial_accuracy", 1.0, "", "0")
    m = measurements.measurement(n, make_suite("sat", "cifar100", (32, 32, 3)))
    assert (m.task, m.spec.eps, getattr(m.spec, "steps", 0)) == (task, pytest.approx(eps), steps)


@pytest.mark.parametrize(
    "attack, norm, steps",
    [("PGD-40 linf eps=8/255", "linf", 40), ("PGD-40 l2 eps=1.0", "l2", 40), ("PGD-500 linf eps=8/255", "linf", 500)],
)
def test_an_attack_of_arts_text_is_the_one_it_is_called(attack, norm, steps):
    n = Reported("art", "text", "cifar10", "m", "art", f"attack={attack}", "", "adversarial_accuracy", 1.0, "", "0")
    spec = measurements.measurement(n, make_suite("art", "cifar10", (32, 32, 3))).spec
    assert (spec.norm, spec.steps, spec.eps) == (norm, steps, pytest.approx(1.0 if norm == "l2" else 8 / 255))


def test_er_gives_medians_and_the_others_means():
    for paper, want in (("er", "median"), ("rar", "mean")):
        n = Reported(paper, "T1c", "mnist", "mnist_cnn", "natural", "", "ig", "kendall", 0.1, "fraction", "0")
        assert measurements.measurement(n, make_suite(paper, "mnist", (28, 28, 1))).statistic == want


def test_a_budget_only_cuts_and_an_attack_goes_as_far():
    recipe = recipe_flags.read("flags/rar/mnist/ig_norm.flags")
    assert budgets.cut(recipe, 55000, None) == recipe
    cut = budgets.cut(recipe, 55000, budgets.BUDGETS["cpu"])
    own, was = cut.objective, recipe.objective
    assert cut.training.steps == 1000 and own.attack_steps * own.step_size == pytest.approx(0.4)
    assert (own.eps, own.attribution_weight) == (was.eps, was.attribution_weight)
    suite = make_suite("rar", "flower17", (128, 128, 3))
    small = budgets.evaluated(suite, (64, 64, 3), 128, budgets.BUDGETS["cpu"])
    task = small.attributions["IFIA on IG"]
    attack = task.attack
    assert task.comparison.k == attack.k == 250 and attack.steps == 20 and attack.eps == 8 / 255


def test_sat_is_annealed_over_a_short_run_as_over_the_papers_epochs():
    recipe = recipe_flags.read("flags/sat/tiny_imagenet/sat_boxes.flags")
    cut = budgets.cut(recipe, 100000, budgets.BUDGETS["cpu"])
    assert cut.objective.alpha**cut.training.steps == pytest.approx(recipe.objective.alpha**200)
    assert cut.objective.anneal == "step"


def test_the_help_says_what_a_budget_is():
    text = verb.help_text("reproduce", reproduce.__doc__, (reproduce.reproduce_flags,))
    assert "--budget" in text and "smoke" in text and "--list" in text


if __name__ == "__main__":
    run_tests(__file__)

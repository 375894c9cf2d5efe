"""Every one of the settings that the papers print is held: by the rows (test_paper_rows), by a suite, by the facts of
the data, by a test elsewhere that is named here, or it stands in EXCEPTIONS with its reason."""

import ast
import csv
import functools
import os
import re

import numpy as np
import pytest
from absl import flags

from flags import recipe_flags
from launch import reproduce
from tests.flags import test_paper_rows as rows
from tests.flags.test_paper_rows import number, pixel
from tests.helpers import ROOT, run_tests
from tfrobust.attacks import Ifia, Noise, Pgd, Spatial, TopK, TradesAttack
from tfrobust.data import to_unit
from tfrobust.downstream.segmentation import HALF, hits
from tfrobust.downstream.tasks import corruptions
from tfrobust.facts import FACTS
from tfrobust.models import make_model
from tfrobust.models.normalization import MEAN, PerImageStandardization
from tfrobust.objectives.art import Art
from tfrobust.objectives.inner import InnerMax
from tfrobust.objectives.rar import IgNorm, IgSumNorm
from tfrobust.papers import downstream_numbers, measurements
from tfrobust.papers.reported import paper_rows, reported_numbers
from tfrobust.papers.suites import make_suite
from tfrobust.similarity import MEASURES

COUNT = 777


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@functools.cache
def settings():
    with open(os.path.join(ROOT, "tests", "golden", "settings.csv"), encoding="utf-8", newline="") as file:
        return tuple(tuple(line.items()) for line in csv.DictReader(file))


def all_settings():
    return [dict(line) for line in settings()]


class Place:
    """What is there for one data set of a paper: its suite, its facts, and the flags of its rows by flagfile."""

    def __init__(self, paper, dataset):
        self.paper, self.dataset, self.facts = paper, dataset, FACTS[dataset]

    @functools.cached_property
    def suite(self):
        return make_suite(self.paper, self.dataset, self.facts.shape)

    @functools.cached_property
    def rows(self):
        return {p: flags_of(p) for p in rows.FILES if p.split("/")[1:3] == [self.paper, self.dataset]}

    def of(self, *methods):
        return [fv for fv in self.rows.values() if fv.method in methods]

    @property
    def plain(self):
        """The flags of the rows with the paper's own plan of data: all but ER's WideResNets, which have ART's."""
        return [fv for path, fv in self.rows.items() if "wrn" not in path or self.paper != "er"]

    @property
    def pgd(self):
        return self.suite.first_prediction

    @property
    def task(self):
        return self.suite.first_task

    @property
    def ifia(self):
        return self.suite.first_task.attack


@functools.cache
def flags_of(path):
    return recipe_flags.read_flags(path)


place = functools.cache(Place)


def datasets(setting):
    """The data sets of the paper that a setting is about."""
    paper, text = setting["paper"], setting["dataset"]
    own = sorted({dataset for p, dataset, _ in rows.NETWORKS if p == paper} - {"cifar10_c"})
    if text == "all":  # ART's birds are localized, and attacked by nothing.
        return [d for d in own if not (d == "cub200" and setting["phase"].startswith("eval"))]
    if text.startswith("all except "):
        return [d for d in own if d not in text.removeprefix("all except ").split("; ")]
    return [d.removesuffix("_c") for d in text.split("; ")]


def about(near, want):
    return near == pytest.approx(want)


def eps_of(p, kind, start=""):
    """The eps, in 1/255, of the attacks of a kind in a suite."""
    named = p.suite.predictions.items()
    return {round(attack.eps * 255, 3) for name, attack in named if type(attack) is kind and name.startswith(start)}


def listed(text):
    return {float(n) for n in re.findall(r"(\d+)/255", text)}


def is_pgd(p, v):
    steps = re.search(r"(\d+) steps", v)
    own = (type(p.pgd), p.pgd.loss, p.pgd.norm) == (Pgd, "cross_entropy", "linf")
    return own and (not steps or p.pgd.steps == int(steps[1]))


def pgd_eps(p, v):
    return listed(v) <= eps_of(p, Pgd, "PGD-5 ") if ";" in v else about(p.pgd.eps, pixel(v))


def named_attack(p, text):
    return measurements.prediction_attack(p.suite, text, None)[1]


def of_table(paper, table):
    return [n for n in reported_numbers() if (n.paper, n.table) == (paper, table)]


def transfers(p, v):
    """Of the networks of ART's Table 6, attacks are made on another one in all columns but one."""
    attacked = [n for n in of_table("art", "T6") if n.metric == "adversarial_accuracy"]
    found = [(n.method, measurements.measurement(n, p.suite)) for n in attacked]
    return len(found) == 9 and all(m.transferred == (m.source != method) and m.source for method, m in found)


def corrupts(p, v):
    kinds = {downstream_numbers.task_of(n.metric, "")[1] for n in of_table("art", "T3")}
    return (len(kinds), len(corruptions.SEVERITIES)) == tuple(map(int, re.findall(r"\d+", v)))


# (phase, parameter) -> does what a paper is evaluated with at a place agree with the printed value?
EVALUATION = {
    ("eval_adversarial", "attack"): is_pgd,
    ("eval_adversarial", "start"): lambda p, v: p.pgd.random_start == (v == "random"),
    ("eval_adversarial", "steps"): lambda p, v: p.pgd.steps == int(v),
    ("eval_adversarial", "epsilon"): pgd_eps,
    ("eval_adversarial", "step size"): lambda p, v: about(p.pgd.step_size, pixel(v)),
    ("eval_adversarial", "relative step size"): lambda p, v: about(p.pgd.step_size, float(v) * p.pgd.eps),
    ("eval_adversarial", "restarts"): lambda p, v: p.pgd.restarts == int(v),
    ("eval_adversarial", "norm"): lambda p, v: p.pgd.norm == v,
    ("eval_adversarial", "longer PGD"): lambda p, v: all(
        named_attack(p, f"PGD-{n} linf").steps == int(n) for n in re.findall(r"\d+", v)
    ),
    ("eval_adversarial", "SPSA"): lambda p, v: p.suite.prediction_examples["SPSA"] == number(v),
    ("eval_adversarial", "PGD-40 l2 epsilon"): lambda p, v: (
        p.suite.predictions["PGD-40 l2"].norm == "l2" and about(p.suite.predictions["PGD-40 l2"].eps, float(v))
    ),
    ("eval_adversarial", "spatial attack"): lambda p, v: p.suite.predictions["spatial"] == Spatial(30.0, 3.0),
    ("eval_adversarial", "comparison with JARN and CURE"): lambda p, v: (
        (named_attack(p, "PGD-20 linf").steps, named_attack(p, "PGD-20 linf").eps) == (20, 8 / 255)
    ),
    ("eval_adversarial", "black-box transfer"): transfers,
    ("eval_adversarial", "corruptions"): corrupts,
    ("eval_adversarial", "PGD start"): lambda p, v: (
        not any(attack.random_start for attack in p.suite.predictions.values() if type(attack) is Pgd)
    ),
    ("eval_adversarial", "TRADES attack epsilon"): lambda p, v: listed(v) == eps_of(p, TradesAttack),
    ("eval_adversarial", "saliency attack epsilon"): lambda p, v: listed(v) <= eps_of(p, Pgd, "saliency"),
    ("eval_adversarial", "stronger PGD"): lambda p, v: all(
        {1.0, 2.0, 3.0, 4.0} <= eps_of(p, Pgd, f"PGD-{steps} ") for steps in (20, 40)
    ),
    ("eval_adversarial", "uniform noise attack epsilon"): lambda p, v: listed(v) == eps_of(p, Noise),
    ("eval_attribution", "attack"): lambda p, v: type(p.ifia) is Ifia and isinstance(p.ifia.goal, TopK),
    ("eval_attribution", "d_s"): lambda p, v: isinstance(p.ifia.goal, TopK),
    ("eval_attribution", "attribution method"): lambda p, v: p.task.map.method == "integrated_gradients",
    ("eval_attribution", "feature importance"): lambda p, v: p.task.map.method == "integrated_gradients",
    ("eval_attribution", "explainer"): lambda p, v: (
        p.task.map.method == "integrated_gradients" and p.task.map.attribution.baseline == 0
    ),
    ("eval_attribution", "dissimilarity D"): lambda p, v: p.ifia.criterion == "kendall",
    ("eval_attribution", "dissimilarity"): lambda p, v: p.ifia.criterion == "kendall",
    ("eval_attribution", "repetitions of the attack per example"): lambda p, v: p.ifia.restarts == number(v),
    ("eval_attribution", "examples used"): lambda p, v: (
        p.suite.attribution_examples == int((re.search(r"\d+", v) or [0])[0])
    ),
    ("eval_attribution", "summary statistic"): lambda p, v: (
        measurements.statistic(p.paper) == {"average": "mean", "median": "median"}[v.split()[0]]
    ),
    ("eval_attribution", "attribution method of the extra table"): lambda p, v: (
        p.suite.attributions["IFIA on the gradient"].map.method == "gradient"
        and p.suite.attributions["IFIA on the gradient"].attack == p.ifia
    ),
    ("eval_attribution", "k of the attack"): lambda p, v: p.ifia.k == int(v),
    ("eval_attribution", "k of the intersection metric"): lambda p, v: p.task.comparison.k == int(v),
    ("eval_attribution", "k"): lambda p, v: p.ifia.k == p.task.comparison.k == int(v),
    ("eval_attribution", "epsilon"): lambda p, v: about(p.ifia.eps, pixel(v)),
    ("eval_attribution", "step size"): lambda p, v: about(p.ifia.step_size, pixel(v)),
    ("eval_attribution", "relative step size"): lambda p, v: about(p.ifia.step_size, number(v) * p.ifia.eps),
    ("eval_attribution", "iterations"): lambda p, v: p.ifia.steps == int(v),
    ("eval_attribution", "steps"): lambda p, v: p.ifia.steps == int(v),
    ("eval_attribution", "restarts"): lambda p, v: p.ifia.restarts == int(v),
    ("eval_attribution", "beta of the second derivative"): lambda p, v: (
        p.ifia.curvature_only and p.ifia.softplus_beta == float(v)
    ),
    ("eval_attribution", "metrics"): lambda p, v: (
        {"top_k_intersection", "kendall", "spearman"} <= set(MEASURES) and len(v.split(", ")) == 3
    ),
    ("eval_attribution", "unit"): lambda p, v: (
        {n.unit for n in of_table("art", "T1") if n.metric in measurements.MEASURES} == {"percent"}
    ),
    ("eval_attribution", "epsilon sweep"): lambda p, v: (
        listed(v) == {round(m.spec.attack.eps * 255, 3) for m in measurements.sweep("art", "F12", p.suite)}
    ),
    ("eval_attribution", "targeted attack"): lambda p, v: (
        p.suite.attributions["manipulation"].attack.targeted
        and p.suite.attributions["manipulation"].map.method == "integrated_gradients"
        and f"{p.suite.attribution_examples} test" in v
    ),
    ("eval_attribution", "other attribution methods"): lambda p, v: {"gradient", "grad_shap"} <= set(p.suite.transfer),
    ("eval_attribution", "map"): lambda p, v: (
        {downstream_numbers.task_of(n.metric, n.attribution)[1] for n in of_table("art", "T2") if n.attribution}
        >= {"localization gradient"}
    ),
    ("eval_attribution", "GT-Known Loc"): lambda p, v: HALF == 0.5 and list(hits([0.5, 0.49])) == [True, False],
    ("eval_attribution", "Top-1 Acc"): lambda p, v: (
        {measurements.measurement(n, p.suite)[:3] for n in of_table("art", "T2") if n.metric == "top1_acc"}
        == {("natural", "natural", "accuracy")}
    ),
    ("eval_attribution", "segmentation: maps"): lambda p, v: (
        {n.attribution for n in of_table("art", "text") if n.metric == "top1_seg"} == {"gradient", "ig"}
    ),
}


def side_and_channels(p, v):
    side = int(re.match(r"\d+", v)[0])
    colour = 3 if re.search("colour|x3|RGB", v) else 1
    return p.facts.shape == (side, side, colour) and all(fv.image_size is None for fv in p.rows.values())


def has(facts, **want):
    return all(getattr(facts, name) == value for name, value in want.items())


def whole_numbers(text):
    return [int(n) for n in re.findall(r"\d+", text)]


def trained(p):
    """Training images after those that are held out, the same in all rows that follow the paper's own plan."""
    (n,) = {p.facts.train - fv.hold_out for fv in p.plain}
    return n


def counted(p, v):
    """SAT's words: "60000 images 32x32, 10 classes", "100 classes, 500 training and 100 test images each", ..."""
    n, f = whole_numbers(v), p.facts
    own = {
        "cifar10": [f.train + f.test, *f.shape[:2], f.classes],
        "cifar100": [f.classes, f.train // f.classes, f.test // f.classes],
        "tiny_imagenet": [f.classes, f.train // f.classes, f.test // f.classes, 50, *f.shape[:2]],
        "flower17": [f.classes, (f.train + f.test) // f.classes],
    }
    return n == own[p.dataset] and all(fv.image_size is None for fv in p.rows.values())


def weak_maps(p, v):
    kind = "boxes" if "boxes" in v else "masks"
    sources = {fv.saliency[0] for fv in p.of("sat", "pgd_sat", "trades_sat") if ":" not in fv.saliency[0]}
    return sources == {kind}


def standardised(p, v):
    if p.paper == "er":  # Its rows are RAR's networks, but for the WideResNets of ART.
        return {fv.model for fv in p.plain} <= {"rar_resnet3", "rar_resnet6"}
    (name,) = {fv.model for fv in p.rows.values()}
    layers = make_model(name, (8, 8, 3), 5, 0.1).layers
    return sum(isinstance(layer, PerImageStandardization) for layer in layers) == 1


# The same of the data: what the facts say that every source is held to, and the flags of the rows.
DATA = {
    ("preprocess", "image size"): side_and_channels,
    ("preprocess", "pixel range"): lambda p, v: (
        v == "[0,1]" and list(to_unit(np.array([0, 255], np.uint8))) == [0.0, 1.0]
    ),
    ("preprocess", "training images per class"): lambda p, v: trained(p) == int(v) * p.facts.classes,
    ("preprocess", "test images per class"): lambda p, v: p.facts.test == int(v) * p.facts.classes,
    ("preprocess", "format and number of examples"): lambda p, v: (
        p.facts[:4] == FACTS["mnist"][:4] and trained(p) == trained(place("rar", "mnist"))
    ),
    ("preprocess", "number of classes"): lambda p, v: p.facts.classes == int(v),
    ("preprocess", "classes"): lambda p, v: (
        whole_numbers(v)
        == [p.facts.classes, (p.facts.train + p.facts.test) // p.facts.classes][: len(whole_numbers(v))]
    ),
    ("preprocess", "training images before augmentation"): lambda p, v: trained(p) == number(v),
    ("preprocess", "training images"): lambda p, v: trained(p) == number(v),
    ("preprocess", "validation images"): lambda p, v: {fv.hold_out for fv in p.rows.values()} == {int(v)},
    ("preprocess", "test images"): lambda p, v: p.facts.test == number(v),
    ("preprocess", "training and test images"): lambda p, v: whole_numbers(v) == [trained(p), p.facts.test],
    ("preprocess", "training, validation and test images"): lambda p, v: (
        whole_numbers(v) == [trained(p), p.facts.train - trained(p), p.facts.test]
    ),
    ("preprocess", "augmentation"): lambda p, v: all(
        fv.augmentation == "projective" and fv.per_class == int((re.search(r"(\d+) images", v) or [0, fv.per_class])[1])
        for fv in p.rows.values()
    ),
    ("preprocess", "brightness"): lambda p, v: all(fv.equalize for fv in p.rows.values()),
    ("preprocess", "standardisation"): standardised,
    ("preprocess", "normalisation"): lambda p, v: (
        {fv.normalization for fv in p.rows.values()} == {None if p.dataset == "cifar10" else "data"}
        and about(MEAN, (0.4914, 0.4822, 0.4465))
    ),
    ("preprocess", "images"): lambda p, v: {
        "cub200": lambda f: [f.train + f.test, f.classes, f.test] == whole_numbers(v)[:3],
        "gtsrb": lambda f: f.classes == 43 and abs(f.train + f.test - 50000) < 2000,
    }[p.dataset](p.facts),
    ("preprocess", "input scale"): lambda p, v: {fv.anchor or "unit" for fv in p.of("art")} == {"unit", "signed"},
    ("preprocess", "weak map"): weak_maps,
    ("preprocess", "data"): counted,
}


def trains_alike(a, b):
    names = "model normalization batch_size learning_rates boundaries epochs steps optimizer momentum weight_decay"
    return all(getattr(a, name) == getattr(b, name) for name in names.split())


def configured(p, v):
    """The plan of ART's PGD baselines: that of a project that it names."""
    (fv,) = p.of("madry")
    if "natural" in v:
        return all(trains_alike(fv, own) for own in p.of("natural") if own.model == fv.model)
    plan = float(fv.momentum), fv.weight_decay, fv.nesterov, fv.steps, fv.batch_size
    rates = [float(rate) for rate in fv.learning_rates], [int(n) for n in fv.boundaries]
    if "RAR" in v:
        (own,) = place("rar", p.dataset).of("madry")
        same = "learning_rates boundaries batch_size steps optimizer momentum weight_decay nesterov reduction".split()
        return all(getattr(fv, name) == getattr(own, name) for name in same)
    return plan == (0.9, 2e-4, False, 80000, 128) and rates == ([0.1, 0.01, 0.001], [40000, 60000])


def overridden(paper, table, flag):
    """The values of a flag in the rows of a sweep."""
    own = [row.overrides for row in paper_rows() if (row.paper, row.table) == (paper, table)]
    return {float(number(m[1])) for text in own if (m := re.search(rf"--{flag}=(\S+)", text))}


def teachers(p):
    """(model, method, sparsity) of the teachers of a place's rows."""
    paths = {s.partition(":")[2] for fv in p.rows.values() for s in fv.saliency or () if ":" in s}
    return {(fv.model, fv.method, fv.sparsity) for fv in map(flags_of, paths)}


TEACHERS = {(f"resnet{n}", method, 0.0) for n in (10, 34) for method in ("natural", "madry")}
SPARSE = {("resnet10", "natural", 0.95), ("resnet34", "natural", 0.95)}
SOURCES = {"guided_backpropagation", "grad_cam_plus_plus", "smoothgrad", "guided_grad_cam_plus_plus"}
SOURCES |= {"integrated_gradients"}


def sources():
    """The methods of teachers' maps in all of SAT's rows."""
    return {s.split(":")[0] for path in rows.FILES for s in flags_of(path).saliency or () if "sat" in path and ":" in s}


def regularizers():
    weights = [flags_of(path) for path in rows.FILES if "/er/" in path and "wrn" not in path]
    return {
        (1.0 if fv.cacr_weight is None else fv.cacr_weight, 1.0 if fv.wacr_weight is None else fv.wacr_weight)
        for fv in weights
    }


def averages(p, v):
    """The verb can train from so many seeds, and the paper's page says that it should."""
    fv = flags.FlagValues()
    reproduce.reproduce_flags(fv)
    with open(f"docs/papers/{p.paper}.md", encoding="utf-8") as file:
        return "seeds" in fv and f"`--seeds={v[0]}`" in file.read()


def as_evaluated(p, v):
    """FAR's attack in training is that of its evaluation, but for the start of the runs (far.md)."""
    ifia = p.ifia
    want = (ifia.steps, ifia.restarts, ifia.softplus_beta, ifia.eps, ifia.random_start)
    return all(
        (fv.attack_steps, fv.attack_restarts, fv.softplus_beta, fv.eps, fv.random_start) == want
        and about(fv.step_size, ifia.step_size)
        for fv in p.of("aat", "adv_aat")
    )


# The same of how networks are trained, beyond what test_paper_rows asks of each row.
TRAINING = {
    ("train", "candidates for lambda or beta"): lambda p, v: (
        {fv.attribution_weight for fv in p.of("ig_norm", "ig_sum_norm")} <= {float(n) for n in v.split("; ")}
    ),
    ("train", "candidates for m in the gradient step"): lambda p, v: (
        overridden("rar", "T3", "ig_steps") == {float(n) for n in v.split(";")}
    ),
    ("attack_in_training", "adversary"): lambda p, v: issubclass(IgNorm, InnerMax) and issubclass(IgSumNorm, InnerMax),
    ("train", "IG summation points"): lambda p, v: IgNorm.rule == "left",
    ("train", "attributed layer"): lambda p, v: all(fv.layer is None for fv in p.of("ig_norm", "ig_sum_norm")),
    ("attack_in_training", "norm"): lambda p, v: all(fv.norm in (None, v) for fv in p.rows.values()),
    ("attack_in_training", "objective"): lambda p, v: all(
        (fv.attack_on or Art.attack_on) == "attribution" for path, fv in p.rows.items() if "total" not in path
    ),
    ("train", "training point"): lambda p, v: not any(fv.pair for fv in p.of("art")),
    ("schedule", "kind"): lambda p, v: all(len(fv.learning_rates) > 1 for fv in p.rows.values()),
    ("train", "configuration"): configured,
    ("train", "ablation values"): lambda p, v: (
        50 in overridden("art", "F8", "softplus_beta")
        and 0.5 in overridden("art", "F8", "attribution_weight")
        and 3 in overridden("art", "F8", "attack_steps")
    ),
    ("train", "settings of the WRN-28-10 runs"): lambda p, v: all(
        trains_alike(fv, place("art", p.dataset).of("natural")[0]) for path, fv in p.rows.items() if "wrn" in path
    ),
    ("train", "regularizer coefficients tried"): lambda p, v: (
        regularizers() == {(1.0, 1.0), (1.0, 0.7), (0.7, 1.0), (1.0, 0.0), (0.0, 1.0)}
    ),
    ("train", "initial weights of the robust methods"): lambda p, v: all(
        fv.initial_network == f"flags/far/{p.dataset}/natural.flags" for fv in p.of("aat", "adv_aat")
    ),
    ("train", "lambda sweep on fashion_mnist"): lambda p, v: (
        [min(overridden("far", "F3", "attribution_weight")), max(overridden("far", "F3", "attribution_weight"))]
        == [float(n) for n in v.split(" to ")]
    ),
    ("attack_in_training", "parameters"): as_evaluated,
    ("train", "runs"): averages,
    ("train", "trials"): averages,
    ("train", "teachers"): lambda p, v: teachers(p) == TEACHERS | (SPARSE if p.dataset == "cifar10" else set()),
    ("train", "saliency methods"): lambda p, v: sources() == SOURCES,
    ("train", "time measurement"): lambda p, v: (
        {n.metric for n in of_table("sat", "text") if n.dataset == p.dataset} <= {"relative_training_time"}
        and all(measurements.measurement(n, p.suite).key == n.metric for n in of_table("sat", "text") if n.dataset)
    ),
    ("train", "sweep"): lambda p, v: (
        len(overridden("sat", "F5", "alpha")) > 3 and len(overridden("sat", "F5", "eps")) > 3
    ),
}
PLACES = {**EVALUATION, **DATA, **TRAINING}

# (paper, parameter) -> FILE::TEST that holds it where it is computed.
ELSEWHERE = {
    (
        "rar",
        "IG path",
    ): "tests/objectives/test_rar.py::test_theorem_3_ig_norm_of_a_one_layer_network_is_adversarial_training",
    (
        "art",
        "activation for L_attr",
    ): "tests/objectives/test_oracle.py::test_art_loss_its_class_and_its_attack_gradient",
    ("art", "activation for L_ce"): "tests/objectives/test_oracle.py::test_totals_and_weight_gradients",
    ("art", "negative class i*"): "tests/objectives/test_options.py::test_art_negative_class",
    ("art", "post-processing"): "tests/downstream/test_localization.py::test_the_mean_filter_of_a_delta_and_of_an_edge",
    ("art", "Top-1 Loc"): "tests/downstream/test_localization.py::test_localize_counts_what_it_says",
    ("art", "segmentation: Top-1 Seg"): (
        "tests/downstream/test_segmentation.py::test_segment_leaves_empty_masks_out_and_counts_them"
    ),
    ("art", "segmentation: post-processing"): (
        "tests/downstream/test_localization.py::test_the_gaussian_filter_keeps_the_sum_and_widens"
    ),
    ("er", "baseline image"): "tests/objectives/test_oracle.py::test_er_maps_and_regularisers",
    ("er", "size function S"): "tests/objectives/test_oracle.py::test_er_maps_and_regularisers",
    ("er", "distribution over pixels"): "tests/objectives/test_oracle.py::test_er_maps_and_regularisers",
    ("er", "class outputs in the regularizers"): "tests/objectives/test_oracle.py::test_er_maps_and_regularisers",
    ("er", "negative class"): "tests/objectives/test_oracle.py::test_er_maps_and_regularisers",
    ("er", "objective"): "tests/objectives/test_oracle.py::test_er_inner_term_is_that_of_ig_sum_norm_with_weight_one",
    ("er", "CACR in the inner maximisation"): (
        "tests/objectives/test_oracle.py::test_er_inner_term_is_that_of_ig_sum_norm_with_weight_one"
    ),
    ("far", "loss"): "tests/objectives/test_oracle.py::test_far_maps_loss_and_attack_gradient",
    ("far", "inner maximisation"): (
        "tests/objectives/test_far.py::test_the_inner_maximum_of_eq_5_keeps_every_label_and_raises_the_distance"
    ),
    ("far", "activation"): (
        "tests/networks/test_surrogates.py::test_a_curved_relu_has_the_second_derivative_of_softplus"
    ),
    **{
        ("far", f"initialisation {name}"): (
            "tests/models/test_zoo.py::test_initialisations_have_their_spread_and_follow_the_seed"
        )
        for name in ("PTD", "CUST", "UNI", "HU", "HN", "GU", "GN")
    },
    ("rar", "split"): "tests/data/test_builders.py::test_the_split_of_flower17",
    ("sat", "loss"): "tests/objectives/test_sat.py::test_the_weights_descend_on_the_cross_entropy_alone",
    ("sat", "perturbation"): "tests/objectives/test_sat.py::test_the_chance_of_noise_is_alpha_to_the_epoch",
    ("sat", "combination"): "tests/objectives/test_sat.py::test_a_fair_coin_per_batch_chooses_the_attack_or_the_map",
    ("sat", "channels of box and mask maps"): (
        "tests/data/test_annotations.py::test_a_box_is_one_inside_and_minus_one_outside"
    ),
}
# (paper, data set as printed, parameter) -> (a line of the paper's page that states it, the reason); what is checked at
# the places of these settings must disagree, and only there.
DEVIATIONS = {
    ("rar", "all", "repetitions of the attack per example"): (
        "runs of IFIA for an image",
        "three runs from one start are one: the attack is deterministic here",
    ),
    ("sat", "tiny_imagenet", "data"): ("images of Tiny ImageNet", "the released code's 32x32"),
    ("rar", "all", "IG summation points"): ("end points of the IG sum in training", "the released code's right ones"),
}
# (paper, data set as printed, parameter) -> why nothing here can hold it.
EXCEPTIONS = {
    ("rar", "gtsrb", "pixel range"): "images are in [0, 1] here, and what is printed in pixels is divided by 255",
    ("rar", "flower17", "pixel range"): "images are in [0, 1] here, and what is printed in pixels is divided by 255",
    ("art", "gtsrb; flower17", "source of the numbers"): "numbers copied from RAR: nothing is trained for them",
    (
        "art",
        "flower17",
        "segmentation: images with masks",
    ): "a count of the published masks, which the data bring along",
    ("er", "all", "D in the main text"): "contradicts ER's own appendix, Kendall on the whole map, which is held",
    ("er", "flower17", "images"): "words about the flowers of 102 classes; the 17 of RAR are meant, and held under rar",
    ("far", "all", "framework"): "PyTorch: this project is TensorFlow",
    ("far", "all", "hardware"): "a machine",
    ("far", "all", "seed"): "contradicts Sec. 5, three seeds; --seed and --seeds choose them",
    (
        "far",
        "all",
        "stop",
    ): "the last iterate with the label counts, not the first without it: docs/papers/far.md says so",
}


def key(setting):
    return setting["paper"], setting["dataset"], setting["parameter"]


def ways(setting):
    """By which means a setting is held, by name."""
    at = setting["phase"], setting["parameter"]
    elsewhere = (setting["paper"], setting["parameter"]) in ELSEWHERE
    means = {
        "rows": at in rows.CHECKS,
        "places": at in PLACES and key(setting) not in EXCEPTIONS and not elsewhere,
        "elsewhere": elsewhere,
        "excepted": key(setting) in EXCEPTIONS,
    }
    return [name for name, held in means.items() if held]


def test_every_printed_setting_is_held_or_excepted_and_never_both():
    held = [ways(setting) for setting in all_settings()]
    assert [dict(s) for s, own in zip(all_settings(), held) if not own] == []
    assert [dict(s) for s, own in zip(all_settings(), held) if len(own) > 1] == []
    excepted = sum(own == ["excepted"] for own in held)
    assert excepted == len(EXCEPTIONS) and len(held) == COUNT
    assert sum(own != ["excepted"] for own in held) == COUNT - len(EXCEPTIONS)


def test_no_check_exception_or_deviation_is_left_over():
    asked = {(s["phase"], s["parameter"]) for s in all_settings()}
    assert set(PLACES) <= asked and set(rows.CHECKS) <= asked and not set(PLACES) & set(rows.CHECKS)
    assert {(s["paper"], s["parameter"]) for s in all_settings()} >= set(ELSEWHERE)
    assert {key(s) for s in all_settings()} >= {*EXCEPTIONS, *DEVIATIONS}
    assert all(EXCEPTIONS.values()) and not set(EXCEPTIONS) & set(DEVIATIONS)


@pytest.mark.parametrize("at", PLACES, ids=" ".join)
def test_suites_data_and_plans_are_as_printed(at):
    for setting in all_settings():
        if (setting["phase"], setting["parameter"]) == at and ways(setting) == ["places"]:
            assert datasets(setting), setting
            for dataset in datasets(setting):
                agrees = PLACES[at](place(setting["paper"], dataset), setting["value"])
                assert agrees != (key(setting) in DEVIATIONS), (dataset, setting)


@pytest.mark.parametrize("paper, dataset, parameter", DEVIATIONS)
def test_a_deviation_is_stated_on_the_papers_page(paper, dataset, parameter):
    with open(f"docs/papers/{paper}.md", encoding="utf-8") as file:
        section = file.read().split("## Deviations and choices")[1]
    assert f"| {DEVIATIONS[paper, dataset, parameter][0]} |" in section


@pytest.mark.parametrize("test", sorted(set(ELSEWHERE.values())))
def test_a_test_that_is_named_is_there(test):
    path, name = test.split("::")
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


if __name__ == "__main__":
    run_tests(__file__)

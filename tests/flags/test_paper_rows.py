"""Every row of the papers' tables has a flagfile, and every flagfile says what its paper prints (settings.csv)."""

import csv
import os
import re

import pytest

from flags import recipe_flags
from tests.helpers import ROOT, run_tests
from tfrobust.data import FACTS
from tfrobust.models import MODELS
from tfrobust.papers.reported import paper_rows, reported_numbers, row_of
from tfrobust.types import InputError

NETWORKS = {
    (r.paper, r.dataset, r.flagfile)
    for r in paper_rows()
    if r.flagfile.startswith(f"flags/{r.paper}/") and "/teachers/" not in r.flagfile
}
FILES = sorted({flagfile for _, _, flagfile in NETWORKS})
OURS = {"adl": "natural", "advaat": "adv_aat"}
OURS.update(pgd_uniform_noise="madry_noise", trades_uniform_noise="trades_noise")


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def number(text):
    """The number that a setting begins with; one of pixels in 0 to 255 is made one of 0 to 1."""
    above, _, below = re.match(r"[\d.e+-]+(?:/\d+)?", text)[0].partition("/")
    return float(above) / float(below or 1) / (255 if "0 to 255" in text else 1)


def pixel(text):
    """eps and step sizes above 1 are in 0 to 255."""
    value = number(text)
    return value / 255 if value >= 1 else value


def rates(text):
    """(rates, boundaries) of "first 500 steps 1e-6; 500 to 60000 1e-4; after 60000 1e-5", or of one rate."""
    if ";" not in text:
        return (float(text),), ()
    text = re.sub(r" \(.*?\)", "", text)
    stages = [float(stage.split()[-1]) for stage in text.split(";")]
    return tuple(stages), tuple(int(n) for n in re.findall(r"(?:first|to) (\d+)", text))


def decays(text):
    """(factor, boundary) pairs of "decay by 0.1 at epochs 50 and 80, by 0.5 at epoch 150"; "0.1 every 60 epochs"."""
    if "every" in text:
        factor, every = float(text.split()[0]), int(re.search(r"every (\d+)", text)[1])
        return [(factor, every * n) for n in range(1, -(-200 // every))]
    parts = re.findall(r"by ([\d.]+) at epochs? ([\d and]+)", text)
    return [(float(factor), int(at)) for factor, ats in parts for at in re.findall(r"\d+", ats)]


def decayed(first, text):
    out = [first]
    for factor, _ in decays(text):
        out.append(out[-1] * factor)
    return out


ARCHITECTURES = {
    "2 conv": ("mnist_cnn",),
    "CNN (two": ("mnist_cnn",),
    "WideResNet-28-10": ("wrn_28_10",),
    "WideResNet-40-2": ("wrn_40_2",),
    "ResNet-50": ("resnet50_imagenet", "resnet50_imagenet_adl", "vgg_gap", "vgg_gap_adl"),
    "ResNet, 5": ("rar_resnet3", "rar_resnet6"),
    "ResNet of Z": ("rar_resnet3", "rar_resnet6", "wrn_28_10"),
    "ResNet": ("resnet18", "resnet18_imagenet"),
    "ResNet-34": ("resnet34", "resnet10"),
}
# (phase, parameter) -> does the row's flags fv (its plan: spec) agree with the printed value?
CHECKS = {
    ("train", "optimizer"): lambda fv, v: fv.optimizer == ("adam" if v == "Adam" else "sgd"),
    ("train", "momentum"): lambda fv, v: fv.momentum == float(v),
    ("train", "weight decay"): lambda fv, v: fv.weight_decay == float(v),
    ("train", "batch size"): lambda fv, v: fv.batch_size == int(v),
    ("train", "lambda"): lambda fv, v: fv.attribution_weight == number(v),
    ("train", "beta"): lambda fv, v: fv.attribution_weight == number(v),
    ("train", "m in the gradient step"): lambda fv, v: fv.ig_steps == int(v),
    ("train", "m of IG"): lambda fv, v: fv.ig_steps == int(v),
    ("train", "softplus beta"): lambda fv, v: fv.softplus_beta == float(v),
    ("train", "channels"): lambda fv, v: fv.channels == "mean",
    ("train", "alpha"): lambda fv, v: abs(fv.alpha - 0.6**0.1) < 1e-4,
    ("train", "epsilon_0"): lambda fv, v: fv.eps == number(v),
    ("train", "noise"): lambda fv, v: fv.eps == 8 / 255,
    ("train", "final model"): lambda fv, v: fv.model == "resnet34",
    ("train", "architecture"): lambda fv, v: any(
        fv.model in models for start, models in ARCHITECTURES.items() if v.startswith(start)
    ),
    ("schedule", "training steps"): lambda fv, v: fv.steps == int(v),
    ("schedule", "epochs"): lambda fv, v: fv.epochs == float(v),
    ("schedule", "learning rate"): lambda fv, v: (
        (tuple(map(float, fv.learning_rates)), tuple(map(int, fv.boundaries))) == rates(v)
    ),
    ("schedule", "initial learning rate"): lambda fv, v: float(fv.learning_rates[0]) == float(v),
    ("schedule", "decay"): lambda fv, v: (
        list(map(float, fv.boundaries)) == [at for _, at in decays(v)]
        and [float(r) for r in fv.learning_rates] == pytest.approx(decayed(float(fv.learning_rates[0]), v))
    ),
    ("attack_in_training", "start"): lambda fv, v: (fv.random_start is not False) == ("unperturbed" not in v),
    ("attack_in_training", "steps"): lambda fv, v: fv.attack_steps == int(v),
    ("attack_in_training", "steps a"): lambda fv, v: fv.attack_steps == int(v),
    ("attack_in_training", "step size"): lambda fv, v: fv.step_size == pytest.approx(pixel(v)),
    ("attack_in_training", "epsilon"): lambda fv, v: fv.eps == pytest.approx(pixel(v)),
    ("attack_in_training", "m in the attack step"): lambda fv, v: fv.ig_steps_attack == int(v),
    ("attack_in_training", "adversarial ratio"): lambda fv, v: fv.adversarial_ratio == float(v),
    ("attack_in_training", "attack"): lambda fv, v: (
        fv.eps == 8 / 255 and fv.attack_steps == int((re.search(r"(\d+) steps", v) or [0, 5])[1])
    ),
    ("preprocess", "training images per class after augmentation"): lambda fv, v: fv.per_class == number(v),
}
# Where the flagfiles do not do what is printed: (paper, data set, method, parameter) -> why, in the flagfile's words.
DEVIATIONS = {
    ("rar", d, m, "learning rate"): "Rates of the released code"
    for d in ("gtsrb", "flower17")
    for m in ("natural", "madry")
}


def settings():
    with open(os.path.join(ROOT, "tests", "golden", "settings.csv"), encoding="utf-8", newline="") as file:
        return [s for s in csv.DictReader(file) if (s["phase"], s["parameter"]) in CHECKS]


def applies(setting, paper, dataset, method, model, flagfile):
    if paper == "er" and "wrn" in flagfile:  # With the plan of the ART paper, whose rows say how a network is trained.
        return setting["paper"] == "art" and dataset in setting["dataset"] and setting["method"] == "natural"
    datasets = setting["dataset"].removeprefix("all except ").split("; ")
    named = dataset in datasets or datasets == ["all"]
    if setting["dataset"].startswith("all except"):
        named = dataset not in datasets
    methods = [OURS.get(m, m) for m in setting["method"].split("; ")]
    if setting["paper"] != paper or not named or not (method in methods or methods == ["all"]):
        return False
    # A variant is made to differ in what its name says.
    variant = os.path.basename(flagfile)
    return not (variant.startswith(("cacr07", "cacr1", "only")) and setting["parameter"] == "lambda")


@pytest.mark.parametrize("path", FILES)
def test_a_flagfile_says_what_its_paper_prints(path):
    _, paper, dataset = path.split("/")[:3]
    fv, checked = recipe_flags.read_flags(path), 0
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert fv.dataset == dataset and fv.dataset in FACTS and fv.model in MODELS and fv.width == 1
    for s in settings():
        if not applies(s, paper, dataset, fv.method, fv.model, path):
            continue
        agrees = CHECKS[s["phase"], s["parameter"]](fv, s["value"])
        why = DEVIATIONS.get((paper, dataset, fv.method, s["parameter"]))
        if why:
            assert not agrees and why in text, (s, "no deviation any more")
        else:
            assert agrees, s
        checked += 1
    assert checked >= 3, "hardly any setting of the paper concerns this row"


def test_every_setting_that_can_be_checked_concerns_some_flagfile():
    read = {path: recipe_flags.read_flags(path) for path in FILES}
    for s in settings():
        hits = [p for p, fv in read.items() if applies(s, *p.split("/")[1:3], fv.method, fv.model, p)]
        assert hits, s


def test_every_row_that_trains_a_network_has_a_flagfile():
    known = {tuple(row[:6]): row for row in paper_rows()}
    for n in {row_of(n): n for n in reported_numbers()}.values():
        row = known[row_of(n)]
        assert bool(row.flagfile) != bool(row.left_out), row
        if row.left_out:
            claimed = n.metric.startswith(("claimed", "human"))
            assert claimed or n.method in ("jarn", "cure") or n.model == "resnet50_se" or not n.dataset, row
        else:
            assert os.path.exists(row.flagfile), row
            recipe = recipe_flags.read(row.flagfile, row.overrides.split())
            method = "cifar10" if n.dataset == "cifar10_c" else n.dataset
            assert (recipe.data.name, recipe.method) == (method, OURS.get(n.method, n.method)), row


def test_no_flagfile_of_a_paper_is_left_without_a_row():
    used = {row.flagfile for row in paper_rows()}
    for path in used:
        flags = recipe_flags.read_flags(path) if path else None
        for source in flags.saliency if flags else ():
            used = used | {source.partition(":")[2]}
    there = {
        os.path.relpath(os.path.join(folder, name), ROOT)
        for paper in ("rar", "art", "er", "far", "sat")
        for folder, _, names in os.walk(os.path.join(ROOT, "flags", paper))
        for name in names
        if not name.startswith(("common", "evaluate")) and not name.endswith("_cpu.flags")
    }
    assert there <= used, sorted(there - used)


def test_units_are_kept_as_printed():
    for path in FILES:
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith(("--eps=", "--step_size=")) and "/255" not in line and "/7" not in line:
                    assert len(line.split("=")[1].strip()) <= 8, (path, line)


def test_a_broken_flagfile_is_refused(tmp_path):
    (tmp_path / "x.flags").write_text("--flagfile=flags/rar/gtsrb/common.flags\n--method=madry\n--learning_rates=1\n")
    with pytest.raises(InputError, match=r"learning rates need 0 boundaries|needs"):
        recipe_flags.read(str(tmp_path / "x.flags"))


if __name__ == "__main__":
    run_tests(__file__)

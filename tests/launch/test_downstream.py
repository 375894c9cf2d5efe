"""Every downstream task through its verb, on made images with boxes and masks."""

import csv
import json

import keras
import numpy as np
import pytest

from launch import downstream
from tests.helpers import ROOT, run_tests, without_graphs
from tfrobust.corruptions import COMMON
from tfrobust.downstream.tasks import corruptions, generation, segmentation
from tfrobust.models import make_model
from tfrobust.names import TASKS

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of 16x16 whose class is the colour of a bright square; its box and mask."""
    path, r = tmp_path_factory.mktemp("downstream"), np.random.RandomState(0)
    x, y = (40 * r.rand(60, 16, 16, 3)).astype(np.uint8), np.arange(60) % 3
    boxes, masks = np.zeros((60, 4), np.float32), np.zeros((60, 16, 16), np.uint8)
    for n in range(60):
        top, left = r.randint(0, 9, 2)
        x[n, top : top + 7, left : left + 7, y[n]] = 255
        boxes[n] = np.array([top, left, top + 7, left + 7]) / 16
        masks[n, top : top + 7, left : left + 7] = 1
    for split, rows in (("train", slice(20, 60)), ("test", slice(0, 20))):
        part = {"x": x[rows], "y": y[rows], "boxes": boxes[rows], "masks": masks[rows]}
        part = {f"{name}_{split}": values for name, values in part.items()}
        np.savez(path / f"{split}.npz", **part)
    both = {**np.load(path / "train.npz"), **np.load(path / "test.npz")}
    np.savez(path / "squares.npz", **both)
    np.savez(path / "bare.npz", **{k: v for k, v in both.items() if k[:2] in ("x_", "y_")})
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    h = keras.layers.ReLU()(keras.layers.Conv2D(3, 3, padding="same")(inputs))
    network = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(h)))
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[1, 1] = np.eye(3)
    network.set_weights([kernel, np.zeros(3), 10 * np.eye(3), np.zeros(3)])  # The mean of each colour.
    network.save(path / "colors.keras")
    make_model("digits_cnn", (16, 16, 3), 3).save(path / "new.keras")
    return path


def call(folder, task, *flags, data="squares"):
    networks = f"--networks=colors={folder}/colors.keras,{folder}/new.keras"
    argv = ["downstream", f"--task={task}", networks, f"--dataset={folder}/{data}.npz", f"--output={folder}/{task}"]
    return downstream.main([*argv, "--held_out_examples=8", "--map_examples=4", *flags])


def alone(folder):
    """The flag that leaves one network."""
    return f"--networks=colors={folder}/colors.keras"


def result(folder, task):
    with open(folder / task / f"{task}.json", encoding="utf-8") as file:
        rows = json.load(file)["rows"]
    with open(folder / task / f"{task}.csv", encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(rows)
    assert (folder / task / f"{task}.png").stat().st_size > 1000
    return rows


@pytest.fixture(scope="module")
def localized(folder):
    """The rows and the page of a localization."""
    with without_graphs():
        assert call(folder, "localization") == 0
    return result(folder, "localization"), (folder / "localization" / "localization.md").read_text(encoding="utf-8")


def test_the_class_map_of_a_network_that_sees_the_square_finds_its_box(localized):
    rows = {(row["network"], row["map"].split()[0]): row for row in localized[0]}
    colors = rows["colors", "CAM"]
    assert colors["top1_acc"] == 1 and colors["chosen_gt_known_loc"] == colors["max_box_acc"] == 1
    assert rows["(no network)", "middle"]["chosen_gt_known_loc"] < 1
    assert all(row["max_box_acc"] >= row.get("gt_known_loc", 0) for row in rows.values())


def test_segmentation_with_masks_and_with_boxes_as_masks(folder, monkeypatch):
    assert call(folder, "segmentation") == 0
    rows = result(folder, "segmentation")
    best = next(r for r in rows if (r["network"], r["map"]) == ("colors", "integrated_gradients"))
    assert best["mean_iou"] > 0.8 and best["top1_seg"] == 1 and best["empty_masks"] == 0
    monkeypatch.setattr(segmentation, "draw_found_masks", lambda *_: None)  # They are drawn above.
    assert call(folder, "segmentation", "--boxes_as_masks", alone(folder)) == 0
    again = next(r for r in result(folder, "segmentation") if (r["network"], r["map"]) == ("colors", best["map"]))
    assert again["mean_iou"] == pytest.approx(best["mean_iou"], abs=0.02)


def test_corruptions_are_means_over_severities(folder, monkeypatch):
    monkeypatch.setattr(corruptions, "SEVERITIES", (3, 5))  # That there are five is seen below.
    assert call(folder, "corruptions", "--examples=6", alone(folder)) == 0
    rows = {row["corruption"]: row for row in result(folder, "corruptions")}
    with open(folder / "corruptions" / "corruptions.json", encoding="utf-8") as file:
        details = json.load(file)["about"]["details"]["colors"]
    every, agreement = details["accuracy"], details["agreement"]
    assert len(every) == 2 * 19 and rows["none"]["colors"] == 1
    own = [e["accuracy"] for e in every if e["corruption"] == "fog"]
    assert len(own) == 2 and {e["severity"] for e in every} == {3, 5}
    assert rows["fog"]["colors"] == pytest.approx(np.mean(own))
    assert rows["fog"]["maps of colors"] == pytest.approx(agreement["fog"]) and len(set(agreement.values())) > 5
    usual = [e["accuracy"] for e in every if e["corruption"] in COMMON]
    usual_15 = rows["mean of the usual 15"]
    assert usual_15["colors"] == pytest.approx(np.mean(usual))
    assert usual_15["maps of colors"] == pytest.approx(np.mean([agreement[kind] for kind in COMMON]))


def test_the_published_cifar10_c(folder, tmp_path, monkeypatch):
    """Made data in the prepared form; another seed of the network's weights would see other accuracies."""
    made = {}

    def prepared(name, severity, data_dir, download):
        x = np.random.RandomState(severity).randint(0, 256, (12, 32, 32, 3)).astype(np.uint8)
        made[name, severity] = x, np.arange(12, dtype=np.int32) % 10
        return made[name, severity]

    monkeypatch.setattr(corruptions, "cifar10_c", prepared)
    network = make_model("digits_cnn", (32, 32, 3), 10)
    network.save(tmp_path / "c.keras")
    x, y = np.zeros((20, 32, 32, 3), np.uint8), np.arange(20) % 10
    np.savez(tmp_path / "c.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    argv = ["downstream", "--task=corruptions", f"--networks={tmp_path}/c.keras", f"--dataset={tmp_path}/c.npz"]
    assert downstream.main([*argv, f"--output={tmp_path}/corruptions", "--cifar10_c"]) == 0
    rows = {row["corruption"]: row for row in result(tmp_path, "corruptions")}
    hits = [
        np.mean(network(x / np.float32(255)).numpy().argmax(1) == y) for (n, _), (x, y) in made.items() if n == "snow"
    ]
    assert len(made) == 95 and rows["snow"]["c"] == pytest.approx(np.mean(hits)) and "maps of c" not in rows["snow"]


def test_cifar10_c_is_of_cifar10(folder, capsys):
    assert call(folder, "corruptions", "--cifar10_c") == 2
    assert "cifar10_c needs images like those of CIFAR-10" in capsys.readouterr().err


def test_thresholds_are_chosen_on_what_is_held_out(folder, localized):
    assert call(folder, "localization", "--hold_out=6", alone(folder)) == 0
    text = (folder / "localization" / "localization.md").read_text(encoding="utf-8")
    assert "chosen on 6 images held out of the training" in text
    assert "chosen on 8 training images" in localized[1]


def test_what_a_network_makes_it_recognises(folder, monkeypatch):
    monkeypatch.setattr(generation, "STEPS", 10)
    assert call(folder, "generation") == 0
    rows = {row["network"]: row for row in result(folder, "generation")}
    assert rows["new"]["by new"] == 1 and rows["colors"]["by colors"] == 1 and "(the seeds)" in rows


def test_alignment_of_each_network(folder):
    assert call(folder, "alignment") == 0
    colors, new = result(folder, "alignment")
    assert colors["mean"] > new["mean"] and colors["images"] == 20


@pytest.mark.parametrize("task, kind", [("localization", "boxes"), ("segmentation", "masks")])
def test_images_without_annotations_are_refused_in_one_line(task, kind, folder, capsys):
    assert call(folder, task, data="bare") == 2
    assert f"has no {kind} of its images" in capsys.readouterr().err


@pytest.mark.parametrize("networks", ["a=x.keras", "x=FOLDER/new.keras,x=FOLDER/colors.keras", "a/b=FOLDER/new.keras"])
def test_networks_that_cannot_be_are_refused(networks, folder, capsys):
    assert call(folder, "alignment", f"--networks={networks.replace('FOLDER', str(folder))}") == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_help_names_every_task(capsys):
    assert downstream.main(["downstream", "--help"]) == 0
    out = capsys.readouterr().out
    assert all(task in out for task in TASKS)


def test_networks_of_several_ranges_side_by_side(folder, capsys):
    network = keras.models.load_model(folder / "colors.keras")
    inside = [keras.Input((16, 16, 3)), keras.layers.Rescaling(1 / 255), network]
    keras.Sequential(inside).save(folder / "bytes.keras")
    networks = f"--networks=a={folder}/colors.keras,b={folder}/bytes.keras"
    assert call(folder, "alignment", networks) == 2
    assert "--pixels=0..255" in capsys.readouterr().err
    for wrong in ("0..255,0..1,0..1", "bytes"):
        assert call(folder, "alignment", networks, f"--pixels={wrong}") == 2
    assert call(folder, "alignment", networks, "--pixels=0..1,0..255") == 0
    own, adopted = result(folder, "alignment")
    numbers = [key for key, value in own.items() if isinstance(value, float)]
    assert numbers and all(abs(own[key] - adopted[key]) < 1e-3 for key in numbers)


if __name__ == "__main__":
    run_tests(__file__)

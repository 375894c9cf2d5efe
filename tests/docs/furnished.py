"""A folder in which a command of the documentation can run in seconds: flagfiles, networks and images that it names.

The rows that it trains are cut to the smoke budget in a copy of flags/; images and networks are made.
"""

import json
import os
import pathlib
import re
import shutil
from dataclasses import replace

import keras
import numpy as np
from keras import layers

from flags import recipe_flags
from launch.command_line.given_networks import given_network
from tests.helpers import ROOT
from tests.papers.made import compared
from tfrobust.data import FACTS
from tfrobust.experiments.fingerprints import fingerprint_network
from tfrobust.experiments.recipe import Recipe
from tfrobust.models import make_model
from tfrobust.papers import budgets
from tfrobust.papers.tables import tables
from tfrobust.types import InputError

# What stands for something of the reader's: a row, a task, and an .npz or a folder of images.
STANDS_FOR = {"ROW": "gtsrb", "TASK": "localization", "PART": "PART.npz"}
FLAGFILE = re.compile(r"flags/[\w./-]+\.flags")
NETWORKS = ("network", "networks", "natural", "before", "after", "seeds_of_before")
IMAGES, HELD_OUT = 40, 5000  # Rows hold out as many of the training images.
COMPARED = {"madry": (0.5, 0.3, 3, 2.0), "ig_sum_norm": (0.6, 0.2, 2, 20.0)}
OWN = FACTS["gtsrb"]._replace(shape=(16, 16, 3), about="the reader's")


def spoken_out(word: str) -> str:
    """The word with something in the place of what stands for the reader's own."""
    for name, value in STANDS_FOR.items():
        word = re.sub(rf"\b{name}\b(?!\.npz)", value, word)
    return word


def furnish(args: list[str], monkeypatch) -> None:
    """Puts into the working directory whatever the flags of a verb name, --name=value each; of data sets by name a few
    images, of which their facts then are."""
    shutil.copytree(os.path.join(ROOT, "flags"), "flags", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    given = dict(word.removeprefix("--").split("=", 1) for word in args if "=" in word)
    flagfiles = FLAGFILE.findall(" ".join(args))
    read = {path: row for path in flagfiles if (row := _row(path, given)) is not None}
    for path in (path for row in list(read.values()) for path in _teachers(row)):
        read.setdefault(path, _row(path, given))
    named = {given.get("dataset"), *(_said(path, "dataset") for path in flagfiles)} & set(FACTS)
    if "table" in given and not named:
        named = set(tables()[f"{given['paper']} {given['table']}"])
    held_out = max((row.data.hold_out for row in read.values()), default=0)
    for path in _paths(given, ".npz"):
        make_images(path, FACTS.get(given.get("dataset"), OWN) if "source" in given else OWN, held_out)
    if given.get("data_dir"):
        for name in named - {"digits"}:
            h, w, c = FACTS[name].shape
            monkeypatch.setitem(FACTS, name, FACTS[name]._replace(shape=(min(h, 32), min(w, 32), c)))
            n = make_images(os.path.join(given["data_dir"], f"{name}.npz"), FACTS[name], HELD_OUT)
            monkeypatch.setitem(FACTS, name, FACTS[name]._replace(train=n + HELD_OUT, test=n))
    facts = FACTS[named.pop()] if len(named) == 1 and not _paths(given, ".npz") else OWN
    sides = [given.get("image_size"), *(_said(path, "image_size") for path in flagfiles), facts.shape[0]]
    side = int(next(filter(None, sides)))
    facts = facts._replace(shape=(side, side, facts.shape[2]))
    for path in _paths({name: given[name] for name in NETWORKS if name in given}, ".keras"):
        make_network(path, facts, attention="rollout" in given.get("map_method", ""))
    for path, row in read.items():
        cut(path, row)
        if given.get("initial_network"):
            short, side = _row(path, given).model, row.data.image_size or facts.shape[0]
            shape = (side, side, facts.shape[2])
            save(make_model(short.name, shape, facts.classes, short.width), given["initial_network"])
    if given.get("attacked"):
        write_attacked(given["attacked"], facts)
    if given.get("against"):
        network = fingerprint_network(given_network(given["network"]))
        write_attacked(given["against"], facts, network)
    if given.get("baseline"):
        write_report(given["baseline"])
    if given.get("action"):
        _furnish_zoo(given)
    elif given.get("runs"):
        for folder in given["runs"].split(","):
            compared(pathlib.Path(folder), given.get("name", "comparison"), COMPARED)
    if given.get("audit"):
        write_report(os.path.join(given["audit"], "audit.json"))
    for folder in (word.split("=")[1] for word in [given.get("model", "")] if "=" in word):
        _export(folder)


def _furnish_zoo(given: dict[str, str]) -> None:
    """The release that an index names, with the network that is asked for; the folders of finished runs."""
    from tests.zoo import made

    index = given.get("index", "")
    if index:
        folder = os.path.dirname(index) if index.endswith(".json") else index
        made.release(os.getcwd(), folder or ".", given.get("name", made.NAME))
    for i, folder in enumerate(filter(None, given.get("runs", "").split(","))):
        made.comparison(os.getcwd(), folder, seed=i)


def write_attacked(path: str, facts, network: str = "") -> None:
    """Images of that kind, their labels, and somebody's attacked images; with the fingerprint of a network, as an
    evaluation of it keeps them."""
    x = np.full((4, *facts.shape), 0.5, np.float32)
    arrays = {"x": x, "y": np.arange(4), "x_adv": x + 0.01}
    if network:
        about = {"eps": 0.1, "norm": "linf", "map": {"method": "gradient"}, "comparison": {"k": 8}, "network": network}
        scores = {f"score_{name}": np.ones(4) for name in ("kendall", "spearman", "top_k_intersection")}
        arrays = {**arrays, **scores, "about": np.array(json.dumps(about))}
    np.savez(path, **arrays)


def write_report(path: str) -> None:
    """An earlier audit's report, of which a gate asks for these numbers."""
    still = {"mean": 0.5, "low": 0.4, "high": 0.6}
    maps = {name: still for name in ("kendall", "top_k_intersection", "noise_top_k_intersection")}
    summary = {"natural": {"accuracy": still, "examples": 40}, "IG at 8/255": {**maps, "examples": 4, "eps": 8 / 255}}
    verdict = {"grade": "moves", "headline": "They can be moved, in part.", "sentences": []}
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"verdict": verdict, "eps_of_verdict": 8 / 255, "summary": summary}, file)


def _row(path, given):
    """The recipe in a flagfile; None where it is that of an evaluation."""
    try:
        return recipe_flags.read(path, [f"--dataset={given['dataset']}"] if given.get("dataset") else [])
    except InputError:
        return None


def _teachers(row):
    """The flagfiles of what a row has trained first."""
    return FLAGFILE.findall(" ".join([*map(str, row.saliency), str(row.model.initial or "")]))


def _said(path, name):
    """The value of a flag in a flagfile or in one that it goes on from; None where they have none."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    own = re.findall(rf"^--{name}=(\S+)", text, re.M)
    more = re.findall(r"^--flagfile=(\S+)", text, re.M)
    return own[0] if own else next(filter(None, (_said(each, name) for each in more)), None)


def _paths(given: dict[str, str], ending: str) -> list[str]:
    return [path for value in given.values() for path in re.findall(rf"[\w./-]+{re.escape(ending)}\b", value)]


def cut(path: str, recipe: Recipe) -> None:
    """Adds the flags of the smoke budget to a flagfile."""
    small = budgets.cut(recipe, IMAGES, budgets.BUDGETS["smoke"])
    if recipe.data.per_class:
        small = replace(small, data=replace(recipe.data, per_class=2))
    with open(path, "a", encoding="utf-8") as file:
        file.write(recipe_flags.write(small))


def patterns(facts) -> np.ndarray:
    """One for each class, [K,H,W,C] in [0, 1]."""
    return np.random.RandomState(7).rand(facts.classes, *facts.shape)


def make_images(path: str, facts, held_out: int = 0) -> int:
    """Noisy patterns with labels, boxes and masks, as an .npz for training, and as one for an audit (x, y); how many,
    beside those that are held out."""
    n = max(IMAGES, facts.classes)
    y = np.arange(n) % facts.classes
    x = 255 * (0.6 * patterns(facts)[y] + 0.4 * np.random.RandomState(0).rand(n, *facts.shape))
    boxes, masks = np.tile(np.float32([0.0, 0.0, 0.5, 0.5]), (n, 1)), np.ones((n, *facts.shape[:2]), np.uint8)
    arrays = {"x": x.astype(np.uint8), "y": y, "boxes": boxes, "masks": masks}
    for split, m in (("train", n + held_out), ("test", n)):
        part = {name: arrays[name] for name in ("x", "y", "boxes", "masks")}
        arrays.update({f"{name}_{split}": np.resize(values, (m, *values.shape[1:])) for name, values in part.items()})
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    np.savez(path, **arrays)
    return n


def make_network(path: str, facts, attention: bool = False) -> None:
    """A network that knows the patterns of such images; an untrained one where it must have attention."""
    if attention:
        return save(make_model("vit_tiny", facts.shape, facts.classes, 0.125), path)
    x = inputs = keras.Input(facts.shape)
    x = layers.Flatten()(layers.Activation("relu")(layers.Rescaling(1.0, -0.5)(x)))
    network = keras.Model(inputs, layers.Dense(facts.classes)(x))
    seen = np.maximum(patterns(facts) - 0.5, 0).reshape(facts.classes, -1)
    known = seen - seen.mean(axis=0)
    network.set_weights([known.T, -0.5 * (known * seen).sum(axis=1)])
    save(network, path)


def save(network, path: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    network.save(path)


def _export(folder: str) -> None:
    """A first version of a served model, made by launch.export of a network for digits."""
    from launch import export

    make_network("to_serve.keras", FACTS["digits"])
    assert export.main(["export", "--network=to_serve.keras", f"--output={folder}/1", "--map_steps=2"]) == 0

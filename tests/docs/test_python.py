"""The Python of README.md and docs/ runs: the blocks of a page one after another, as a reader would paste them; in the
exhaustive tier those of the zoo, which tests/zoo asks the same, and of results, which nobody starts with."""

import functools
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.docs.pages import OWN_TEST, blocks, pages
from tests.helpers import run_tests, shallow_network, shorten_audits
from tests.shallow import be_shallow
from tests.zoo import made
from tfrobust import api, data
from tfrobust.losses import margin
from tfrobust.objectives.inner import InnerMax
from tfrobust.training import Trainer

PAGES = {page: [b for b in blocks(page) if b.language == "python"] for page in pages() if page not in OWN_TEST}


# What lies in the reader's folder.
FURNISHED = {"docs/zoo.md": lambda folder: made.release(folder, network="mnist-madry_cpu-seed0")}


def one_step(self, *args, **options):
    """The training of a page, cut to one step, whose attack takes one."""
    self.objective = replace(self.objective, attack_steps=1)
    return keras.Model.fit(self, *args, **{**options, "steps_per_epoch": 1, "epochs": 1})


@pytest.fixture(scope="module")
def weights():
    """Of a network that knows digits: what its last layer gets is drawn, and its own weights are least squares."""
    digits, model = data.load("digits"), shallow_network()
    h = keras.Model(model.input, model.layers[-2].output)(data.to_unit(digits.x_train)).numpy()
    found, *_ = np.linalg.lstsq(np.c_[h, np.ones(len(h))], 10 * np.eye(10)[digits.y_train], rcond=None)
    model.layers[-1].set_weights([found[:-1], found[-1]])
    assert np.mean(model(data.to_unit(digits.x_test)).numpy().argmax(1) == digits.y_test) > 0.8
    return model.get_weights()


@pytest.fixture
def readers_own(weights):
    """What a reader has already: a network, images of its kind, and what the files of a room import."""
    digits = data.load("digits")
    model = shallow_network()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.set_weights(weights)
    names = {"keras": keras, "np": np, "tf": tf, "dataclass": dataclass, "InnerMax": InnerMax, "margin": margin}
    images = {
        f"{name}_{split}": getattr(digits, f"{name}_{split}")[:40] for name in "xy" for split in ("train", "test")
    }
    return {**names, **images, "model": model, "network": model}


def is_dear(page):
    return page == "docs/zoo.md" or page.startswith("docs/results/")


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=[pytest.mark.exhaustive] * is_dear(p)) for p, found in PAGES.items() if found],
)
def test_the_blocks_of_a_page_run_in_their_order(page, readers_own, tmp_path, monkeypatch, eagerly):
    monkeypatch.chdir(tmp_path)
    FURNISHED.get(page, lambda _: None)(tmp_path)
    shorten_audits(monkeypatch, steps=1, pgd_steps=1)
    monkeypatch.setattr(api, "audit", functools.partial(api.audit, images=2, eps=(8 / 255,)))
    few = functools.partial(api.audit_callable, **{"images": 2, "queries": 2, "eps": 8 / 255})
    monkeypatch.setattr(api, "audit_callable", lambda *of, **options: few(*of))
    monkeypatch.setattr(Trainer, "fit", one_step)
    be_shallow(monkeypatch.setattr)
    names = {"__name__": "page", **readers_own}
    for block in PAGES[page]:
        # Each stands in its place of the page, for the line that an error names.
        exec(compile("\n" * block.line + block.text, page, "exec"), names)


def test_the_pages_have_their_blocks():
    assert len(PAGES["README.md"]) >= 2 and len(PAGES["docs/python.md"]) >= 2


if __name__ == "__main__":
    run_tests(__file__)

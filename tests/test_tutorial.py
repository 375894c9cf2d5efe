"""docs/tutorial.ipynb does what it says: its code cells run in order.

They run here rather than in a kernel: a kernel and its client would be twenty packages more for both stacks.
"""

import contextlib
import json
import os
import re

import matplotlib
import pytest

from tests.helpers import ROOT, run_tests, shorten_audits, without_graphs
from tfrobust.auditing import plan


@pytest.fixture(scope="module")
def notebook():
    with open(os.path.join(ROOT, "docs", "tutorial.ipynb"), encoding="utf-8") as file:
        return json.load(file)


def test_it_is_a_notebook_without_outputs(notebook):
    assert notebook["nbformat"] == 4 and notebook["cells"][0]["cell_type"] == "markdown"
    for cell in notebook["cells"]:
        assert cell["cell_type"] in ("markdown", "code") and "".join(cell["source"]).strip()
        assert not cell.get("outputs") and cell.get("execution_count") is None


@pytest.mark.parametrize("short", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_its_cells_run_and_the_trained_network_is_the_stiller_one(notebook, short, monkeypatch):
    """Its audits attack fewer images for fewer steps than there is time for, without graphs, and its networks train for
    fewer epochs; and for as many."""
    matplotlib.use("Agg")
    if short:
        shorten_audits(monkeypatch, steps=4, pgd_steps=1)
        monkeypatch.setattr(plan, "_predicted", lambda seconds, cost, steps, batch: batch)
    names = {"__name__": "tutorial"}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if short:
            source = re.sub(r"images=\d+", "images=16", re.sub(r"epochs=\d+", "epochs=4", source))
        if cell["cell_type"] == "code":
            with without_graphs() if short and ".audit(" in source else contextlib.nullcontext():
                exec(compile(source, "docs/tutorial.ipynb", "exec"), names)
    (plain, plain_noise), (robust, _) = names["kept"](names["audit"]), names["kept"](names["again"])
    assert plain < plain_noise and plain < robust
    assert names["history"].history["val_accuracy"][-1] > 0.85


if __name__ == "__main__":
    run_tests(__file__)

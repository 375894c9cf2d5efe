import csv
import json
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.report import Column, Panel, draw_panels, markdown, worst_median_best, write_table, write_text

COLUMNS = (
    Column("name", "network"),
    Column("steps", "steps", ",d"),
    Column("score", "top-k", ".2f"),
    Column("no", "no", ".1f"),
)
ROWS = [{"name": "natural", "steps": 12000, "score": 0.5}, {"name": "robust", "steps": 7, "score": (0.25, 0.125)}]


def test_markdown_is_aligned_and_leaves_out_what_no_row_has():
    assert markdown(ROWS, COLUMNS) == (
        "| network |  steps |       top-k |\n"
        "|---------|-------:|------------:|\n"
        "| natural | 12,000 |        0.50 |\n"
        "| robust  |      7 | 0.25 ± 0.12 |\n"
    )


def test_files_hold_the_same_table_at_full_precision(tmp_path):
    write_table(tmp_path, "t", ROWS, COLUMNS, {"eps": 0.3})
    assert (tmp_path / "t.md").read_text() == markdown(ROWS, COLUMNS)
    with open(tmp_path / "t.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert float(second["score"]) == 0.25 and float(second["score_std"]) == 0.125 and first["score_std"] == ""
    stored = json.loads((tmp_path / "t.json").read_text())
    assert stored["about"] == {"eps": 0.3} and stored["rows"][0] == ROWS[0]


def test_a_text_is_replaced_whole(tmp_path):
    write_text(str(tmp_path / "a"), "one")
    write_text(str(tmp_path / "a"), "two")
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "two"


@pytest.mark.parametrize("by, order", [("kendall", "bca"), ("top_k_intersection", "abc")])
def test_worst_median_best_are_those_by_the_score(by, order):
    scores = {"kendall": np.array([0.9, 0.1, 0.5]), "top_k_intersection": np.array([0.2, 0.3, 0.4])}
    x = np.zeros((3, 4, 4, 1))
    maps = SimpleNamespace(scores=scores, x=x, a=x[..., 0], x_adv=x, a_adv=x[..., 0])
    assert "".join(panel.network for panel in worst_median_best(maps, "abc", by)) == order


def test_panels_draw_grey_and_colour_images(tmp_path):
    r = np.random.RandomState(0)
    for channels in (1, 3):
        x, a = r.rand(8, 8, channels), r.rand(8, 8)
        panels = [Panel(n, x, a, 1 - x, 1 - a, "Kendall 0.1") for n in ("natural", "robust") for _ in range(2)]
        path = tmp_path / f"{channels}.png"
        draw_panels(panels, str(path), "title")
        picture = matplotlib.image.imread(path)
        assert picture.shape[1] > 1000 and picture[..., :3].std() > 0.1


if __name__ == "__main__":
    run_tests(__file__)

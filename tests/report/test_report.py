"""Tables and pictures of reports."""

import csv
import json
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust import report
from tfrobust.report import (
    Column,
    Panel,
    draw_panels,
    intervals,
    markdown,
    panels,
    worst_median_best,
    write_table,
    write_text,
)

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


def panel(name="natural", channels=1, **changes):
    r = np.random.RandomState(0)
    x, a = r.rand(8, 8, channels), r.rand(8, 8)
    return Panel(name, x, a, 1 - x, 1 - a, "Kendall 0.1")._replace(**changes)


@pytest.mark.parametrize("layout, channels", [("rows", 1), ("rows", 3), ("blocks", 3)])
def test_panels_draw_grey_and_colour_images(tmp_path, layout, channels):
    shown = [panel(channels=channels) for _ in range(2)]
    path = tmp_path / "p.png"
    draw_panels(shown, str(path), "title", layout=layout)
    picture = matplotlib.image.imread(path)
    assert (picture.shape[1] > 1000) == (layout == "rows") and picture[..., :3].std() > 0.1


@pytest.mark.parametrize("layout", ["rows", "blocks", "pairs"])
def test_every_part_of_a_panel_shows_what_stands_above_it(layout, monkeypatch):
    figures, shown = [], panel(channels=3, before="before", after="after")
    monkeypatch.setattr(panels, "save_figure", lambda figure, *_: figures.append(figure))
    draw_panels([shown], "p.png", layout=layout)
    drawn = [axis for axis in figures[0].subfigs[0].axes if axis.get_title()]
    x, a, x_adv, a_adv = shown.x, shown.a, shown.x_adv, shown.a_adv
    scale, change = panels.scale_of([shown]), (x_adv - x).mean(axis=-1)
    after = panels.overlay(x_adv, a_adv, scale)
    over, after_over = (panels.overlay(x, each, scale) for each in (a, a_adv))
    images = ("image", x), ("attacked image", x_adv)
    maps, difference = [("map", a), ("map after", a_adv)], ("difference", a_adv - a)
    want = {
        "rows": [images[0], maps[0], images[1], maps[1], difference],
        "blocks": [*images, ("change", change), ("map over image", over), ("after", after), *maps, difference],
        "pairs": [images[0], ("before", over), ("after", after_over), difference, ("before", a), ("after", a_adv)],
    }[layout]
    assert [axis.get_title() for axis in drawn] == [title for title, _ in want]
    for axis, (title, image) in zip(drawn, want):
        np.testing.assert_allclose(axis.images[0].get_array(), image, atol=1e-12, err_msg=title)
    if layout == "blocks":
        most = np.abs(change).max()
        assert drawn[2].get_xlabel() == f"at most {255 * most:.2g}/255"
        assert drawn[2].images[0].get_clim() == pytest.approx((-most, most))


def test_the_change_of_colours_in_an_overlay_follows_the_map():
    """Where the map is zero the light grey image is seen, where it is large the colour of the map alone."""
    x, a = np.zeros((1, 3, 3)), np.array([[0.0, 0.5, 2.0]])
    over = panels.overlay(x, a, panels.Scale(1.0, 1.0, False))
    colours = matplotlib.colormaps[panels.MAP_COLOURS]
    np.testing.assert_allclose(over[0, 0], 1 - panels.FAINT)
    np.testing.assert_allclose(over[0, 2], colours(1.0)[:3])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(over[0, 1], half * np.array(colours(0.5)[:3]) + (1 - half) * (1 - panels.FAINT))


def test_examples_of_a_row_share_a_scale_that_one_pixel_does_not_set():
    faded, spike = panel(a=np.ones((8, 8)), a_adv=np.full((8, 8), 0.5)), np.ones((30, 30))
    spike[0, 0] = 1000
    assert panels.scale_of([faded]) == (1.0, 0.5, False)
    assert panels.scale_of([faded, panel(a=spike, a_adv=None, x_adv=None)]).top == 1.0
    assert panels.scale_of([panel(a=np.zeros((8, 8)), a_adv=-np.ones((8, 8)))]) == (1.0, 1.0, True)
    assert panels.scale_of([panel(a=np.zeros((8, 8)), a_adv=np.zeros((8, 8)))]).top > 0


def test_many_networks_are_drawn_on_pages_and_old_pages_go(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(panels, "ROWS_PER_PAGE", 3)
    monkeypatch.setattr(panels, "draw_panels", lambda own, path, title, n: drawn.append((len(own), path, title)))
    for n in range(2, 6):
        (tmp_path / f"t_{n}.png").write_text("of an earlier comparison")
    path = str(tmp_path / "t.png")
    shown = [panel(f"network {i}") for i in range(7) for _ in range(2)]
    assert report.draw_pages(shown, path, "title") == [path, str(tmp_path / "t_2.png"), str(tmp_path / "t_3.png")]
    assert [count for count, _, _ in drawn] == [6, 6, 2] and drawn[2][2] == "title (3 of 3)"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["t_2.png", "t_3.png"]
    assert report.draw_pages(shown[:2], path, "title") == [path] and drawn[-1][2] == "title"
    assert not list(tmp_path.iterdir())


def test_a_svg_is_vectors_and_the_same_for_the_same_numbers(tmp_path):
    curve, values = {"a": [(0.0, 1.0, 0.9, 1.0), (1.0, 0.5, 0.4, 0.6)]}, {"t": {"attacked": [0.1, 0.2]}}
    for name, draw in (
        ("curves", lambda path: report.draw_curves(curve, path, "title", "y")),
        ("intervals", lambda path: report.draw_intervals({"p": {"r": {"s": (0.1, 0.0, 0.2)}}}, path, "title", "x")),
        ("boxes", lambda path: report.draw_boxes(values, path, "title", "y")),
        ("panels", lambda path: draw_panels([panel()], path, layout="blocks")),
    ):
        texts = []
        for place in "ab":
            draw(str(tmp_path / f"{name}_{place}.svg"))
            texts.append((tmp_path / f"{name}_{place}.svg").read_text())
        assert texts[0] == texts[1] and texts[0].startswith("<?xml") and "<path" in texts[0]


def test_an_interval_is_drawn_where_its_numbers_are(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(intervals, "save_figure", lambda figure, path, form: drawn.append(figure))
    one = {"a": {"x": (0.2, 0.1, 0.4)}, "b": {"x": (-0.3, -0.5, 0.0), "y": (0.0, 0.0, 0.0)}}
    panels = {"one": one, "other": {"b": {"y": (1.0, 1.0, 1.0)}}}
    report.draw_intervals(panels, str(tmp_path / "i.png"), "title", "label")
    first, second = drawn[0].axes
    assert [text.get_text() for text in first.get_yticklabels()] == ["a", "b"]
    points, _, bars = first.containers[0]
    assert list(points.get_xdata()) == [0.2, -0.3] and [round(y) for y in points.get_ydata()] == [0, 1]
    ends = [sorted(segment[:, 0]) for segment in bars[0].get_segments()]
    assert np.allclose(ends, [[0.1, 0.4], [-0.5, 0.0]])
    assert [list(own[0].get_xdata()) for own in second.containers] == [[], [1.0]]


def test_a_picture_is_shown_by_a_notebook_and_written(tmp_path):
    alone = panel(x_adv=None, a_adv=None, before="predicted: rose")
    picture = report.Picture([panel(), alone], "title")
    assert picture._repr_png_()[:4] == b"\x89PNG" and "2 examples" in repr(picture)
    assert (tmp_path / "a.svg").exists() is False and picture.save(str(tmp_path / "a.svg")).endswith("a.svg")
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    assert report.class_name(1, ["tulip", "rose"]) == "rose" and report.class_name(np.int64(1), None) == "1"


if __name__ == "__main__":
    run_tests(__file__)

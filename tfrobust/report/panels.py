"""Pictures of what an attack does to images and to their maps: before, after and the difference, with its scale."""

import os
from collections.abc import Sequence
from typing import IO, Any, Literal, NamedTuple

import numpy as np

from tfrobust.report.escaping import in_picture
from tfrobust.report.figures import save_figure

MAP_COLOURS, CHANGE_COLOURS = "inferno", "PuOr"  # Both keep their order for people who are colour-blind, and in grey.
SHOWN = 99.5  # Percentile of a map at which its colours end: a single pixel does not darken all others.
FAINT = 0.6  # How light the image under a map is.
ROWS_PER_PAGE = 8  # Networks in one picture; more of them are drawn on further pages.
CELL = 1.5  # Inches of an image in rows.
TOP = 0.4  # Inches of the title of a picture.
WIDTH = 5.6  # Inches of a block.
LOWEST, TALLEST = 0.8, 2  # Height by width of the room for an image: numbers beside it, and pages, set the limits.
LARGE, SMALL = 11, 9  # Points of the text.
NAME, TITLE, SAID = 0.32, 0.28, 0.26  # Inches of the lines of text: over a part, over an image, under it.
EDGE, GAP, BAR = 0.1, 0.08, 0.85  # Inches: beside a part, between images, for a scale of colours with its numbers.


class Panel(NamedTuple):
    """One example of one network, before and after an attack.

    Attributes:
        network: its name, or another name of the row that it stands in.
        x, x_adv: the image [H,W,C] in [0, 1], as it is and after the attack; None where there was none.
        a, a_adv: its maps [H,W].
        caption: such as its scores, with three spaces between them.
        before, after: what the network says of the two images, such as the names of classes; empty: nothing is shown.
    """

    network: str
    x: np.ndarray
    a: np.ndarray
    x_adv: np.ndarray | None
    a_adv: np.ndarray | None
    caption: str
    before: str = ""
    after: str = ""


class Scale(NamedTuple):
    """Where colours end: `top` of a map, `change` of a difference of maps; `signed`: maps have negative entries."""

    top: float
    change: float
    signed: bool


def scale_of(panels: Sequence[Panel]) -> Scale:
    """The scale of maps and differences that several examples share, so that what faded looks faded."""
    maps = [a for panel in panels for a in (panel.a, panel.a_adv) if a is not None]
    changes = [panel.a_adv - panel.a for panel in panels if panel.a_adv is not None]
    return Scale(_end(maps), _end(changes), any(a.min() < 0 for a in maps))


def _end(maps: Sequence[np.ndarray]) -> float:
    """Where the colours of the maps end; of maps whose entries are nearly all zero, at the largest."""
    found = [np.percentile(np.abs(a), SHOWN) or np.abs(a).max() for a in maps]
    return max([float(each) for each in found] + [1e-12])


def draw_panels(
    panels: Sequence[Panel],
    path: str | IO[bytes],
    title: str = "",
    per_network: int = 2,
    layout: Literal["rows", "blocks", "pairs"] = "rows",
    *,
    form: str | None = None,
) -> None:
    """Draws examples before and after an attack, with the difference of their maps and the scales of the colours.

    Args:
        panels: the examples, in any order.
        path: where the picture is written, or a binary file.
        title: of the picture; empty: none.
        per_network: how many examples of a network are shown.
        layout: "rows": a row per network, for a wide page; "blocks": each example for itself, with the change of the
          image and the maps over the image, readable on a phone; "pairs": each example for itself, with two maps of
          the same image, `before` and `after` being what they are called.
        form: png or svg; None: by the ending of the path, png for a file.
    """
    from matplotlib.figure import Figure

    networks = list(dict.fromkeys(panel.network for panel in panels))
    groups = [[panel for panel in panels if panel.network == name][:per_network] for name in networks]
    if layout == "rows":
        width = 5 * per_network * CELL + EDGE + 2 * BAR
    else:
        groups, width = [[panel] for group in groups for panel in group], WIDTH
    heights = [_height(group, layout) for group in groups]
    # Where everything stands is known beforehand; a layout that matplotlib searches for costs as much as the drawing.
    figure = Figure(figsize=(width, TOP * bool(title) + sum(heights)))
    grid = figure.add_gridspec(1 + len(groups), 1, height_ratios=[TOP * bool(title), *heights], hspace=0)
    if title:
        figure.add_subfigure(grid[0]).suptitle(in_picture(title), y=0.5, va="center", fontsize=LARGE + 1)
    for n, group in enumerate(groups, 1):
        part = figure.add_subfigure(grid[n])
        if layout == "pairs":
            _draw_pair(part, group[0])
        elif layout == "blocks":
            _draw_block(part, group[0])
        else:
            _draw_row(part, group, per_network)
    save_figure(figure, path, form)


def draw_pages(panels: Sequence[Panel], path: str, title: str, per_network: int = 2) -> list[str]:
    """Draws the rows of `draw_panels` on pages of ROWS_PER_PAGE networks.

    Pages that an earlier, longer comparison left there are removed.

    Args:
        panels: the examples, in any order.
        path: of the first page, NAME.png or NAME.svg; the others are NAME_2.png, NAME_3.png, ...
        title: of the pages.
        per_network: how many examples of a network are shown.

    Returns:
        The paths.
    """
    networks = list(dict.fromkeys(panel.network for panel in panels))
    name, ending = os.path.splitext(path)
    count = -(-len(networks) // ROWS_PER_PAGE)
    paths = [path, *(f"{name}_{page}{ending}" for page in range(2, count + 1))]
    for page, where in enumerate(paths):
        own = networks[page * ROWS_PER_PAGE : (page + 1) * ROWS_PER_PAGE]
        of_page = f"{title} ({page + 1} of {count})" if count > 1 else title
        draw_panels([panel for panel in panels if panel.network in own], where, of_page, per_network)
    while os.path.exists(stale := f"{name}_{max(count, 1) + 1}{ending}"):
        os.remove(stale)
        count += 1
    return paths


def panel_of(maps: Any, n: int, name: str) -> Panel:
    """The panel of one example.

    Args:
        maps: attacks.AttackedMaps.
        n: which example of them.
        name: of the row that it stands in.
    """
    caption = f"top-k {maps.scores['top_k_intersection'][n]:.2f}   Kendall {maps.scores['kendall'][n]:.2f}"
    return Panel(name, maps.x[n], maps.a[n], maps.x_adv[n], maps.a_adv[n], caption)


def worst_median_best(maps: Any, names: Sequence[str], by: str = "kendall") -> list[Panel]:
    """Panels of the examples with the lowest, the median and the highest score.

    Args:
        maps: attacks.AttackedMaps of N images.
        names: [N], what their rows are called; one name for all of them puts them into one row.
        by: the name of the score.
    """
    order = np.argsort(maps.scores[by], kind="stable")
    return [panel_of(maps, n, names[n]) for n in (order[place] for place in (0, len(order) // 2, -1))]


def _draw_row(part, group, per_network) -> None:
    """A network's examples beside each other: image, map, attacked image, map after, difference."""
    _name(part, group[0], x=EDGE / _size(part)[0], ha="left")
    axes, scale = _axes(part, _head(group[0]), 1, 5 * per_network, bars=2)[0], scale_of(group)
    for i, panel in enumerate(group):
        image, before, attacked, after, difference = axes[5 * i : 5 * i + 5]
        _show_image(image, panel.x, "image", panel.before)
        bar = _show_map(before, panel.a, scale, "map")
        _show_image(attacked, panel.x_adv, "attacked image", panel.after)
        _show_map(after, panel.a_adv, scale, "map after")
        change = _show_change(difference, panel.a_adv - panel.a, scale.change, "difference")
        before.set_xlabel(in_picture(panel.caption), fontsize=SMALL, loc="left")
    for axis in axes[5 * len(group) :]:
        axis.axis("off")
    _add_bar(part, bar, axes, "importance")
    _add_bar(part, change, axes, "difference", place=1)


def _draw_block(part, panel) -> None:
    """An example: columns before, after, difference; rows the images, the maps over them, the maps."""
    if panel.x_adv is None:
        return _draw_alone(part, panel)
    scale = scale_of([panel])
    _name(part, panel)
    images, over, maps = _axes(part, _head(panel), 3, 3)
    _show_image(images[0], panel.x, "image", panel.before)
    _show_image(images[1], panel.x_adv, "attacked image", panel.after)
    moved = (np.asarray(panel.x_adv, float) - panel.x).mean(axis=-1)
    most = max(float(np.abs(moved).max()), 1e-12)
    _show_change(images[2], moved, most, "change", f"at most {255 * most:.2g}/255")
    _show_over(over[0], panel.x, panel.a, scale, "map over image")
    _show_over(over[1], panel.x_adv, panel.a_adv, scale, "after")
    over[2].axis("off")
    over[2].text(0.5, 0.5, in_picture("\n".join(panel.caption.split("   "))), fontsize=LARGE, ha="center", va="center")
    bar = _show_map(maps[0], panel.a, scale, "map")
    _show_map(maps[1], panel.a_adv, scale, "map after")
    change = _show_change(maps[2], panel.a_adv - panel.a, scale.change, "difference")
    _add_bar(part, bar, over, "importance")
    _add_bar(part, change, maps, "after minus before")


def _name(part, panel, **place) -> None:
    middle = 1 - NAME / 2 / _size(part)[1]
    part.suptitle(in_picture(panel.network), y=middle, va="center", fontsize=LARGE, fontweight="bold", **place)


def _height(group, layout) -> float:
    """Inches of what is drawn of a group of examples."""
    rows = {"rows": 1, "pairs": 2, "blocks": 1 if group[0].x_adv is None else 3}[layout]
    wide = CELL if layout == "rows" else (WIDTH - EDGE - BAR) / 3
    tall = max(np.clip(panel.x.shape[0] / panel.x.shape[1], LOWEST, TALLEST) for panel in group)
    return _head(group[0]) + rows * (TITLE + (wide - GAP) * tall + SAID)


def _head(panel) -> float:
    """Inches of the name above examples."""
    return NAME if panel.network else 0


def _draw_pair(part, panel) -> None:
    """Two maps of one image: above the image and both maps over it, below the difference and both maps."""
    scale = scale_of([panel])
    _name(part, panel)
    above, below = _axes(part, _head(panel), 2, 3)
    _show_image(above[0], panel.x, "image", panel.caption)
    _show_over(above[1], panel.x, panel.a, scale, panel.before)
    _show_over(above[2], panel.x, panel.a_adv, scale, panel.after)
    change = _show_change(below[0], panel.a_adv - panel.a, scale.change, "difference")
    bar = _show_map(below[1], panel.a, scale, panel.before)
    _show_map(below[2], panel.a_adv, scale, panel.after)
    _add_bar(part, bar, above, "importance")
    _add_bar(part, change, below, "difference")


def _draw_alone(part, panel) -> None:
    """An image, its map over it, and its map."""
    scale = scale_of([panel])
    _name(part, panel)
    image, over, plain = _axes(part, _head(panel), 1, 3)[0]
    _show_image(image, panel.x, "image", panel.before)
    _show_over(over, panel.x, panel.a, scale, "map over image")
    bar = _show_map(plain, panel.a, scale, "map")
    plain.set_xlabel(in_picture(panel.caption), fontsize=SMALL)
    _add_bar(part, bar, [image, over, plain], "importance")


def overlay(x: np.ndarray, a: np.ndarray, scale: Scale) -> np.ndarray:
    """A map over its image: the more important a pixel, the less of the grey image shows through.

    Args:
        x: the image [H,W,C] in [0, 1].
        a: its map [H,W].
        scale: of the map.

    Returns:
        Colours [H,W,3] in [0, 1].
    """
    from matplotlib import colormaps

    strength = np.clip(np.abs(a) / scale.top, 0, 1)
    place = 0.5 + np.clip(a / scale.top, -1, 1) / 2 if scale.signed else strength
    colours = colormaps[CHANGE_COLOURS if scale.signed else MAP_COLOURS](place)[..., :3]
    grey = 1 - FAINT * (1 - np.clip(x, 0, 1).mean(axis=-1, keepdims=True))
    shown = np.sqrt(strength)[..., None]
    return np.clip(shown * colours + (1 - shown) * grey, 0, 1)


def _size(part) -> tuple[float, float]:
    """Width and height of a part of a figure in inches."""
    return part.bbox.width / part.dpi, part.bbox.height / part.dpi


def _axes(part, head, rows, columns, bars=1):
    """Axes [rows][columns] below the `head` inches of a part's name, and left of its `bars` scales of colours."""
    width, height = _size(part)
    wide = (width - EDGE - bars * BAR) / columns - GAP
    high = (height - head) / rows - TITLE - SAID
    bottoms = [height - head - (row + 1) * (TITLE + high + SAID) + SAID for row in range(rows)]
    lefts = [EDGE + column * (wide + GAP) for column in range(columns)]
    return [[_place(part, left, bottom, wide, high) for left in lefts] for bottom in bottoms]


def _place(part, left, bottom, wide, high):
    """Axes without ticks at a place in inches."""
    width, height = _size(part)
    axis = part.add_axes((left / width, bottom / height, wide / width, high / height), xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_linewidth(0.4)
    return axis


def _show_image(axis, image, title, said) -> None:
    axis.imshow(np.clip(image, 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
    axis.set_title(title, fontsize=LARGE)
    if said:
        axis.set_xlabel(in_picture(said), fontsize=SMALL)


def _show_map(axis, a, scale, title):
    least, colours = (-scale.top, CHANGE_COLOURS) if scale.signed else (0, MAP_COLOURS)
    axis.set_title(in_picture(title), fontsize=LARGE)
    return axis.imshow(a, cmap=colours, vmin=least, vmax=scale.top)


def _show_over(axis, image, a, scale, title) -> None:
    axis.imshow(overlay(image, a, scale))
    axis.set_title(in_picture(title), fontsize=LARGE)


def _show_change(axis, change, most, title, said=""):
    axis.set_title(title, fontsize=LARGE)
    if said:
        axis.set_xlabel(said, fontsize=SMALL)
    return axis.imshow(change, cmap=CHANGE_COLOURS, vmin=-most, vmax=most)


def _add_bar(part, shown, axes, label, place=0) -> None:
    """The scale of the colours of `shown` right of a row of axes; `place`: how many others stand between."""
    width, height = _size(part)
    last = axes[-1].get_position(original=True)
    left = last.x1 * width + GAP + place * BAR
    own = _place(part, left, last.y0 * height, 0.12, last.height * height)
    bar = part.colorbar(shown, cax=own, extend="max" if shown.norm.vmin == 0 else "both")
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.locator = _few_ticks()
    bar.update_ticks()


def _few_ticks():
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3)

"""Pictures of what an attack on attributions does: image, map, attacked image, attacked map, side by side."""

from collections.abc import Sequence
from typing import IO, Any, NamedTuple

import numpy as np

from tfrobust.report.escaping import in_picture


class Panel(NamedTuple):
    """One example of one network, before and after an attack.

    Attributes:
        network: its name, or another name of the row that it stands in.
        x, x_adv: the image [H,W,C] in [0, 1].
        a, a_adv: its map [H,W].
        caption: such as its scores.
    """

    network: str
    x: np.ndarray
    a: np.ndarray
    x_adv: np.ndarray
    a_adv: np.ndarray
    caption: str


COLUMNS = ("image", "map", "attacked image", "attacked map")


def draw_panels(panels: Sequence[Panel], path: str | IO[bytes], title: str, per_network: int = 2) -> None:
    """A PNG with a row per network, and in it examples of four pictures each: image, map, attacked image, attacked map.

    Maps share one scale per example, so that what faded looks faded.

    Args:
        panels: the examples, in any order.
        path: where it is written, or a binary file.
        title: of the picture.
        per_network: how many examples of a network are shown.
    """
    networks = list(dict.fromkeys(p.network for p in panels))
    size = 1.5
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size * 4 * per_network + 1.0, (size + 0.42) * len(networks) + 0.8), layout="constrained")
    figure.suptitle(in_picture(title), fontsize=11)
    axes = figure.subplots(len(networks), 4 * per_network, squeeze=False)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_linewidth(0.4)
    for row, network in zip(axes, networks):
        row[0].set_ylabel(in_picture(network).replace(", ", ",\n"), fontsize=9)
        for i, panel in enumerate([p for p in panels if p.network == network][:per_network]):
            _draw(row[4 * i : 4 * i + 4], panel)
    for i, axis in enumerate(axes[0]):
        axis.set_title(COLUMNS[i % 4], fontsize=9)
    figure.savefig(path, dpi=130, format="png")


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


def _draw(axes, panel: Panel) -> None:
    top = max(panel.a.max(), panel.a_adv.max(), 1e-12)
    for axis, picture in zip(axes, (panel.x, panel.a, panel.x_adv, panel.a_adv)):
        if picture.ndim == 3:
            axis.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=1)
        else:
            axis.imshow(picture, cmap="inferno", vmin=0, vmax=top)
    axes[3].set_xlabel(in_picture(panel.caption), fontsize=8, loc="right")

"""A picture of what an attack did to one image and to its map, readable on a phone."""

from typing import IO

import numpy as np

from tfrobust.report.escaping import in_picture
from tfrobust.report.panels import Panel


def draw_change(panel: Panel, path: str | IO[bytes]) -> None:
    """A PNG of what an attack did to one example.

    Image and map stand above; the attacked image, its map and what changed of the map below; beside them the scales of
    the maps and of the difference.

    Args:
        panel: the example.
        path: where it is written, or a binary file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots(2, 3)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    shown = axes[0, 0], axes[1, 0]
    for axis, image, title in zip(shown, (panel.x, panel.x_adv), ("image", "attacked image")):
        axis.imshow(np.clip(image, 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=11)
    top = max(panel.a.max(), panel.a_adv.max(), 1e-12)
    for axis, a, title in zip((axes[0, 1], axes[1, 1]), (panel.a, panel.a_adv), ("map", "map after")):
        importance = axis.imshow(a, cmap="inferno", vmin=0, vmax=top)
        axis.set_title(title, fontsize=11)
    difference = panel.a_adv - panel.a
    most = max(np.abs(difference).max(), 1e-12)
    change = axes[1, 2].imshow(difference, cmap="PuOr", vmin=-most, vmax=most)
    axes[1, 2].set_title("difference", fontsize=11)
    axes[0, 2].axis("off")
    axes[0, 2].text(0.5, 0.5, in_picture(panel.caption), fontsize=11, ha="center", va="center")
    for part, where, label in (
        (importance, axes[0, :], "importance (mean: 1)"),
        (change, axes[1, :], "after minus before"),
    ):
        bar = figure.colorbar(part, ax=where, fraction=0.05)
        bar.set_label(label, fontsize=10)
        bar.ax.tick_params(labelsize=9)
    figure.savefig(path, dpi=130, format="png")

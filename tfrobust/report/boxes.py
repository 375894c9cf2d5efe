"""Box plots of how a measure spreads over the examples."""

from collections.abc import Mapping, Sequence
from typing import IO

import numpy as np

from tfrobust.report.colours import colour_of, other_colour
from tfrobust.report.escaping import in_picture
from tfrobust.report.figures import in_percent, save_figure


def draw_boxes(
    groups: Mapping[str, Mapping[str, Sequence[float] | np.ndarray]],
    path: str | IO[bytes],
    title: str,
    label: str,
    form: str | None = None,
    *,
    percent: bool = False,
) -> None:
    """A picture of box plots, a group of boxes per task.

    A box spans the quartiles, its line is the median, the whiskers reach the last example within 1.5 box lengths.

    Args:
        groups: task -> what (such as attacked, noise) -> values.
        path: where it is written, or a binary file.
        title: of the picture.
        label: of the axis of the values.
        form: png or svg; None: by the ending of the path, png for a file.
        percent: the values are shares, written in per cent.
    """
    whats = list(dict.fromkeys(what for group in groups.values() for what in group))
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 + 1.1 * len(groups) * max(len(whats), 1) ** 0.5, 3.6), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / max(len(whats), 1)
    for j, what in enumerate(whats):
        places = np.arange(len(groups)) + (j - (len(whats) - 1) / 2) * width
        values = [np.asarray(group.get(what, []), float) for group in groups.values()]
        boxes = axis.boxplot(values, positions=places, widths=0.85 * width, patch_artist=True, flierprops={"ms": 2})
        for box in boxes["boxes"]:
            box.set_facecolor(colour_of(what, other_colour(j)))
            box.set_alpha(0.6)
        for median in boxes["medians"]:
            median.set_color(colour_of(what, "black"))
            median.set_linewidth(2)  # Where all values are the same, the median is all that is seen of the box.
        axis.plot([], [], "s", color=colour_of(what, other_colour(j)), alpha=0.6, label=in_picture(what))
    axis.set_xticks(np.arange(len(groups)), [in_picture(name).replace(", ", ",\n") for name in groups], fontsize=10)
    if len(groups) > 3:
        axis.tick_params(axis="x", rotation=30)
    axis.set_ylabel(in_picture(label), fontsize=11)
    if percent:
        in_percent(axis)
    axis.set_title(in_picture(title), fontsize=11)
    axis.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=max(len(whats), 1), fontsize=10)
    save_figure(figure, path, form)

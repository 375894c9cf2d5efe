"""Means with their intervals, row under row (a forest plot): which differences are above zero, and by which ruler."""

from collections.abc import Mapping, Sequence
from typing import IO

from tfrobust.report.colours import other_colour
from tfrobust.report.escaping import in_picture
from tfrobust.report.figures import save_figure

Interval = Sequence[float]  # mean, low, high.
APART = 0.22  # Between the intervals of one row, of the distance between rows.


def draw_intervals(
    panels: Mapping[str, Mapping[str, Mapping[str, Interval]]],
    path: str | IO[bytes],
    title: str,
    label: str,
    *,
    form: str | None = None,
) -> None:
    """A picture of intervals, a panel beside the other with the same rows, and a line at zero.

    Args:
        panels: title of the panel -> name of the row -> name of the series -> (mean, low, high).  Rows that
          a panel has not are empty there.
        path: where it is written, or a binary file.
        title: of the picture.
        label: of the axis of the values.
        form: png or svg; None: by the ending of the path, png for a file.
    """
    from matplotlib.figure import Figure

    rows = list(dict.fromkeys(row for own in panels.values() for row in own))
    series = list(dict.fromkeys(name for own in panels.values() for each in own.values() for name in each))
    size = (1.0 + 0.075 * max(map(len, rows), default=0) + 2.4 * len(panels), 1.6 + 0.26 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for axis, (name, own) in zip(axes, panels.items()):
        for i, one in enumerate(series):
            places = [j for j, row in enumerate(rows) if one in own.get(row, {})]
            values = [own[rows[j]][one] for j in places]
            means, errors = [v[0] for v in values], [[v[0] - v[1] for v in values], [v[2] - v[0] for v in values]]
            at = [j + APART * (i - (len(series) - 1) / 2) for j in places]
            axis.errorbar(means, at, xerr=errors, fmt="o", ms=4, lw=1.5, color=other_colour(i), label=in_picture(one))
        axis.axvline(0, color="0.4", lw=1)
        axis.set_xlabel(in_picture(label))
        axis.set_title(in_picture(name), fontsize=10)
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(rows)), list(map(in_picture, rows)), fontsize=9)
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(series), fontsize=9)
    figure.suptitle(in_picture(title), fontsize=11)
    save_figure(figure, path, form)

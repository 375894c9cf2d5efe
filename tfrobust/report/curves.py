"""Curves of a measure over eps or whatever was swept, with their confidence bands."""

from collections.abc import Mapping, Sequence
from typing import IO

from tfrobust.report.colours import colour_of, other_colour
from tfrobust.report.escaping import in_picture
from tfrobust.report.figures import in_percent, save_figure

LINES = ("-", "--", ":", "-.")
Point = tuple[float, float, float, float]


def draw_curves(
    curves: Mapping[str, Sequence[Point]],
    path: str | IO[bytes],
    title: str,
    label: str,
    over: str = "eps",
    *,
    form: str | None = None,
    percent: bool = False,
) -> None:
    """A picture of curves with their confidence bands, a line per name.

    Args:
        curves: name -> points (x, mean, low, high), in any order; the band spans low to high.
        path: where it is written, or a binary file.
        title: of the picture.
        label: of the axis of the values.
        over: what x is.
        form: png or svg; None: by the ending of the path, png for a file.
        percent: the values are shares, written in per cent.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 3.8), layout="constrained")
    axis = figure.subplots()
    for i, (name, points) in enumerate(curves.items()):
        eps, mean, low, high = zip(*sorted(points))
        colour = colour_of(name, other_colour(i))
        same = [
            other for other in curves if colour_of(other, "") == colour
        ]  # Curves of one colour differ in their line styles.
        line = LINES[same.index(name) % len(LINES)] if same else LINES[0]
        axis.plot(eps, mean, "o", linestyle=line, ms=4, color=colour, label=in_picture(name))
        axis.fill_between(eps, low, high, color=colour, alpha=0.15, lw=0)
    if all(isinstance(point[0], int) for points in curves.values() for point in points):
        axis.locator_params(axis="x", integer=True)
    axis.set_xlabel(in_picture(over))
    axis.set_ylabel(in_picture(label))
    if percent:
        in_percent(axis)
    axis.set_ylim(-0.02, 1.02)
    axis.set_title(in_picture(title), fontsize=11)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=9)
    save_figure(figure, path, form)

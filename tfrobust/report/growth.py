"""A picture of how quantities grow: measured points and the line that was fitted to them, on logarithmic axes."""

from collections.abc import Sequence
from typing import IO, NamedTuple

from tfrobust.report.colours import other_colour
from tfrobust.report.escaping import in_picture
from tfrobust.report.figures import save_figure


class Grown(NamedTuple):
    """One panel of the picture.

    Attributes:
        over: what grows.
        label: of the axis of the values.
        points: (n, value) each, all above 0.
        line: (start, slope) of the fitted line start + slope * n.
        said: the fit in words.
    """

    over: str
    label: str
    points: Sequence[tuple[float, float]]
    line: tuple[float, float]
    said: str


def draw_growth(rows: Sequence[Sequence[Grown]], path: str | IO[bytes], title: str, *, form: str | None = None) -> None:
    """Draws panels in rows.

    Args:
        rows: of panels, each of the same length.
        path: where the picture is written, or a binary file.
        title: of the picture.
        form: png or svg; None: by the ending of the path, png for a file.
    """
    from matplotlib.figure import Figure

    across = len(rows[0])
    figure = Figure(figsize=(3.6 * across, 0.4 + 2.4 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), across, squeeze=False)
    for own, panels in zip(axes, rows):
        for i, (axis, panel) in enumerate(zip(own, panels)):
            _draw(axis, panel, other_colour(i))
    figure.suptitle(in_picture(title), fontsize=11)
    save_figure(figure, path, form)


def _draw(axis, panel: Grown, colour: str) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator, ScalarFormatter

    n, values = zip(*sorted(panel.points))
    start, slope = panel.line
    fitted = [start + slope * each for each in n]
    axis.plot(n, values, "o", ms=5, color=colour)
    axis.plot(n, [value if value > 0 else float("nan") for value in fitted], "-", color=colour, lw=1)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_ylim(min(values) / 2, 2 * max(values))
    axis.set_xticks(n)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.tick_params(labelsize=8)
    axis.set_xlabel(in_picture(panel.over), fontsize=9)
    axis.set_ylabel(in_picture(panel.label), fontsize=9)
    axis.set_title(in_picture(panel.said), fontsize=8)
    axis.grid(alpha=0.3)
